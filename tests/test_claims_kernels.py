"""What claims of kernels, training and generalization are made of, and their charts."""

import json

import jax
import numpy as np
import pytest

from framework import build
from framework.errors import FieldError
from plugins.claims.kernels import kernel_lower_bounds, ntk_width, permuted_targets
from plugins.claims.training import permuted_parameters, training_equivariance
from plugins.mathematics import hamming
from plugins.networks import trajectories, written_down
from plugins.networks.quadratic import QuadraticNetwork
from plugins.probes.ntk import as_matrix, empirical_ntk
from tests.reference import FOLDERS


def test_bounds_are_those_of_the_reference():
    file = next(folder / "kernel_lower_bounds.json" for folder in FOLDERS if (folder / "kernel_lower_bounds.json").is_file())
    rows = json.loads(file.read_text())
    assert len(rows) == 7
    for row in rows:
        p, m, n = row["p"], row["m"], row["n"]
        assert kernel_lower_bounds.exact_bound(p, m, n) == pytest.approx(row["exact"], rel=1e-12)
        assert float(hamming.tail(p, m, n)) == pytest.approx(row["exact"], rel=1e-12)
        assert kernel_lower_bounds.printed_bound(p, m, n) == pytest.approx(row["paper"], rel=1e-12)


def test_the_expected_kernel_is_the_mean_of_the_tangent_kernel():
    generator, points = np.random.default_rng(0), written_down.all_tuples(3, 3)
    W, V = np.sqrt(3) * generator.uniform(-1, 1, (2, 3, 60_000)), np.sqrt(3) * generator.uniform(-1, 1, (60_000, 3))
    found = written_down.tangent_kernel(W, V, points) / 60_000
    np.testing.assert_allclose(kernel_lower_bounds.expected_tangent_kernel(points), found, atol=0.8)


def test_the_rank_is_full_at_seeds_at_which_a_value_is_rare():
    """Of these, a sample had a smaller rank than (3p − 2) h."""
    for seed in (104, 344):
        assert [row for row in build("claim", "ntk_width").check(seed) if not row.as_expected] == []


def test_the_bound_ends_where_every_target_can_be_fitted():
    assert kernel_lower_bounds.exact_bound(3, 2, 5) == 0 == hamming.tail(3, 2, 5)
    assert kernel_lower_bounds.exact_bound(3, 2, 9) == 0


@pytest.mark.parametrize("k", [2, 3])
def test_the_tangent_kernel_is_that_of_the_products_network(k):
    generator = np.random.default_rng(0)
    W, V = generator.normal(size=(k, 4, 6)), generator.normal(size=(6, 4))
    points = written_down.all_tuples(4, k + 1)[::7]
    with jax.enable_x64(True):
        net = QuadraticNetwork(jax.numpy.asarray(W), jax.numpy.asarray(V), degree=k)
        theirs = np.asarray(as_matrix(empirical_ntk(net, jax.numpy.asarray(points), outputs="own")))
    np.testing.assert_allclose(written_down.tangent_kernel(W, V, points), theirs, rtol=1e-12, atol=1e-12 * theirs.max())


def test_no_output_moves_along_the_two_directions_of_a_neuron():
    """(W_j, V_j) → (s W_j, V_j / s²) and (Q_j, R_j) → (Q_j + t, R_j − t): why the rank is at most (3p − 2) h."""
    generator = np.random.default_rng(0)
    W, V, inputs = generator.normal(size=(2, 5, 3)), generator.normal(size=(3, 5)), written_down.all_tuples(5, 2)
    before = written_down.outputs(W, V, inputs)
    s, t = np.array([2.0, 1.0, 0.5]), np.array([0.3, -1.0, 0.0])
    np.testing.assert_allclose(written_down.outputs(s * W, V / s[:, None] ** 2, inputs), before, rtol=1e-12)
    np.testing.assert_allclose(written_down.outputs(np.stack([W[0] + t, W[1] - t]), V, inputs), before, rtol=1e-9, atol=1e-12)


