"""Claims of kernels, training and generalization hold as expected, and each turns when one ingredient is broken."""

import json

import jax
import numpy as np
import pytest

from framework import build
from plugins.claims import (
    expected_ntk,
    generalization_bounds,
    hamming,
    kernel_equivariance,
    kernel_lower_bounds,
    networks,
    ntk_width,
    pac_bayes,
    perturbation_bounds,
    tangent,
    training,
    training_equivariance,
)
from plugins.models.quadratic import QuadraticNetwork
from plugins.probes.ntk import as_matrix, empirical_ntk
from tests.reference import FOLDERS

as_it_is = {
    "top_kernel": kernel_lower_bounds.top_kernel,
    "permuted_parameters": training_equivariance.permuted_parameters,
    "permuted_points": training_equivariance.permuted_points,
    "memorizer": generalization_bounds.memorizer,
    "tangent_kernel": tangent.tangent_kernel,
    "draw_network": ntk_width.draw_network,
    "draw_noise": perturbation_bounds.draw_noise,
    "fourier_network": networks.fourier_network,
}


def only_shifts(values):
    values = list(values)
    return [tuple(values[i:] + values[:i]) for i in range(len(values))]


def knowing(inputs):
    """A kernel that knows which σ is meant when all are the identity."""
    target = (inputs.sum(axis=1) % (inputs.max() + 1) == 0).astype(float)
    return {"gaussian": np.outer(target, target) + 1e-9 * np.eye(len(inputs))}


def unlike(inputs):
    return {"gaussian": np.exp(-np.abs(inputs[:, None, :] - inputs[None, :, :]).sum(axis=2))}


def equal_weights(generator, p, h, size):
    return np.ones((2, p, h)), size * np.ones((h, p))


def outputs_left_alone(params, permutations):
    return as_it_is["permuted_parameters"](params, permutations) | {"V": params["V"]}


def answers_left_alone(points, permutations):
    moved = as_it_is["permuted_points"](points, permutations)
    return np.concatenate([moved[:, :-1], points[:, -1:]], axis=1)


def one_forgotten(p, pairs):
    return as_it_is["memorizer"](p, pairs[1:])


