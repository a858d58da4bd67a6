import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from ml_collections import ConfigDict

from framework import train
from framework.config import select
from framework.training import Experiment, from_named_leaves, named_leaves
from plugins.probes.sharpness import hessian_product, hutchinson_trace, lanczos, largest_eigenvalues, stability_limit
from tests.small_runs import TASKS, small_config

pytestmark = pytest.mark.usefixtures("quick_compilation")

KEY = jax.random.key(0)


def symmetric(eigenvalues, seed=0):
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(eigenvalues),) * 2))
    return basis @ np.diag(eigenvalues) @ basis.T


@pytest.mark.slow
@pytest.mark.parametrize(
    "eigenvalues",
    [np.linspace(-3, 5, 30), -np.arange(1.0, 21), np.array([4.0, 4, 4, 1, 0, 0, -9]), np.array([2.0] + [0] * 11)],
    ids=["spread", "all negative", "repeated", "rank one"],
)
def test_the_largest_eigenvalues_are_found_in_order_and_as_often_as_they_occur(eigenvalues):
    with jax.enable_x64(True):
        A = jnp.asarray(symmetric(eigenvalues))
        top, residual = largest_eigenvalues(lambda v: A @ v, len(eigenvalues), KEY, 3, 40)
    np.testing.assert_allclose(top, np.sort(eigenvalues)[::-1][:3], atol=1e-9)
    assert float(residual) < 1e-9


def test_the_residual_bounds_the_error_of_an_unfinished_iteration():
    eigenvalues = np.linspace(0, 1, 200)
    with jax.enable_x64(True):
        A = jnp.asarray(symmetric(eigenvalues))
        top, residual = largest_eigenvalues(lambda v: A @ v, 200, KEY, 1, 10)
    largest = float(top[0])
    assert largest < 1 and np.min(np.abs(eigenvalues - largest)) <= float(residual) < 0.2


@pytest.mark.slow
def test_scales_whose_squares_underflow_and_a_zero_matrix():
    A = jnp.asarray(symmetric(np.linspace(0, 1, 12)), jnp.float32)
    top, _ = largest_eigenvalues(lambda v: 1e-30 * (A @ v), 12, KEY, 2, 12)
    np.testing.assert_allclose(top, [1e-30, 10 / 11 * 1e-30], rtol=1e-4)
    assert largest_eigenvalues(lambda v: 0 * v, 5, KEY, 2, 9)[0].tolist() == [0, 0]


def test_more_eigenvalues_than_dimensions_are_nan():
    top, _ = largest_eigenvalues(lambda v: 2 * v, 2, KEY, 3, 40)
    np.testing.assert_allclose(top, [2, 2, np.nan], rtol=1e-6)


OUTLIERS = np.append(np.linspace(0, 1, 197), [3, 4, 5])


def test_the_eigenvectors_of_the_last_event_save_iterations_where_the_matrix_has_changed_a_little():
    before, noise = symmetric(OUTLIERS), 1e-3 * symmetric(np.linspace(-1, 1, 200), seed=1)
    after = before + noise
    with jax.enable_x64(True):
        last = lanczos(lambda v: jnp.asarray(before) @ v, 200, KEY, 3, 40, 1e-6)
        cold, warm = (lanczos(lambda v: jnp.asarray(after) @ v, 200, KEY, 3, 10, 1e-6, hint) for hint in (jnp.zeros(200), last.hint))
    expected = np.linalg.eigvalsh(after)[::-1][:3]
    np.testing.assert_allclose(warm.top, expected, rtol=1e-6)
    errors = [np.max(np.abs(np.asarray(found.top) - expected)) for found in (cold, warm)]
    assert errors[0] > 10 * errors[1]


def test_what_the_last_event_did_not_know_is_found():
    A = symmetric(OUTLIERS)
    hint = np.linalg.eigh(A)[1][:, -2]  # of 4: that of 5, the largest, is not in it at all
    with jax.enable_x64(True):
        found = lanczos(lambda v: jnp.asarray(A) @ v, 200, KEY, 3, 40, 1e-6, jnp.asarray(hint))
    np.testing.assert_allclose(found.top, [5, 4, 3], rtol=1e-6)
    assert float(found.residual) <= 5e-6


def test_iterations_end_where_the_residuals_are_small_and_not_where_the_space_has_closed():
    with jax.enable_x64(True):
        A = jnp.asarray(symmetric(np.linspace(0, 1, 200)))
        rough, fine = (lanczos(lambda v: A @ v, 200, KEY, 1, 80, tolerance) for tolerance in (1e-2, 0.0))
        assert 10 * float(fine.residual) < float(rough.residual) <= 1e-2
        assert abs(float(rough.top[0]) - 1) <= 1e-2 and abs(float(fine.top[0]) - 1) < 1e-6
        repeated = jnp.asarray(symmetric(np.array([4.0, 4, 4, 1, 0, 0, -9])))
        assert lanczos(lambda v: repeated @ v, 7, KEY, 3, 40, 0.1).top.tolist() == pytest.approx([4, 4, 4])


