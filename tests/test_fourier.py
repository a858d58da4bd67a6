from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import Sizes, Split, Task, register, train
from framework.config import select
from framework.errors import UserError
from plugins.mathematics import fourier
from tests.constructions import all_inputs, appendix_f, outputs, summands
from tests.small_runs import TASKS, small_config


def wave(p, f, phase=0.0):
    return np.cos(2 * np.pi * f * np.arange(p) / p + phase)


@pytest.mark.parametrize("p", [2, 7, 8, 23])
def test_power_is_the_full_transform_with_f_and_minus_f_together(p):
    w = np.random.default_rng(p).normal(size=(3, p))
    full = np.abs(np.fft.fft(w)) ** 2
    expected = np.stack([full[:, f] + (full[:, -f % p] if -f % p != f else 0) for f in range(p // 2 + 1)], axis=1)
    with jax.enable_x64(True):
        power = fourier.power_spectrum(jnp.asarray(w))
        np.testing.assert_allclose(power, expected, rtol=1e-12)
        np.testing.assert_allclose(np.sum(power, axis=1), p * np.sum(w**2, axis=1), rtol=1e-12)  # Parseval
        np.testing.assert_allclose(fourier.power_spectrum(jnp.asarray(w), folded=False), full[:, : p // 2 + 1], rtol=1e-12)


def test_participation_of_one_cosine_and_of_a_flat_spectrum():
    p = 23
    impulse = np.eye(p)[0]  # |ŵ_f| = 1 for all f: flat in the unfolded bins
    with jax.enable_x64(True):
        ipr = lambda w, folded=True: float(fourier.inverse_participation_ratio(fourier.power_spectrum(jnp.asarray(w), folded)))  # noqa: E731
        assert ipr(wave(p, 3, 0.7)) == pytest.approx(1, abs=1e-12)
        assert ipr(impulse, folded=False) == pytest.approx(1 / 12, rel=1e-12)
        flat = sum(wave(p, f) for f in range(1, 12)) + np.sqrt(0.5)
        assert ipr(flat) == pytest.approx(1 / 12, rel=1e-12)
        # The two conventions on cos + ½, as recomputed from Doshi et al.'s code (classics.md).
        assert ipr(wave(p, 1) + 0.5, folded=False) == pytest.approx(0.5, abs=5e-4)
        assert ipr(wave(p, 1) + 0.5) == pytest.approx(0.556, abs=5e-4)
        assert float(fourier.participation(jnp.array([2.0, 2.0, 0.0]))) == pytest.approx(2)
        assert ipr(np.zeros(p)) == 0 and float(fourier.participation(jnp.zeros(4))) == 0


def test_frequency_and_phase_of_single_waves():
    p, rng = 11, np.random.default_rng(1)
    f, phases = rng.integers(1, 6, 40), rng.uniform(-np.pi, np.pi, (2, 40))
    phases = np.concatenate([phases, phases.sum(axis=0, keepdims=True)])
    blocks = np.array([[wave(p, f[j], phases[i, j]) for j in range(40)] for i in range(3)])
    with jax.enable_x64(True):
        found = fourier.dominant_frequency(jnp.sum(fourier.power_spectrum(jnp.asarray(blocks)), axis=0))
        np.testing.assert_array_equal(found, f)
        angles = fourier.phases_at(jnp.asarray(blocks), found)
        np.testing.assert_allclose(np.exp(1j * np.asarray(angles)), np.exp(1j * phases), atol=1e-12)
        np.testing.assert_allclose(fourier.phase_deviation(angles), 0, atol=1e-12)
        off = fourier.phase_deviation(angles.at[2].add(0.3))
        np.testing.assert_allclose(off, -0.3, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("p", "k"), [(7, 2), (5, 3)])
def test_networks_that_add_obey_the_phase_relation_and_are_functions_of_the_sum(p, k):
    W, V = appendix_f(p) if k == 2 else summands(p, k, range(1, (p - 1) // 2 + 1))
    moving = np.abs(np.fft.rfft(V)[:, 1:]).max(axis=1) > 1e-9  # appendix F has neurons of frequency 0 and zero rows
    inputs, labels = all_inputs(p, k)
    with jax.enable_x64(True):
        blocks = fourier.neuron_blocks(jnp.asarray(W[:, :, moving]), jnp.asarray(V[moving]))
        powers = fourier.power_spectrum(blocks)
        frequency = fourier.dominant_frequency(jnp.sum(powers, axis=0))
        np.testing.assert_allclose(fourier.inverse_participation_ratio(powers), 1, atol=1e-12)
        np.testing.assert_allclose(fourier.phase_deviation(fourier.phases_at(blocks, frequency)), 0, atol=1e-9)
        assert int(fourier.count_frequencies(frequency, jnp.ones(int(moving.sum()), bool), p)) == (p - 1) // 2
        g, explained = fourier.relative_function(jnp.asarray(outputs(W, V, inputs)), jnp.asarray(labels))
        assert float(explained) == pytest.approx(1, rel=1e-12)
        spectrum = fourier.power_spectrum(g)
        assert float(fourier.participation(spectrum)) == pytest.approx((p - 1) / 2, rel=1e-9)


def test_the_explained_share_is_a_projection_onto_functions_of_the_difference():
    p, rng = 5, np.random.default_rng(2)
    inputs, labels = all_inputs(p, 2)
    f = rng.normal(size=(p * p, p))
    centred = f - f.mean(axis=1, keepdims=True)
    basis = np.stack([((labels[:, None] - np.arange(p)) % p == t).ravel() for t in range(p)], axis=1).astype(float)
    coefficients, *_ = np.linalg.lstsq(basis, centred.ravel(), rcond=None)
    with jax.enable_x64(True):
        g, explained = fourier.relative_function(jnp.asarray(f), jnp.asarray(labels))
        np.testing.assert_allclose(g, coefficients, atol=1e-12)
        assert float(explained) == pytest.approx(np.sum((basis @ coefficients) ** 2) / np.sum(centred**2), rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_run_records_the_spectrum_of_its_last_network(task):
    run = train(small_config({"fourier": select("fourier")}, task))
    V, power = run.params()["V"], run.arrays("fourier/power")[60]
    W = run.params()["W"]
    blocks = [W[0].T, W[1].T, V]
    expected = sum(np.sum(np.abs(np.fft.fft(block)[:, [f, -f % 7]]) ** 2, axis=1) / (1 if f else 2) for block in blocks for f in [2])
    np.testing.assert_allclose(power[:, 2], expected, rtol=1e-4)
    assert power.shape == (28, 4) and run.arrays("fourier/phases")[60].shape == (3, 28)
    assert 0 <= run.rows[-1]["fourier/explained"] <= 1 and 1 <= run.rows[-1]["fourier/frequencies"] <= 3


@pytest.mark.slow
@pytest.mark.parametrize(("p", "coefficients"), [(7, (1, 6)), (7, (2, 3)), (11, (4, 10, 1))])
def test_with_coefficients_each_block_is_read_at_its_multiple_of_the_frequency(p, coefficients):
    """A neuron of Doshi et al. 2024: U_i = cos(2πf c_i n/p + φ_i), V = cos(2πf q/p + Σφ_i), here for every f."""
    rng, n = np.random.default_rng(p), np.arange(p)
    f = np.arange(1, (p - 1) // 2 + 1)
    phases = rng.uniform(-np.pi, np.pi, (len(coefficients), len(f)))
    W = np.stack([np.cos(2 * np.pi * c * np.outer(n, f) / p + phase) for c, phase in zip(coefficients, phases, strict=True)])
    V = np.cos(2 * np.pi * np.outer(f, n) / p + phases.sum(axis=0)[:, None])
    multiples = jnp.array([*coefficients, 1], jnp.int32)
    with jax.enable_x64(True):
        blocks = fourier.neuron_blocks(jnp.asarray(W), jnp.asarray(V))
        powers = fourier.powers_at_multiples(fourier.power_spectrum(blocks), multiples, p)
        np.testing.assert_array_equal(fourier.dominant_frequency(jnp.sum(powers, axis=0)), f)
        np.testing.assert_allclose(powers[:, f - 1, f], p**2 / 2, rtol=1e-12)
        np.testing.assert_allclose(fourier.phase_deviation(fourier.phases_at(blocks, jnp.asarray(f), multiples)), 0, atol=1e-9)
        assert np.min(np.abs(fourier.phase_deviation(fourier.phases_at(blocks, jnp.asarray(f))))) > 1e-3


@pytest.mark.slow
def test_phases_are_compared_only_where_the_answer_is_a_sum(clean_registry):
    @register("renamed")
    @dataclass(frozen=True, kw_only=True)
    class Renamed(Task):
        """a + b mod 7 with the answers 2 and 3 exchanged: a Latin square that is no sum."""

        sizes = Sizes(tokens=2, values=7, outputs=7)

        def population(self):
            inputs, sums = all_inputs(7, 2)
            return Split(jnp.asarray(inputs, jnp.int32), jnp.array([0, 1, 3, 2, 4, 5, 6], jnp.int32)[sums])

    difference = select("modular_addition", p=7, coefficients=(1, -1))
    probes = {"fourier": select("fourier"), "margins": select("margins")}
    weighted, renamed = (train(small_config(probes, task, steps=1)).rows[-1] for task in (difference, select("renamed")))
    assert 0 < weighted["fourier/phase_deviation"] < np.pi
    assert weighted["margins/known_max_l2d"] == pytest.approx(0.0171448, rel=1e-5)  # classics.md: that of addition mod 7
    assert "fourier/ipr" in renamed and not {"fourier/phase_deviation", "margins/known_max_l2d"} & set(renamed)
    with pytest.raises(UserError, match="sums"):
        train(small_config({"progress": select("progress_measures")}, select("renamed"), steps=1))