def test_a_network_that_is_not_a_number_is_not_taken_for_equal():
    path = {"W": np.ones((2, 2, 3, 4)), "V": np.ones((2, 4, 3))}
    lost = {"W": path["W"].copy(), "V": path["V"] * np.array([1, np.nan])[:, None, None]}
    same, inputs = [np.arange(3)] * 3, written_down.all_tuples(3, 2)
    assert training_equivariance.relative_deviation(path, path, inputs, same) == 0
    assert np.isnan(training_equivariance.relative_deviation(path, lost, inputs, same))
    assert np.isnan(written_down.largest_entry(path["W"][0], lost["V"][1])) and np.isnan(ntk_width.rank(np.array([1, np.nan])))


@pytest.mark.parametrize(
    ("claim", "given", "said"),
    [
        ("ntk_width", {"p": 2}, "points = 40: must be above 3p = 6"),
        ("ntk_width", {"points": 15}, "points = 15: must be above 3p = 15"),
        ("kernel_equivariance", {"points": 125}, "points = 125: must be below"),
        ("kernel_lower_bounds", {"p": 3}, "points = 20: must be at most"),
        ("expected_ntk", {"p": 5}, "p = 5: must be an integer >= 2 and <= 4"),
        ("permuted_parameters", {"p": 2}, "p = 2: must be an integer >= 3"),
        ("exact_in_float32", {"logits": (5.0, 12.0)}, "logits = .*: each must be at most 9"),
    ],
)
def test_sizes_at_which_the_theory_says_nothing_are_refused_by_name(claim, given, said):
    with pytest.raises(FieldError, match=said):
        build("claim", claim, **given)


@pytest.mark.parametrize(
    ("claim", "given"),
    [
        ("ntk_width", {"p": 2, "points": 7}),
        ("kernel_equivariance", {"p": 3, "m": 2, "points": 8}),
        ("kernel_lower_bounds", {"p": 3, "m": 2, "points": 4, "permutations": 50}),
        ("permuted_targets", {"p": 2, "m": 3}),
        ("permuted_parameters", {"p": 3, "width": 1}),
        ("expected_ntk", {"p": 2, "samples": 2000}),
        ("projections", {"d": 8, "functions": 10, "trials": 5}),
        ("matrix_chernoff", {"p": 2, "points": 5}),
    ],
)
def test_the_smallest_sizes_hold_as_well(claim, given):
    assert [row for row in build("claim", claim, **given).check(0) if not row.as_expected] == []


def test_slopes_of_outputs_are_those_of_the_chain_rule():
    generator = np.random.default_rng(0)
    W, V = generator.normal(size=(2, 3, 2)), generator.normal(size=(2, 3))
    of_W, of_V = permuted_parameters.gradients((W, V), 3)
    z = W[0, 1] + W[1, 2]  # at a = 1, b = 2, c = 0
    np.testing.assert_allclose(of_V[1, 2, 0], np.outer(z**2, [1, 0, 0]), atol=1e-12)
    expected = np.zeros_like(W)
    expected[0, 1] = expected[1, 2] = 2 * V[:, 0] * z
    np.testing.assert_allclose(of_W[1, 2, 0], expected, atol=1e-12)


def test_the_counterexample_to_d11_in_whole_numbers():
    v = permuted_targets.outer(np.array([1.0, -1, 0]), np.array([1.0, -1, 0]), np.ones(3))
    assert permuted_targets.pair_sums(v).tolist() == [12, 0, -36, 24]  # ‖v‖² = 12, and not 12 · (1, −3, 3, −1)