def test_a_checkpoint_from_before_the_vectors_were_kept_is_restored_and_other_leaves_must_be_there():
    experiment = Experiment.from_config(small_config({"sharp": select("sharpness")}))
    state = experiment.initial_state()
    leaves = named_leaves(state)
    hint = leaves.pop("probe_state.sharp.hint")
    restored = from_named_leaves(state, leaves, experiment.device)
    assert hint.shape == (2 * 7 * 28 + 28 * 7,) and not restored.probe_state["sharp"]["hint"].any()
    del leaves["params.W"]
    with pytest.raises(ValueError, match="params.W is missing"):
        from_named_leaves(state, leaves, experiment.device)


def test_the_trace_of_a_diagonal_matrix_is_exact_and_of_another_within_its_error():
    with jax.enable_x64(True):
        diagonal = jnp.arange(10.0)
        assert [float(x) for x in hutchinson_trace(lambda v: diagonal * v, 10, KEY, 4)] == [45, 0]
        A = symmetric(np.arange(30.0))
        trace, error = map(float, hutchinson_trace(lambda v: jnp.asarray(A) @ v, 30, KEY, 400))
    # Variance of v·Av for independent signs: 2 Σ_{i≠j} A_ij².
    expected = np.sqrt(2 * (np.sum(A**2) - np.sum(np.diag(A) ** 2)) / 400)
    assert error == pytest.approx(expected, rel=0.15) and abs(trace - 435) < 4 * expected


@pytest.mark.slow
@pytest.mark.parametrize(("task", "schedule"), [*((task, "last") for task in TASKS), ("modular_addition", "every 5")])
def test_a_run_records_the_eigenvalues_of_the_dense_hessian(task, schedule):
    probe = select("sharpness", iterations=150, samples=60, schedule=schedule)  # at every fifth step, it starts from the last event
    model = select("quadratic", width="6", init_scale=2.0)
    run = train(small_config({"sharpness": probe}, task, model=model, numerics={"precision": "float64"}, steps=20))
    experiment = run.experiment
    with jax.enable_x64(True):
        flat, unravel = ravel_pytree(jax.tree.map(jnp.asarray, run.params()))
        loss = lambda flat: experiment.task.mean_loss(experiment.network.module(unravel(flat), {}), experiment.splits.train)  # noqa: E731
        dense = np.asarray(jax.hessian(loss)(flat))
    expected = np.linalg.eigvalsh(dense)[::-1]
    found = [run.rows[-1][f"sharpness/top_{i}"] for i in (1, 2, 3)]
    np.testing.assert_allclose(found, expected[:3], rtol=1e-6)
    assert abs(run.rows[-1]["sharpness/trace"] - np.trace(dense)) < 5 * run.rows[-1]["sharpness/trace_error"]


def test_the_product_of_a_quadratic_loss_is_its_matrix():
    A = jnp.array([[2.0, 1.0], [1.0, -3.0]])
    product, size = hessian_product(lambda params: params["x"] @ A @ params["x"] / 2, {"x": jnp.array([5.0, 7.0])})
    assert size == 2 and product(jnp.array([1.0, 0.0])).tolist() == [2.0, 1.0]


def test_the_line_of_stability():
    section = lambda name, **fields: ConfigDict({"name": name, **fields})  # noqa: E731
    assert stability_limit(section("gd", learning_rate=0.5)) == (4.0, "2/η")
    assert stability_limit(section("sgd", learning_rate=0.5, momentum=0.5, nesterov=False)) == (6.0, "(2 + 2μ)/η")
    assert stability_limit(section("adamw", learning_rate=0.5)) == (4.0, "2/η, of plain gradient descent")
    assert stability_limit(section("other")) is None


def test_gradient_descent_diverges_just_above_the_line_with_momentum_and_not_below():
    for momentum in (0.0, 0.9):
        limit, _ = stability_limit(ConfigDict({"name": "sgd", "learning_rate": 0.1, "momentum": momentum, "nesterov": False}))
        ends = []
        for curvature in (0.99 * limit, 1.01 * limit):
            x, m = 1.0, 0.0
            for _ in range(3000):
                m = momentum * m + curvature * x
                x -= 0.1 * m
            ends.append(abs(x))
        assert ends[0] < 1e-3 and ends[1] > 1e3
