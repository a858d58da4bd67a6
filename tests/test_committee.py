"""The committee of Kumar et al. against NumPy, and what is special about it: its gradient, and that it is linear at ε = 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import Experiment, build
from framework.config import experiment, select
from framework.errors import FieldError

pytestmark = pytest.mark.usefixtures("quick_compilation")

POLYNOMIAL = {"points": 12, "dimension": 3, "train_size": "50%"}


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def by_hand(W, x, epsilon):
    """In NumPy: of each output the mean over its neurons."""
    z = np.einsum("nd,qhd->nqh", x, W)
    return z.mean(axis=2) + epsilon / 2 * (z**2).mean(axis=2)


@pytest.mark.parametrize("epsilon", [0.0, 0.02, 0.5])
def test_outputs_are_means_over_the_neurons_of_each_output(epsilon):
    task = build("task", "teacher_student", points=6, outputs=2)
    net = build("model", "committee", width=4, epsilon=epsilon).build(task, rngs=nnx.Rngs(0))
    x = jnp.asarray(task.population().inputs)
    assert net.weights.shape == (2, 4, 5)
    np.testing.assert_allclose(net(x), by_hand(np.asarray(net.weights[...]), x, epsilon), rtol=1e-12)
    weights = np.asarray(net.weights[...])
    np.testing.assert_allclose(net(2 * x), 2 * net(x) + epsilon * (by_hand(weights, x, 2.0) - by_hand(weights, x, 0.0)))


def test_tokens_are_one_hot_vectors():
    task = build("task", "modular_addition", p=5)
    net = build("model", "committee", width=3, epsilon=1.0).build(task, rngs=nnx.Rngs(0))
    inputs = np.asarray(task.population().inputs)
    one_hot = np.eye(5)[inputs].reshape(len(inputs), 10)
    np.testing.assert_allclose(net(inputs), by_hand(np.asarray(net.weights[...]), one_hot, 1.0), rtol=1e-12)


def test_images_are_their_pixels():
    sizes = build("task", "digits").sizes
    net = build("model", "committee", width=3).build(build("task", "digits"), rngs=nnx.Rngs(0))
    images = jnp.asarray(np.random.default_rng(0).random((2, *sizes.shape)))
    np.testing.assert_allclose(net(images), by_hand(np.asarray(net.weights[...]), images.reshape(2, 64), 0.02), rtol=1e-12)


def test_initial_weights_are_standard_normal_times_alpha():
    task = build("task", "polynomial_regression")
    (one, three) = (build("model", "committee", init_scale=a).build(task, rngs=nnx.Rngs(0)).weights[...] for a in (1.0, 3.0))
    assert one.shape == (1, 500, 100)
    np.testing.assert_allclose(three, 3 * one, rtol=1e-12)
    assert abs(np.var(one) - 1) < 5 * (2 / one.size) ** 0.5  # five standard deviations of a variance
    assert abs(np.mean(one)) < 5 / one.size**0.5


def test_a_step_of_gradient_descent_is_that_of_the_published_program():
    """θ ← θ − (N/α²) ∇ mean((α f(θ) − α f(θ_0) − y)²), whose gradient is written down here."""
    N, alpha, epsilon = 4, 2.0, 0.25
    model = select("centered", output_scale=alpha, inner=select("committee", width=N, epsilon=epsilon))
    config = experiment(
        task=select("polynomial_regression", **POLYNOMIAL),
        model=model,
        optimizer=select("gd", learning_rate=N / alpha**2),
        steps=2,
        numerics={"precision": "float64"},
    )
    made = Experiment.from_config(config)
    x, y = (np.asarray(part) for part in (made.splits.train.inputs, made.splits.train.targets))
    state = made.initial_state()
    [start] = (np.array(leaf) for leaf in jax.tree.leaves(state.params))
    state, _ = made.advance(state, 2)
    [end] = (np.array(leaf) for leaf in jax.tree.leaves(state.params))
    W = start
    for _ in range(2):
        error = alpha * (by_hand(W, x, epsilon) - by_hand(start, x, epsilon)) - y
        slope = 1 + epsilon * np.einsum("nd,qhd->nqh", x, W)  # φ'
        gradient = 2 * alpha / N * np.einsum("nq,nqh,nd->qhd", error, slope, x) / len(x)
        W = W - N / alpha**2 * gradient
    np.testing.assert_allclose(end, W, rtol=1e-10, atol=1e-12)


def test_a_width_that_is_no_number_is_named():
    with pytest.raises(FieldError, match="width"):
        build("model", "committee", width="0*p").build(build("task", "polynomial_regression", **POLYNOMIAL), rngs=nnx.Rngs(0))
