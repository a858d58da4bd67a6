"""Breaks of kernels and training."""

import numpy as np

from plugins.claims.kernels import expected_ntk, kernel_equivariance, kernel_lower_bounds, ntk_width
from plugins.claims.training import training_equivariance
from plugins.mathematics import hamming
from plugins.networks import written_down

as_it_is = {
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
}
