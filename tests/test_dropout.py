"""Dropout in a transformer: on in training, off in evaluation, unbiased, and the same after a cut."""

import jax.numpy as jnp
import numpy as np
import pytest

from framework.training import from_named_leaves, named_leaves
from tests.test_transformer import made, small_run, task_of

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.mark.slow
def test_dropout_is_active_in_training_and_off_in_evaluation():
    inputs = task_of().population().inputs
    net = made(dropout=0.5)
    np.testing.assert_array_equal(net(inputs), made()(inputs))
    net.train()
    one, other = net(inputs), net(inputs)
    assert not np.allclose(one, other)
    assert np.all(np.isfinite(one))


@pytest.mark.slow
def test_dropout_keeps_the_mean_of_attention_and_mlp():
    """With linear parts the mean over many draws is the output without dropout; three draws of 0.2 each are in the way."""
    net = made(dropout=0.2, activation="identity", d_model=4, heads=1, d_mlp=4)
    inputs = jnp.tile(jnp.array([[1, 5]], jnp.int32), (40_000, 1))
    expected = net(inputs)[0]
    net.train()
    found = np.asarray(net(inputs), np.float64)
    error = found.std(axis=0) / len(found) ** 0.5
    assert np.all(error > 0)
    assert np.all(np.abs(found.mean(axis=0) - expected) < 5 * error)


def test_the_attention_weights_are_dropped_too():
    net = made(dropout=0.5)
    x = jnp.ones((64, 4, 12))
    net.train()
    assert len(np.unique(np.asarray(net.blocks[0].attention(x)).round(5), axis=0)) > 1


def test_a_run_with_dropout_is_the_same_whether_cut_or_not():
    run = small_run(9, dropout=0.3)
    whole, diverged = run.advance(run.initial_state(), 9)
    half, _ = run.advance(run.initial_state(), 4)
    stored = {name: array.copy() for name, array in named_leaves(half).items()}
    assert any("dropout" in name and name.endswith("count") for name in stored)
    resumed, _ = run.advance(from_named_leaves(run.initial_state(), stored, run.device), 5)
    assert diverged == -1
    one, other = ({name: array.tobytes() for name, array in named_leaves(state).items()} for state in (whole, resumed))
    assert one == other