SMALL = {"pac_bayes": {"moduli": (5, 9)}}  # fields that make a break quick to see
identity = (kernel_lower_bounds, "draw", lambda generator, p, m: [np.arange(p)] * m)
BREAKS = {  # what is broken → (claim, [(where, name, what it becomes)], the row that turns)
    "shifts in place of permutations": (
        "kernel_lower_bounds",
        [(kernel_lower_bounds.itertools, "permutations", only_shifts)],
        "p = 3, m = 3: deviation of the spectrum",
    ),
    "the same, entries": (
        "kernel_lower_bounds",
        [(kernel_lower_bounds.itertools, "permutations", only_shifts)],
        "p = 4, m = 2: deviation of the entries",
    ),
    "steps that may be 0": (
        "kernel_lower_bounds",
        [(hamming, "chance_of_both", lambda p, d: hamming.Fraction(1, p * p) if d else hamming.Fraction(1, p))],
        "p = 47, m = 3, n = 11600: exact bound",
    ),
    "a kernel that knows σ": (
        "kernel_lower_bounds",
        [(kernel_lower_bounds, "kernels", knowing), (kernel_lower_bounds, "draw", lambda generator, p, m: [np.arange(p)] * m)],
        "n = 20, gaussian: best combination",
    ),
    "one more point than n": (
        "kernel_lower_bounds",
        [(kernel_lower_bounds, "exact_bound", lambda p, m, n: (1 - 1 / p) * (1 - n / (p - 1) ** m))],
        "p = 3, m = 2, n = 3: a kernel that attains it",
    ),
    "a kernel without the constant": (
        "kernel_lower_bounds",
        [(kernel_lower_bounds, "top_kernel", lambda inputs, p, constant: as_it_is["top_kernel"](inputs, p, 0.0))],
        "p = 3, m = 2, n = 3: a kernel that attains it",
    ),
    "a kernel to which residues are not alike": (
        "kernel_equivariance",
        [(kernel_equivariance, "kernels", unlike)],
        "deviation of the regression: gaussian",
    ),
    "the kurtosis": (
        "expected_ntk",
        [(expected_ntk, "ENTRIES", {"uniform": (9 / 5, expected_ntk.ENTRIES["gaussian"][1])})],
        "uniform: the same point",
    ),
    "all weights the same": (
        "ntk_width",
        [(ntk_width, "draw_network", equal_weights)],
        "V zero, h above 36 ρ_c log(n/δ): share of definite kernels",
    ),
    "the width": (
        "ntk_width",
        [(ntk_width, "draw_network", lambda generator, p, h, size: as_it_is["draw_network"](generator, p, h + 1, size))],
        "all 125 triples, h = 1: rank",
    ),
    "a kernel with a diagonal of its own": (
        "ntk_width",
        [(ntk_width, "tangent_kernel", lambda W, V, points: as_it_is["tangent_kernel"](W, V, points) + np.eye(len(points)))],
        "V uniform, h = 2: largest rank, at most 3ph",
    ),
    "V is not permuted": (
        "training_equivariance",
        [(training_equivariance, "permuted_parameters", outputs_left_alone)],
        "classification, adam",
    ),
    "answers are not permuted": (
        "training_equivariance",
        [(training_equivariance, "permuted_points", answers_left_alone)],
        "k = 3, gd",
    ),
    "the memorizer forgets one": (
        "generalization_bounds",
        [(generalization_bounds, "memorizer", one_forgotten)],
        "memorizing: training loss",
    ),
    "the size of the weights": (
        "generalization_bounds",
        [(generalization_bounds, "largest_entry", lambda W, V: networks.largest_entry(W, V) / 10)],
        "trained: C",
    ),
    "noise three times too large": (
        "perturbation_bounds",
        [(perturbation_bounds, "draw_noise", lambda *given: tuple(3 * x for x in as_it_is["draw_noise"](*given)))],
        "σ = 0.3 r, largest weights: G.10 times √2 exceeded",
    ),
    "noise nine times too large": (
        "perturbation_bounds",
        [(perturbation_bounds, "draw_noise", lambda *given: tuple(9 * x for x in as_it_is["draw_noise"](*given)))],
        "σ = 3 r, random weights: G.13 exceeded",
    ),
    "the same, where the terms in σ are the large ones": (
        "perturbation_bounds",
        [(perturbation_bounds, "draw_noise", lambda *given: tuple(9 * x for x in as_it_is["draw_noise"](*given)))],
        "σ = 0.3 r, largest weights: G.11 exceeded",
    ),
    "the size of the noise": (
        "pac_bayes",
        [(pac_bayes, "printed_sigma", lambda p, gamma, h: 0.5)],
        "σ of (G.7): share of networks that move by γ/4",
    ),
    "the doubling": (
        "pac_bayes",
        [(pac_bayes.np, "zeros_like", np.ones_like)],
        "outputs of the doubled network [W'; 0]: deviation",
    ),
    "the part in W": (
        "expected_ntk",
        [(expected_ntk, "tangent_kernel", lambda W, V, points: as_it_is["tangent_kernel"](W, 1.2 * V, points))],
        "uniform: both parts, all triples, largest deviation",
    ),
    "the formula of the expected kernel": (
        "kernel_lower_bounds",
        [(kernel_lower_bounds, "expected_tangent_kernel", lambda inputs: knowing(inputs)["gaussian"]), identity],
        "n = 20, expected tangent: best combination",
    ),
    "the inputs that are counted": (
        "pac_bayes",
        [(pac_bayes, "union_log", lambda p, h: 1 / p)],
        "p = 5 … 9: exponent of p in ‖θ‖²/σ²",
    ),
    "the network's weights": (
        "pac_bayes",
        [(pac_bayes, "fourier_network", lambda p: tuple(x / 2 for x in as_it_is["fourier_network"](p)))],
        "the same with ‖θ‖² = 12 p²",
    ),
    "the margins of the sample": (
        "pac_bayes",
        [(pac_bayes, "margin_loss", lambda q, counts, gamma: float(np.sum(counts[q >= gamma]) / np.sum(counts)))],  # (4.3) as printed
        "random: share of wrong answers, n = 1e13",
    ),
}


def turn(broken, small, monkeypatch):
    """Breaks an ingredient of a claim; the row that is named must then not be as expected."""
    claim, changes, quantity = broken
    for where, name, value in changes:
        monkeypatch.setattr(where, name, value)
    (row,) = [row for row in build("claim", claim, **small.get(claim, {})).check(0) if row.quantity == quantity]
    assert not row.as_expected, row


