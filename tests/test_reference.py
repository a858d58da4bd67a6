"""Agreement with values computed elsewhere: quadratic.npz and the seven runs of trajectories.npz."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import build, losses
from framework.advance import make_advance, make_objective
from framework.network import split
from framework.state import TrainState, place
from plugins.models.quadratic import QuadraticNetwork
from tests.reference import load

PRECISIONS = {"float64": 1e-9, "float32": 1e-4}
RUNS = {
    "gd_lr0.5": ("gd", {"learning_rate": 0.5}, 0.0),
    "gd_lr0.5_linf1e-2": ("gd", {"learning_rate": 0.5}, 1e-2),
    "normalized_gd_lr0.05": ("normalized_gd", {"learning_rate": 0.05}, 0.0),
    "normalized_gd_lr0.05_linf1e-2": ("normalized_gd", {"learning_rate": 0.05}, 1e-2),
    "adamw_lr1e-2_wd0.1_b0.9_0.98": ("adamw", {"learning_rate": 1e-2, "weight_decay": 0.1, "b1": 0.9, "b2": 0.98}, 0.0),
    "adam_lr1e-2": ("adam", {"learning_rate": 1e-2}, 0.0),
    "sgd_momentum0.9_lr0.1": ("sgd", {"learning_rate": 0.1, "momentum": 0.9}, 0.0),
}


@pytest.fixture(params=PRECISIONS)
def precision(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


def network(reference, scale=1.0):
    dtype = jnp.result_type(float)
    return QuadraticNetwork(jnp.asarray(scale * reference["W"], dtype), jnp.asarray(scale * reference["V"], dtype), degree=2)


def examples(reference):
    inputs = jnp.asarray(reference["train"], jnp.int32)
    return inputs, jnp.sum(inputs, axis=1, dtype=jnp.int32) % int(reference["p"])


def assert_close(ours, theirs, precision):
    scale = np.max(np.abs(theirs))
    assert np.asarray(ours).dtype == precision
    assert np.max(np.abs(np.asarray(ours, np.float64) - theirs)) <= PRECISIONS[precision] * scale


def test_logits_and_losses_and_gradients_agree(precision):
    reference = load("quadratic")
    inputs, labels = examples(reference)
    net = network(reference)
    assert_close(net(inputs), reference["logits_train"], precision)
    targets = int(reference["p"]) * jax.nn.one_hot(labels, int(reference["p"]), dtype=net.V[...].dtype)
    for key, loss in (("ce", lambda z: losses.cross_entropy(z, labels)), ("mse", lambda z: losses.square(z, targets))):
        value, gradient = nnx.value_and_grad(lambda module, loss=loss: jnp.mean(loss(module(inputs))))(net)
        assert_close(value, reference[key], precision)
        assert_close(gradient.W[...], reference[f"{key}_gW"], precision)
        assert_close(gradient.V[...], reference[f"{key}_gV"], precision)


@pytest.mark.parametrize("name", RUNS)
def test_200_steps_of_every_optimizer_agree(name, precision):
    reference, run = load("quadratic"), load("trajectories")
    optimizer, fields, coefficient = RUNS[name]
    task = build("task", "modular_addition", p=int(reference["p"]))
    penalty = build("penalty", "linf", coefficient=coefficient)
    net, params, variables = split(network(reference, scale=float(run["init_scale"])))
    transform = build("optimizer", optimizer, **fields).transform()
    objective = make_objective(task, penalty, net)
    advance = make_advance(objective, transform)
    inputs, labels = examples(reference)
    train = type(task.population())(inputs, labels)
    device = jax.devices()[0]
    state = TrainState(jnp.int32(0), params, variables, transform.init(params), {}, jax.random.key(0))
    found, state = [], place(state, device)
    for _ in range(200):
        found.append(float(objective(state.params, state.variables, train)[0]))
        state, diverged = advance(state, jnp.int32(1), train)
        assert int(diverged) == -1
    # Which moment of a step the reference's loss belongs to is seen from its first value: that of the initial weights.
    np.testing.assert_allclose(found, run[f"{name}/loss"], rtol=PRECISIONS[precision])
    assert_close(state.params["W"], run[f"{name}/W"], precision)
    assert_close(state.params["V"], run[f"{name}/V"], precision)
