"""Interventions in the middle of training: what is saved right after them, in NumPy from what the same run without them saves."""

import itertools
import zlib

import jax
import numpy as np
import pytest

from framework import train
from tests.changed_runs import STEP, changed, plain, row, state

pytestmark = pytest.mark.usefixtures("clean_registry")  # all runs share the compiled programs of this file

P = 5
PAIRS = np.array(list(itertools.product(range(P), repeat=2)))


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The state at the step, of the run that nothing changes."""
    return state(train(plain(STEP), tmp_path_factory.mktemp("plain") / "run"))


def after(folder, name, **fields):
    run = train(changed(name, STEP, **fields), folder / "run")
    return state(run), run


def assert_others_stay(before, now, *changed):
    same = [name for name in before if name.startswith(("params", "opt_state")) and name not in changed]
    assert len(same) == len([name for name in before if name.startswith(("params", "opt_state"))]) - len(changed)
    for name in same:
        np.testing.assert_array_equal(now[name], before[name], err_msg=name)


def test_the_strongest_frequency_of_the_embedding_is_kept(before, tmp_path):
    now, run = after(tmp_path, "frequencies", count=1)
    spectrum = np.fft.fft(before["params.W"].astype(float), axis=1)
    power = np.sum(np.abs(spectrum) ** 2, axis=(0, 2))
    best = 1 + int(np.argmax(power[1:3]))
    kept = np.isin(np.arange(P), [0, best, P - best])
    np.testing.assert_allclose(now["params.W"], np.fft.ifft(spectrum * kept[:, None], axis=1).real, atol=1e-6)
    assert run.arrays("x/frequencies")[STEP].tolist() == [best]
    assert_others_stay(before, now, "params.W")


def test_the_largest_neurons_are_taken_away(before, tmp_path):
    now, run = after(tmp_path, "neurons", count=3)
    W, V = before["params.W"], before["params.V"]
    gone = np.argsort((W.astype(float) ** 2).sum((0, 1)) + (V.astype(float) ** 2).sum(1))[-3:]
    alive = ~np.isin(np.arange(8), gone)
    np.testing.assert_array_equal(now["params.W"], W * alive)
    np.testing.assert_array_equal(now["params.V"], V * alive[:, None])
    assert sorted(run.arrays("x/neurons")[STEP]) == sorted(gone)
    assert_others_stay(before, now, "params.W", "params.V")


def test_the_largest_singular_directions_are_kept(before, tmp_path):
    now, _ = after(tmp_path, "singular_directions", count=2)
    for name in ("params.W", "params.V"):
        matrix = before[name].reshape(-1, before[name].shape[-1]).astype(float)
        vectors = np.linalg.eigh(matrix.T @ matrix)[1][:, -2:]
        np.testing.assert_allclose(now[name].reshape(matrix.shape), matrix @ vectors @ vectors.T, atol=1e-5)
    assert_others_stay(before, now, "params.W", "params.V")


def test_a_transplant_is_what_the_other_run_has_saved(before, tmp_path):
    other = train(plain(3, seed=9), tmp_path / "other")
    now, _ = after(tmp_path, "transplant", source=f"{other.path}@2", leaves="V")
    np.testing.assert_array_equal(now["params.V"], state(other, 2)["params.V"])
    assert not np.array_equal(now["params.V"], before["params.V"])
    assert_others_stay(before, now, "params.V")


def sample_of(seed, count):
    """The numbers of the examples that are drawn, in order, and of those that are left."""
    drawn = np.random.default_rng([seed, zlib.crc32(b"data")]).choice(P**2, count, replace=False)
    return np.sort(drawn), np.setdiff1d(np.arange(P**2), drawn)


def test_random_labels_are_drawn_from_the_key_of_the_name_and_the_step(before, tmp_path):
    now, run = after(tmp_path, "labels", share=0.5)
    count = len(now["data.0.targets"])
    drawn, _ = sample_of(0, count)
    np.testing.assert_array_equal(now["data.0.inputs"], PAIRS[drawn])
    expected = PAIRS[drawn].sum(axis=1) % P
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), zlib.crc32(b"intervention/x")), STEP)
    which, what = jax.random.split(key)
    changes = np.asarray(jax.random.permutation(which, count))[: round(count / 2)]
    labels = expected.copy()
    labels[changes] = np.asarray(jax.random.randint(what, (len(changes),), 0, P))
    np.testing.assert_array_equal(now["data.0.targets"], labels)
    assert row(run)["x/examples"] == np.sum(labels != expected) > 0
    assert_others_stay(before, now)


def test_another_sample_is_drawn_as_numpy_draws_it(before, tmp_path):
    now, _ = after(tmp_path, "sample", seed=4)
    for number, places in enumerate(sample_of(4, len(now["data.0.targets"]))):
        np.testing.assert_array_equal(now[f"data.{number}.inputs"], PAIRS[places])
        np.testing.assert_array_equal(now[f"data.{number}.targets"], PAIRS[places].sum(axis=1) % P)
    assert_others_stay(before, now)