@pytest.mark.parametrize("broken", BREAKS)
def test_a_verdict_turns_when_an_ingredient_is_broken(broken, monkeypatch):
    turn(BREAKS[broken], SMALL, monkeypatch)


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("claim", sorted({claim for claim, _, _ in BREAKS.values()}))
def test_verdicts_do_not_hang_on_the_seed(claim, seed):
    assert [row for row in build("claim", claim).check(seed) if not row.as_expected] == []


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
    generator, points = np.random.default_rng(0), networks.all_tuples(3, 3)
    W, V = np.sqrt(3) * generator.uniform(-1, 1, (2, 3, 60_000)), np.sqrt(3) * generator.uniform(-1, 1, (60_000, 3))
    found = tangent.tangent_kernel(W, V, points) / 60_000
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
    points = networks.all_tuples(4, k + 1)[::7]
    with jax.enable_x64(True):
        net = QuadraticNetwork(jax.numpy.asarray(W), jax.numpy.asarray(V), degree=k)
        theirs = np.asarray(as_matrix(empirical_ntk(net, jax.numpy.asarray(points), outputs="own")))
    np.testing.assert_allclose(tangent.tangent_kernel(W, V, points), theirs, rtol=1e-12, atol=1e-12 * theirs.max())


def test_no_output_moves_along_the_two_directions_of_a_neuron():
    """(W_j, V_j) → (s W_j, V_j / s²) and (Q_j, R_j) → (Q_j + t, R_j − t): why the rank is at most (3p − 2) h."""
    generator = np.random.default_rng(0)
    W, V, inputs = generator.normal(size=(2, 5, 3)), generator.normal(size=(3, 5)), networks.all_tuples(5, 2)
    before = networks.outputs(W, V, inputs)
    s, t = np.array([2.0, 1.0, 0.5]), np.array([0.3, -1.0, 0.0])
    np.testing.assert_allclose(networks.outputs(s * W, V / s[:, None] ** 2, inputs), before, rtol=1e-12)
    np.testing.assert_allclose(networks.outputs(np.stack([W[0] + t, W[1] - t]), V, inputs), before, rtol=1e-9, atol=1e-12)


def test_a_trajectory_takes_the_steps_of_its_optimizer():
    generator = np.random.default_rng(0)
    start = {"W": generator.normal(size=(2, 3, 4)), "V": generator.normal(size=(4, 3))}
    points = networks.all_tuples(3, 3)
    targets = generator.normal(size=len(points))

    def loss(params):
        return np.mean((networks.outputs(params["W"], params["V"], points[:, :2])[np.arange(27), points[:, 2]] - targets) ** 2)

    ((path,), (other,)) = training.trajectories(
        training.square_loss,
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


def test_charts_show_where_kernels_become_definite():
    (chart,) = build("claim", "ntk_width").charts(0)
    assert chart.marks["n/(3p)"] == pytest.approx(40 / 15)
    for name, first in (("V uniform", 40 / 13), ("V zero", 40 / 5)):  # Derived in the docstring, and n/p at least for V = 0
        line = chart.measured[name]
        assert np.all(np.isnan(line[chart.x < first])) and np.all(line[chart.x >= chart.marks["36 ρ_c log(n/δ)"]] > 1e-3)
    assert not np.isnan(chart.measured["V uniform"][chart.x >= 5]).any()


def test_the_chart_of_losses_never_crosses_the_bound_but_for_the_network():
    (chart,) = build("claim", "kernel_lower_bounds").charts(0)
    printed, exact = chart.predicted["printed bound"], chart.predicted["exact bound"]
    lines = dict(chart.measured)
    trained = lines.pop("trained network")
    assert np.all(printed <= exact) and chart.x[-1] == 4**3 and len(lines) == 6
    assert all(np.all(line >= exact - 0.05) for line in lines.values())
    assert np.isnan(trained[0]) and np.all(trained[1::2] > 0)


@pytest.mark.parametrize("claim", ["generalization_bounds", "rademacher"])
def test_bounds_of_a_chart_are_above_what_is_measured(claim):
    (chart,) = build("claim", claim).charts(0)
    bound = max(chart.predicted.values(), key=lambda line: line[-1])
    assert all(np.all(line[-3:] <= bound[-3:]) for line in chart.measured.values())


def test_the_sizes_that_the_note_names_are_those_of_the_bound():
    assert pac_bayes.printed_sigma(3e11, 6e11, 24e11) < 1 < pac_bayes.printed_sigma(5e11, 10e11, 40e11)
    large, trained = build("claim", "pac_bayes").charts(0)
    assert 1e18 < large.marks["says something"] < 3e18
    assert np.all(np.diff(large.predicted["bound"][large.x > 1e3]) < 0)
    assert np.all(trained.measured["error on all pairs"] < trained.predicted["PAC-Bayes bound"])