def test_a_trajectory_takes_the_steps_of_its_optimizer():
    generator = np.random.default_rng(0)
    start = {"W": generator.normal(size=(2, 3, 4)), "V": generator.normal(size=(4, 3))}
    points = written_down.all_tuples(3, 3)
    targets = generator.normal(size=len(points))

    def loss(params):
        return np.mean((written_down.outputs(params["W"], params["V"], points[:, :2])[np.arange(27), points[:, 2]] - targets) ** 2)

    ((path,), (other,)) = trajectories.trajectories(
        trajectories.square_loss,
        (build("optimizer", "gd", learning_rate=0.01), build("optimizer", "adam", learning_rate=0.01)),
        [start],
        [(points, targets)],
        3,
        seed=0,
    )
    shift = np.zeros((4, 3))
    shift[1, 2] = 1e-6
    slope = (loss(start | {"V": start["V"] + shift}) - loss(start | {"V": start["V"] - shift})) / 2e-6
    assert path["V"].shape == (4, 4, 3) and path["V"].dtype == np.float64
    assert (path["V"][1] - path["V"][0])[1, 2] == pytest.approx(-0.01 * slope, rel=1e-6)
    assert (other["V"][1] - other["V"][0])[1, 2] == pytest.approx(-0.01 * np.sign(slope), rel=1e-6)
    for steps in (path, other):
        assert loss({name: leaf[-1] for name, leaf in steps.items()}) < loss(start)


def lines_of(chart):
    """Label → values of every curve."""
    return {curve.label: np.asarray(curve.y) for curve in chart.curves}


def x_of(chart):
    """The places on the x axis, which are the same for all curves."""
    return np.asarray(chart.curves[0].x)


@pytest.mark.slow
def test_charts_show_where_kernels_become_definite():
    (chart,) = build("claim", "ntk_width").charts(0)
    assert chart.marks["n/(3p)"] == pytest.approx(40 / 15)
    for name, first in (("V uniform", 40 / 13), ("V zero", 40 / 5)):  # Derived in the docstring, and n/p at least for V = 0
        line = lines_of(chart)[name]
        assert np.all(np.isnan(line[x_of(chart) < first])) and np.all(line[x_of(chart) >= chart.marks["36 ρ_c log(n/δ)"]] > 1e-3)
    assert not np.isnan(lines_of(chart)["V uniform"][x_of(chart) >= 5]).any()


@pytest.mark.slow
def test_the_chart_of_losses_never_crosses_the_bound_but_for_the_network():
    (chart,) = build("claim", "kernel_lower_bounds").charts(0)
    lines = lines_of(chart)
    printed, exact, trained = (lines.pop(name) for name in ("printed bound", "exact bound", "trained network"))
    assert np.all(printed <= exact) and x_of(chart)[-1] == 4**3 and len(lines) == 6
    assert all(np.all(line >= exact - 0.05) for line in lines.values())
    assert np.isnan(trained[0]) and np.all(trained[1::2] > 0)


@pytest.mark.slow
@pytest.mark.parametrize("claim", ["generalization_bounds", "rademacher"])
def test_bounds_of_a_chart_are_above_what_is_measured(claim):
    (chart,) = build("claim", claim).charts(0)
    bound = max((np.asarray(curve.y) for curve in chart.curves if curve.colour is None), key=lambda line: line[-1])  # in ink: predicted
    measured = [np.asarray(curve.y) for curve in chart.curves if curve.colour is not None]
    assert measured and all(np.all(line[-3:] <= bound[-3:]) for line in measured)


@pytest.mark.slow
def test_the_bound_falls_with_p_and_is_above_the_error_of_trained_networks():
    ((large,), (trained,)) = (build("claim", claim).charts(0) for claim in ("classification_bound", "pac_bayes"))
    bound = lines_of(large)["σ of (G.7), γ = 2p"]
    assert 1e18 < x_of(large)[np.argmax(bound < 1)] < 3e18
    assert np.all(np.diff(bound[x_of(large) > 1e3]) < 0)
    assert np.all(lines_of(large)["largest σ, γ = 4p"] < bound)
    assert np.all(lines_of(trained)["error on all pairs"] < lines_of(trained)["PAC-Bayes bound"])
