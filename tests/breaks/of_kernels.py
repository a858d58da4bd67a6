"""Breaks of kernels and training."""

import numpy as np

from plugins.claims.kernels import (
    expected_ntk,
    kernel_equivariance,
    kernel_lower_bounds,
    lower_bound_constants,
    matrix_chernoff,
    ntk_width,
    permuted_targets,
    projections,
)
from plugins.claims.training import permuted_parameters, training_equivariance
from plugins.mathematics import hamming
from plugins.networks import written_down

as_it_is = {
    "kernels_of_blocks": kernel_equivariance.kernels_of_blocks,
    "top_kernel": kernel_lower_bounds.top_kernel,
    "permuted_parameters": training_equivariance.permuted_parameters,
    "permuted_points": training_equivariance.permuted_points,
    "tangent_kernel": written_down.tangent_kernel,
    "draw_network": ntk_width.draw_network,
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


def with_kurtosis(kurtosis, row):
    entries = {"uniform": (kurtosis, expected_ntk.ENTRIES["uniform"][1])}
    what = "uniform, h = 6" if row == "largest deviation" else "uniform"
    changes = [(expected_ntk, "ENTRIES", entries | {"skewed": expected_ntk.ENTRIES["skewed"]}), (expected_ntk, "DRAWN", {})]
    return "expected_ntk", changes, f"{what}: {row}"


def joined_blocks(generator, inputs):
    found = as_it_is["kernels_of_blocks"](generator, inputs)
    return found | {"unequal blocks": found["unequal blocks"] + 0.1 * kernel_lower_bounds.kernels(inputs)["gaussian"]}


def one_forgotten(p, pairs):
    return as_it_is["memorizer"](p, pairs[1:])


SMALL = {}  # fields that make a break quick to see
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
        [(expected_ntk, "DRAWN", {"uniform": expected_ntk.DRAWN["gaussian"]})],
        "uniform, drawn: the same point",
    ),
    "κ = 5 in place of 9/5": with_kurtosis(5.0, "largest deviation"),
    "κ = 1 in place of 9/5": with_kurtosis(1.0, "largest deviation"),
    "κ = 1, in the spectrum": with_kurtosis(1.0, "largest eigenvalue of both parts, per unit"),
    "the part in W, in the least eigenvalue": (
        "expected_ntk",
        [(expected_ntk, "tangent_kernel", lambda W, V, points: as_it_is["tangent_kernel"](W, 0 * V, points))],
        "uniform: smallest eigenvalue of both parts, per unit, 4σ⁴ + 8σ²",
    ),
    "blocks that hang together": (
        "kernel_equivariance",
        [(kernel_equivariance, "number_of_parts", lambda kernel, made=kernel_equivariance.number_of_parts: made(kernel + 1))],
        "parts that do not hang together: unequal blocks",
    ),
    "a kernel that is joined": (
        "kernel_equivariance",
        [(kernel_equivariance, "kernels_of_blocks", joined_blocks)],
        "deviation of the regression: unequal blocks",
    ),
    "W is inverted as printed": (
        "permuted_parameters",
        [(permuted_parameters, "READINGS", {"W moved as V is": (permuted_parameters.printed, True, True)})],
        "W moved as V is: C.5, outputs",
    ),
    "permutations that are their own inverses": (
        "permuted_parameters",
        [(permuted_parameters, "cycle", permuted_parameters.swap), (permuted_parameters, "crossing", np.copy)],
        "as printed, with +p: C.6, gradients",
    ),
    "a function without line sums": (
        "permuted_targets",
        [(permuted_targets, "outer", lambda u, v, w, made=permuted_targets.outer: made(u, v, u))],
        "m = 3, u ⊗ u ⊗ 1: D.11 at d = 1",
    ),
    "permutations that are shifts": (
        "permuted_targets",
        [(kernel_lower_bounds.itertools, "permutations", only_shifts)],
        "p = 3, m = 3: deviation from D.10, d = number of different places",
    ),
    "a function with slice sums": (
        "permuted_targets",
        [(permuted_targets, "without_slices", lambda v: v)],
        "p = 4, m = 3: largest E ⟨Ψ, v⟩² over v ⊥ V_s, at most that of D.9",
    ),
    "a matrix that is indefinite": (
        "projections",
        [(projections.np, "trace", lambda matrix: -1.0)],
        "D.6: least slack / trace, positive semidefinite Σ",
    ),
    "an eigenvector too few": (
        "projections",
        [(projections, "least_loss", lambda every, some, made=projections.least_loss: made(every, some[:, 1:]))],
        "D.4: loss of the leading eigenvectors",
    ),
    "draws that are too few": (
        "matrix_chernoff",
        [(matrix_chernoff, "chance", lambda d, m, made=matrix_chernoff.chance: made(d, m - d))],
        "d = 300, m = 3600: chance of failure / d exp(−μ/L)",
    ),
    "the norm that is bounded": (
        "matrix_chernoff",
        [(matrix_chernoff, "bound", lambda d, ratio: 1 - d * np.exp(-2 * ratio))],
        "d = 20, m = 60: chance of a definite sum, at least",
    ),
    "the constant of 3.4": (
        "lower_bound_constants",
        [(lower_bound_constants, "REGRESSION", lower_bound_constants.Fraction(3, 20))],
        "3.4: least loss for n < (4/27) p³, p ≤ 60",
    ),
    "columns that are dependent": (
        "lower_bound_constants",
        [(lower_bound_constants, "columns_of_full_rank", lambda p, m: np.zeros(p**m, int))],
        "p = 4, m = 3, n = 28, 0.44 p^m: loss of one kernel",
    ),
    "repeats that are not fitted": (
        "ntk_width",
        [(ntk_width, "tangent_kernel", lambda W, V, points: as_it_is["tangent_kernel"](W[..., :-1], V[:-1], points))],
        "151 triples, 125 distinct, h = 10 < n/(3p): targets that cannot be fitted, at least 1 as printed",
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
    "the part in W": (
        "expected_ntk",
        [(expected_ntk, "tangent_kernel", lambda W, V, points: as_it_is["tangent_kernel"](W, 1.2 * V, points))],
        "gaussian: both parts, all triples, largest deviation",
    ),
    "the formula of the expected kernel": (
        "kernel_lower_bounds",
        [(kernel_lower_bounds, "expected_tangent_kernel", lambda inputs: knowing(inputs)["gaussian"]), identity],
        "n = 20, expected tangent: best combination",
    ),
}
