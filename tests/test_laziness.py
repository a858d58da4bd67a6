import jax.numpy as jnp
import numpy as np
import pytest

from framework import train
from framework.config import select
from plugins.probes.laziness import linearization_error, linearized_network
from tests.constructions import all_inputs, outputs
from tests.small_runs import TASKS, small_config

pytestmark = pytest.mark.usefixtures("quick_compilation")


def at(x):
    return {"x": jnp.float32(x)}


def square(params, inputs):
    return jnp.ones((len(inputs), 2)) * params["x"] ** 2


def test_a_network_that_is_linear_in_its_parameters_is_its_linearization():
    rng = np.random.default_rng(0)
    start, params = ({"W": jnp.asarray(rng.integers(-4, 5, (7, 7)), float)} for _ in range(2))  # integers: exact in float32
    linear = lambda params, inputs: params["W"][inputs[:, 0]] + 3 * params["W"][inputs[:, 1]]  # noqa: E731
    assert float(linearization_error(linear, start, params, jnp.asarray(all_inputs(7, 2)[0], jnp.int32))) == 0


def test_the_error_is_0_where_nothing_moved_and_1_from_a_critical_point():
    inputs = jnp.array([[0], [1]])
    assert float(linearization_error(square, at(2), at(2), inputs)) == 0
    assert float(linearization_error(square, at(0), at(2), inputs)) == 1
    # x² from 1 to 3: change 8, linear part 4.
    assert float(linearization_error(square, at(1), at(3), inputs)) == pytest.approx(0.5)
    assert linearized_network(square, at(1), at(3))(inputs)[0, 0] == 5


def test_what_is_not_asked_does_not_count():
    power = lambda params, inputs: params["x"] ** (1 + inputs)  # noqa: E731
    inputs = jnp.array([[0], [1]])
    assert float(linearization_error(power, at(1), at(3), inputs)) > 0
    assert float(linearization_error(power, at(1), at(3), inputs, jnp.array([True, False]))) == 0


@pytest.mark.parametrize("task", TASKS)
def test_a_run_records_movement_and_error_from_its_first_network(task):
    probes = {"laziness": select("laziness", points=("population",)), "weights": select("weights", schedule="at 0 60")}
    run = train(small_config(probes, task))
    first, last = ({name: np.asarray(run.arrays(f"weights/{name}")[step], float) for name in "WV"} for step in (0, 60))
    moved = {name: last[name] - first[name] for name in "WV"}
    row = run.rows[-1]
    size = lambda tree: np.sqrt(sum(np.sum(leaf**2) for leaf in tree.values()))  # noqa: E731
    assert row["laziness/moved"] == pytest.approx(size(moved) / size(first), rel=1e-4)
    inputs, labels = all_inputs(7, 2)
    z, dz = (w["W"][0, inputs[:, 0]] + w["W"][1, inputs[:, 1]] for w in (first, moved))
    linear = 2 * (z * dz) @ first["V"] + z**2 @ moved["V"]  # the product rule
    before, after = (outputs(w["W"], w["V"], inputs) for w in (first, last))
    expected = np.linalg.norm(after - before - linear) / np.linalg.norm(after - before)
    assert row["laziness/population_error"] == pytest.approx(expected, rel=1e-3)
    answers = np.mean(np.argmax(before + linear, axis=1) == labels)
    quantity = "pair_accuracy" if "regression" in task else "accuracy"
    assert row[f"laziness/linearized/population/{quantity}"] == pytest.approx(answers, abs=1e-6)
    assert run.rows[0]["laziness/moved"] == 0 and run.rows[0]["laziness/population_error"] == 0

    for name in "WV":  # the state is a copy of θ_0 that training did not touch
        np.testing.assert_array_equal(run.final.probe_state["laziness"][name], first[name].astype(np.float32))
