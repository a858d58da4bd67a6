"""Agreement with values computed elsewhere: quadratic.npz, trajectories.npz, and PyTorch's optimizers.

torch_optimizers.npz is made by tools/torch_optimizers.py, whose names and settings the runs here repeat in our words.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import Split, build, losses, registry
from framework.config import select
from framework.training import TrainState, place
from framework.training.examples.batches import Batches
from framework.training.network import split
from framework.training.program import advance, make_objective
from framework.training.sharing import Shared
from plugins.networks.quadratic import QuadraticNetwork
from tests.helpers import slow_but
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
TORCH = {
    "nesterov": select("sgd", learning_rate=0.1, momentum=0.9, nesterov=True),
    "sgd_decay": select("sgd", learning_rate=0.1, momentum=0.8, weight_decay=1e-2),
    "rmsprop": select("rmsprop", learning_rate=1e-3, eps=1e-4),
    "rmsprop_all": select("rmsprop", learning_rate=1e-3, decay=0.9, eps=1e-3, momentum=0.5, centered=True, weight_decay=1e-2),
    "adam": select("adam", learning_rate=1e-2, b1=0.8, b2=0.95, eps=1e-3),
    "adam_decay": select("adam", learning_rate=1e-2, weight_decay=1e-2),
    "adamw": select("adamw", learning_rate=1e-2, b2=0.98, eps=1e-3, weight_decay=0.5),
    "adamax": select("adamax", learning_rate=1e-2),
    "warmup_cosine": select(
        "scheduled",
        inner=select("adamw", learning_rate=1e-2, b2=0.98, weight_decay=0.5),
        warmup_steps=10,
        decay="cosine",
        decay_steps=150,
        decay_to=0.1,
    ),
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
    optimizer, fields, coefficient = RUNS[name]
    agrees_over_200_steps(load("trajectories"), name, build("optimizer", optimizer, **fields), coefficient, precision)


@pytest.mark.parametrize("name", slow_but(lambda name: name in ("adam", "adamw", "sgd_decay"), TORCH))
def test_200_steps_agree_with_pytorch(name):
    with jax.enable_x64(True):
        run = load("torch_optimizers") | {"init_scale": 0.3}
        agrees_over_200_steps(run, name, registry.from_section("optimizer", TORCH[name], "optimizer"), 0.0, "float64")


def agrees_over_200_steps(run, name, optimizer, coefficient, precision):
    reference = load("quadratic")
    task = build("task", "modular_addition", p=int(reference["p"]))
    penalty = build("penalty", "linf", coefficient=coefficient)
    net, params, variables = split(network(reference, scale=float(run["init_scale"])))
    objective = make_objective(task, penalty, net)
    inputs, labels = examples(reference)
    train = Split(inputs, labels)
    parts = {"task": task, "penalty": penalty, "network": net, "optimizer": optimizer, "batches": Batches.of(task, train)}
    program = Shared(advance, donated=(0,), **parts)
    device = jax.devices()[0]
    state = TrainState(jnp.int32(0), params, variables, optimizer.transform().init(params), {}, jax.random.key(0))
    found, state = [], place(state, device)
    for _ in range(200):
        found.append(float(objective(state.params, state.variables, train)[0]))
        state, diverged = program(state, jnp.int32(1), train)
        assert int(diverged) == -1
    # Which moment of a step the reference's loss belongs to is seen from its first value: that of the initial weights.
    np.testing.assert_allclose(found, run[f"{name}/loss"], rtol=PRECISIONS[precision])
    assert_close(state.params["W"], run[f"{name}/W"], precision)
    assert_close(state.params["V"], run[f"{name}/V"], precision)
