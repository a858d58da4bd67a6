"""The linearized network ends where kernel regression says, keeps its kernel, and refuses decay; the centred one begins at 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import Experiment, train
from framework.config import experiment, select
from framework.errors import UserError
from plugins.probes.kernel_regression import kernel_regression
from plugins.probes.ntk import empirical_ntk
from tests.helpers import slow_but

QUIET = {"progress": False, "plot": False, "tensorboard": False}
NETWORKS = {
    "quadratic": select("quadratic", width="6"),
    "mlp": select("mlp", width="6", bias=True),
    "transformer": select("transformer", d_model=8, d_mlp=8, heads=2, depth=2, norm="pre"),
}
SHOWN = slow_but(lambda name: name != "transformer", NETWORKS)


def made(model, task=None, optimizer=None, **changes):
    task = task or select("modular_addition", p=5)
    return Experiment.from_config(
        experiment(task=task, model=model, optimizer=optimizer or select("gd", learning_rate=0.1), recording=QUIET, **changes)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "steps"),
    [(select("gd", learning_rate=400.0), 8_000), (select("sgd", learning_rate=200.0, momentum=0.9), 2_000)],
    ids=lambda value: value["name"] if isinstance(value, dict) else str(value),
)
def test_training_at_p_23_converges_to_kernel_regression(optimizer, steps):
    """60 pairs, all 23 outputs: a kernel of 1,380 rows with condition number 254."""
    task = select("modular_addition", p=23, train_size="60", loss="square")
    run = train(
        experiment(
            task=task,
            model=select("kernel"),
            optimizer=optimizer,
            probes={"method": select("kernel_regression", schedule="at 0")},
            steps=steps,
            events={"metrics": "last"},
            numerics={"precision": "float64"},
            recording=QUIET,
        )
    )
    metrics = run.metrics()
    predicted = {name: metrics[f"method/initial/{name.replace('/', '_')}"][0] for name in ("test/loss", "test/accuracy", "train/loss")}
    for name, value in predicted.items():
        assert abs(metrics[name][-1] - value) < 1e-3 * max(1, abs(value)), name
    splits = run.experiment.splits
    with jax.enable_x64(True):
        net = run.experiment.module(run.experiment.initial_state()).initial
        inner = nnx.merge(net.graph, nnx.State(net.params))
        exact = kernel_regression(inner, splits.train.inputs, splits.train.targets, splits.population.inputs)
        found, begun = run.model()(splits.population.inputs), inner(splits.population.inputs)
    assert np.max(np.abs(found - exact)) < 1e-3 * np.max(np.abs(exact))
    assert np.max(np.abs(begun - exact)) > 0.1  # they have gone somewhere


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("name", SHOWN)
def test_the_linearized_network_is_the_tangent_at_the_initialization(name):
    one = made(select("kernel", inner=NETWORKS[name]), numerics={"precision": "float64"})
    plain = made(NETWORKS[name], numerics={"precision": "float64"})
    x = one.splits.population.inputs
    with jax.enable_x64(True):
        start, theta = one.initial_state(), plain.initial_state().params
        f0 = plain.network.module(theta, plain.initial_state().variables)(x)
        np.testing.assert_allclose(one.module(start)(x), f0, rtol=1e-12)
        kernel = np.asarray(empirical_ntk(one.module(start), x, outputs="first"))
        np.testing.assert_allclose(kernel, empirical_ntk(plain.module(plain.initial_state()), x, outputs="first"), rtol=1e-9)
        later, _ = one.advance(start, 20)
        np.testing.assert_allclose(empirical_ntk(one.module(later), x, outputs="first"), kernel, rtol=1e-12)
        # Against finite differences of the network itself, along the path that was trained.
        flat, step = later.params["displacement"], 1e-6

        def moved(scale):
            paths, structure = jax.tree_util.tree_flatten_with_path(theta)
            shifted = [leaf + scale * flat[".".join(str(key.key) for key in path)] for path, leaf in paths]
            return plain.network.module(jax.tree.unflatten(structure, shifted), plain.initial_state().variables)(x)

        slope = (moved(step) - moved(-step)) / (2 * step)
        np.testing.assert_allclose(one.module(later)(x), f0 + slope, rtol=1e-5, atol=1e-7)


def test_without_its_prior_it_begins_at_zero():
    one = made(select("kernel", prior=False))
    assert not np.any(one.module(one.initial_state())(one.splits.population.inputs))


@pytest.mark.parametrize(
    "optimizer", [select("adamw"), select("grokfast", inner=select("sgd", weight_decay=0.1)), select("scheduled")], ids=lambda o: o["name"]
)
def test_weight_decay_with_the_kernel_is_explained(optimizer):
    with pytest.raises(UserError, match=r"weight_decay = .*: must be 0 with model.name = 'kernel'.*penalty.name=l2"):
        train(made(select("kernel"), optimizer=optimizer).config)


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("name", SHOWN)
def test_the_centred_network_begins_at_zero_and_scales_its_change(name):
    alpha = 5.0
    one = made(select("centered", inner=NETWORKS[name], output_scale=alpha))
    plain = made(NETWORKS[name])
    x = one.splits.population.inputs
    start = one.initial_state()
    assert not np.any(one.module(start)(x))
    f0 = plain.module(plain.initial_state())(x)
    moved, _ = one.advance(start, 5)
    inner = plain.network.module(moved.params["network"], plain.initial_state().variables)
    np.testing.assert_allclose(one.module(moved)(x), alpha * (inner(x) - f0), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_ridge_regression_is_the_kernel_with_the_l2_penalty():
    """Mean square loss + λ‖δ‖²: K + np λ in place of K."""
    task = select("modular_addition", p=5, train_size="10", loss="square")
    coefficient = 1e-3
    one = made(
        select("kernel", inner=NETWORKS["quadratic"]),
        task,
        select("sgd", learning_rate=20.0, momentum=0.8),
        penalty=select("l2", coefficient=coefficient),
        numerics={"precision": "float64"},
    )
    state, _ = one.advance(one.initial_state(), 5_000)
    x = one.splits.population.inputs
    with jax.enable_x64(True):
        net = one.module(state).initial
        inner = nnx.merge(net.graph, nnx.State(net.params))
        ridge = 10 * 5 * coefficient
        expected = kernel_regression(inner, one.splits.train.inputs, one.splits.train.targets, x, ridge=ridge)
        np.testing.assert_allclose(one.module(state)(x), expected, rtol=1e-5, atol=1e-6)
    assert jnp.all(jnp.isfinite(expected))
