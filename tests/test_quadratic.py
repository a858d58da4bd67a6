"""The quadratic network against its definition with one-hot vectors, and its initialization against PyTorch's bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import build
from framework.errors import FieldError


def task_of(p=5, k=2):
    return build("task", "modular_addition", p=p, k=k)


def made(task, seed=0, **fields):
    return build("model", "quadratic", **fields).build(task, rngs=nnx.Rngs(seed))


@pytest.mark.parametrize(("k", "degree"), [(1, 0), (2, 0), (3, 0), (2, 4), (3, 1)])
def test_outputs_are_those_of_one_hot_vectors(k, degree):
    """Eq. 2.1: V (W x)^{⊙d} with x the stacked one-hot vectors, W as the paper's [h, kp] matrix."""
    task = task_of(5, k)
    net = made(task, width=7, degree=degree)
    inputs = task.population().inputs
    one_hot = np.eye(5)[np.asarray(inputs)].reshape(len(inputs), -1)
    W = np.concatenate([np.asarray(block, np.float64) for block in net.W[...]]).T
    expected = (one_hot @ W.T) ** (degree or k) @ np.asarray(net.V[...], np.float64)
    np.testing.assert_allclose(net(inputs), expected, rtol=1e-4, atol=1e-6)
    assert (net.W.shape, net.V.shape, net(inputs).dtype) == ((k, 5, 7), (7, 5), jnp.float32)


@pytest.mark.parametrize(("k", "degree"), [(2, 0), (3, 0), (2, 5)])
def test_outputs_are_homogeneous_of_the_degree_that_the_model_names(k, degree):
    task = task_of(5, k)
    model = build("model", "quadratic", width=6, degree=degree)
    net = model.build(task, rngs=nnx.Rngs(0))
    inputs = task.population().inputs
    before = net(inputs)
    net.W[...], net.V[...] = 2 * net.W[...], 2 * net.V[...]
    np.testing.assert_allclose(net(inputs), 2.0 ** model.homogeneity(task) * before, rtol=1e-5)


def test_uniform_entries_fill_pytorchs_bounds():
    """U(±1/√fan_in): fan-in kp for W, h for V; variance 1/(3 fan_in)."""
    net = made(task_of(23), width=400)
    for entries, fan_in in ((net.W[...], 46), (net.V[...], 400)):
        bound = fan_in**-0.5
        assert 0.99 * bound < float(jnp.max(jnp.abs(entries))) <= bound * (1 + 1e-6)
        assert float(jnp.var(entries)) == pytest.approx(1 / (3 * fan_in), rel=0.05)
        assert abs(float(jnp.mean(entries))) < 0.02 * bound


def test_normal_entries_have_the_standard_deviation_asked_for():
    net = made(task_of(23), width=400, init="normal", init_std=0.05)
    assert float(jnp.std(net.W[...])) == pytest.approx(0.05, rel=0.03)
    assert float(jnp.std(net.V[...])) == pytest.approx(0.05, rel=0.03)
    kurtosis = float(jnp.mean(net.W[...] ** 4) / jnp.mean(net.W[...] ** 2) ** 2)
    assert kurtosis == pytest.approx(3, rel=0.1)
    by_fan_in = made(task_of(23), width=400, init="normal")
    assert float(jnp.std(by_fan_in.W[...])) == pytest.approx((3 * 46) ** -0.5, rel=0.03)


def test_the_scale_multiplies_every_initial_entry():
    one, four = made(task_of(), width=6), made(task_of(), width=6, init_scale=4.0)
    np.testing.assert_allclose(four.W[...], 4 * one.W[...], rtol=1e-6)
    np.testing.assert_allclose(four.V[...], 4 * one.V[...], rtol=1e-6)


@pytest.mark.parametrize(("width", "hidden"), [("4*p", 20), (12, 12), ("k*p^2", 50), ("p/2", 2)])
def test_widths_are_numbers_and_formulas(width, hidden):
    assert made(task_of(), width=width).V.shape == (hidden, 5)


@pytest.mark.parametrize("width", ["0", "-4", "p-5", "4*q", "50%"])
def test_a_width_that_cannot_be_is_refused(width):
    with pytest.raises(FieldError, match="width"):
        made(task_of(), width=width)


def test_float64_is_float64_throughout():
    with jax.enable_x64(True):
        net = made(task_of(), width=6)
        assert net.W[...].dtype == net(task_of().population().inputs).dtype == jnp.float64
