import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import train
from framework.config import select
from framework.errors import UserError
from plugins.mathematics.fourier import relative_function
from plugins.probes.progress_measures import key_frequencies, label_means, project_inputs, project_jointly
from tests.constructions import all_inputs
from tests.constructions import outputs as network_outputs
from tests.small_runs import small_config

P = 7


def random_outputs(seed=0, p=P):
    inputs, labels = all_inputs(p, 2)
    return np.random.default_rng(seed).normal(size=(p * p, p)), inputs, labels


def by_inputs(outputs, inputs, frequencies):
    """Nanda et al.'s projection, from their tensors: d_f^c = (cos⊗cos − sin⊗sin)/√2 and d_f^s = (sin⊗cos + cos⊗sin)/√2."""
    n = np.arange(P)
    part = np.zeros_like(outputs)
    for f in frequencies:
        c, s = (g(2 * np.pi * f * n / P) for g in (np.cos, np.sin))
        c, s = c / np.linalg.norm(c), s / np.linalg.norm(s)
        for d in ((np.outer(c, c) - np.outer(s, s)) / np.sqrt(2), (np.outer(s, c) + np.outer(c, s)) / np.sqrt(2)):
            part += np.outer(d.ravel(), d.ravel() @ outputs)  # inputs are in lexicographic order
    return part


def jointly(outputs, labels, frequencies):
    """Projection on cos and sin of w_f (a + b − c), as functions of all three."""
    part = np.zeros_like(outputs)
    for f in frequencies:
        angle = 2 * np.pi * f * (labels[:, None] - np.arange(P)) / P
        for d in (np.cos(angle), np.sin(angle)):
            part += d * np.sum(d * outputs) / np.sum(d * d)
    return part


@pytest.mark.parametrize("frequencies", [(1,), (3,), (1, 2), (1, 2, 3)])
def test_both_projections_are_those_of_explicit_basis_functions(frequencies):
    outputs, inputs, labels = random_outputs()
    with jax.enable_x64(True):
        kept = jnp.zeros(P // 2 + 1).at[jnp.array(frequencies)].set(1)
        means = label_means(jnp.asarray(outputs), jnp.asarray(labels))
        np.testing.assert_allclose(project_inputs(means, kept)[labels], by_inputs(outputs, inputs, frequencies), atol=1e-12)
        np.testing.assert_allclose(project_jointly(means, kept)[labels], jointly(outputs, labels, frequencies), atol=1e-12)


def test_projecting_twice_changes_nothing_and_the_strict_part_lies_in_the_other():
    outputs, _, labels = random_outputs(1)
    with jax.enable_x64(True):
        kept = jnp.zeros(P // 2 + 1).at[2].set(1)
        means = label_means(jnp.asarray(outputs), jnp.asarray(labels))
        joint = project_jointly(means, kept)
        np.testing.assert_allclose(project_jointly(joint, kept), joint, atol=1e-12)
        np.testing.assert_allclose(project_inputs(joint, kept), joint, atol=1e-12)


def test_key_frequencies_are_those_with_the_most_power():
    _, labels = all_inputs(23, 2)
    angle = 2 * np.pi * (labels[:, None] - np.arange(23)) / 23
    outputs = jnp.asarray(3 * np.cos(4 * angle) + 5 * np.cos(9 * angle + 1) + 0.1 * np.cos(angle), jnp.float32)
    assert key_frequencies(outputs, jnp.asarray(labels), 3).tolist() == [9, 4, 1]
    assert float(relative_function(outputs, jnp.asarray(labels))[1]) == pytest.approx(1, abs=1e-5)


def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels])


@pytest.mark.slow
def test_a_run_records_the_losses_of_its_last_network():
    run = train(small_config({"progress": select("progress_measures", frequencies=(1, 3))}))
    inputs, labels = all_inputs(P, 2)
    outputs = network_outputs(*(run.params()[name].astype(float) for name in "WV"), inputs)
    train_rows = np.asarray(run.experiment.splits.train.inputs) @ [P, 1]
    test_rows = np.setdiff1d(np.arange(P * P), train_rows)
    row = run.rows[-1]
    for suffix, part in (("", by_inputs(outputs, inputs, (1, 3))), ("_strict", jointly(outputs, labels, (1, 3)))):
        restricted = part + outputs.mean(axis=0)
        assert row[f"progress/test_restricted{suffix}"] == pytest.approx(cross_entropy(restricted[test_rows], labels[test_rows]), rel=1e-4)
        assert row[f"progress/population_restricted{suffix}"] == pytest.approx(cross_entropy(restricted, labels), rel=1e-4)
        excluded = (outputs - part)[train_rows]
        assert row[f"progress/train_excluded{suffix}"] == pytest.approx(cross_entropy(excluded, labels[train_rows]), rel=1e-4)


@pytest.mark.slow
def test_in_regression_the_loss_is_the_square():
    run = train(small_config({"progress": select("progress_measures", count=2)}, "modular_addition_regression"))
    inputs, labels = all_inputs(P, 2)
    outputs = network_outputs(*(run.params()[name].astype(float) for name in "WV"), inputs)
    keys = run.arrays("progress/key_frequencies")[60].tolist()
    restricted = jointly(outputs, labels, keys) + outputs.mean(axis=0)
    assert len(keys) == 2 and run.rows[-1]["progress/population_restricted_strict"] == pytest.approx(
        np.mean((restricted - P * np.eye(P)[labels]) ** 2), rel=1e-4
    )


def test_what_it_cannot_project_it_refuses():
    with pytest.raises(UserError, match="1 … 3 for 7 outputs"):
        train(small_config({"progress": select("progress_measures", frequencies=(4,))}))


@pytest.mark.slow
def test_all_frequencies_and_an_even_modulus_leave_no_difference_to_the_mean_of_equal_sums():
    task = select("modular_addition", p=6, train_size="60%")
    run = train(small_config({"progress": select("progress_measures", count=9)}, task, steps=3))
    inputs, labels = all_inputs(6, 2)
    outputs = network_outputs(*(run.params()[name].astype(float) for name in "WV"), inputs)
    table = np.stack([outputs[labels == s].mean(axis=0) for s in range(6)])
    expected = cross_entropy(table[labels], labels)
    assert run.rows[-1]["progress/population_restricted"] == pytest.approx(expected, rel=1e-4)
