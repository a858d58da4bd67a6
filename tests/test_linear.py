"""The linear model against one-hot vectors in NumPy, and what it can and cannot learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import build


def made(task, **fields):
    return build("model", "linear", **fields).build(task, rngs=nnx.Rngs(0))


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_outputs_are_those_of_one_hot_vectors(k, bias):
    with jax.enable_x64(True):
        task = build("task", "modular_addition", p=5, k=k)
        net, inputs = made(task, bias=bias), task.population().inputs
        x = np.eye(5)[np.asarray(inputs)].reshape(len(inputs), -1)
        expected = x @ np.concatenate(list(np.asarray(net.W[...]))) + (np.asarray(net.b[...]) if bias else 0)
        np.testing.assert_allclose(net(inputs), expected, rtol=1e-12, atol=1e-14)
        assert net(inputs).dtype == jnp.float64
        net.W[...] = 3 * net.W[...]
        if bias:
            net.b[...] = 3 * net.b[...]
        assert build("model", "linear", bias=bias).homogeneity(task) == 1
        np.testing.assert_allclose(net(inputs), 3 * expected, rtol=1e-12, atol=1e-14)


def test_entries_fill_pytorchs_bounds_times_the_scale():
    net = made(build("task", "modular_addition", p=59), init_scale=3.0)
    bound = 3 / 118**0.5
    for entries in (net.W[...], net.b[...]):
        assert 0.9 * bound < float(jnp.max(jnp.abs(entries))) <= bound * (1 + 1e-6)
    assert float(jnp.var(net.W[...])) == pytest.approx(bound**2 / 3, rel=0.03)


def test_the_best_linear_model_of_modular_addition_knows_nothing():
    """With every input once, a residue of one summand says nothing of the sum: least squares gives 1/p everywhere."""
    task = build("task", "modular_addition", p=7)
    split = task.population()
    x = np.eye(7)[np.asarray(split.inputs)].reshape(49, -1)
    best, *_ = np.linalg.lstsq(x, np.eye(7)[np.asarray(split.targets)], rcond=None)
    net = made(task, bias=False)
    net.W[...] = jnp.asarray(best.reshape(2, 7, 7), jnp.float32)
    np.testing.assert_allclose(net(split.inputs), np.full((49, 7), 1 / 7), atol=1e-6)
    gradient = nnx.grad(lambda net: jnp.mean((net(split.inputs) - jnp.eye(7)[split.targets]) ** 2))(net)
    np.testing.assert_allclose(gradient.W[...], 0, atol=1e-7)
