"""Breaks of constructions, margins and numerics."""

from fractions import Fraction

import numpy as np

from plugins.claims.construction import (
    fourier_construction,
    frequency_subsets,
    memorizing_network,
    quadratic_as_cubes,
    small_norms,
    summands,
)
from plugins.claims.kernels import ntk_closed_forms
from plugins.claims.margins import group_margin, margin_limit, max_margin, parity_margin
from plugins.claims.training import exact_in_float32
from plugins.networks import few_neurons, written_down

FLIPPED = (*written_down.NEURONS[:3], ("+sin", "-sin", "-cos"), *written_down.NEURONS[4:])


def turned(p, pairs):
    W, V = memorizing_network_as_it_is(p, pairs)
    W[0] *= -1
    return 1.1 * W, V


memorizing_network_as_it_is = memorizing_network.memorizer
group_network_as_it_is = group_margin.group_network
summand_network_as_it_is = written_down.summand_network


def two_cosines(p, k, frequencies):
    """The construction with every neuron a second time, its output weights exchanged for those of twice the frequency."""
    return summand_network_as_it_is(p, k, [*frequencies, *(2 * f for f in frequencies)])


def one_turned(bits, k, made=parity_margin.parity_network):
    U, V = made(bits, k)
    V[0] *= -1
    return U, V


SMALL = {
    "max_margin": {"steps": 1000, "most": 2},
    "summands": {"most": 3},
    "margin_limit": {"steps": 300},
    "frequency_subsets": {"k": (2,)},
    "ntk_closed_forms": {"k": (2,)},
}  # fields that make a break quick to see
BREAKS = {  # what is broken → (claim, [(where, name, what it becomes)], the row that turns)
    "one sign of the Fourier network": (
        "fourier_construction",
        [(written_down, "NEURONS", FLIPPED)],
        "deviation from 4p·1[a+b≡q]",
    ),
    "the same, in the finite field": ("fourier_construction", [(written_down, "NEURONS", FLIPPED)], "wrong outputs in a finite field"),
    "the sign of odd sines": (
        "summands",
        [(written_down, "output_wave", lambda sines, waves: waves["sin" if sines % 2 else "cos"])],
        "p = 5, k = 3: deviation",
    ),
    "one multiple of the phases": (
        "summands",
        [(summands, "phase_network", lambda p, u, m, made=summands.phase_network: made(p, (*u[:-1], u[-1] + 1), m))],
        "p = 5, k = 2: deviation, equally spaced phases",
    ),
    "the norm": ("max_margin", [(max_margin, "group_norm", written_down.largest_entry)], "k = 2: margin of the construction"),
    "the margin": (
        "max_margin",
        [(max_margin, "smallest_margin", lambda *given: 2 * written_down.smallest_margin(*given))],
        "k = 2: margin of the construction",
    ),
    "training without a penalty": (
        "max_margin",
        [(max_margin, "penalized", lambda params, data: max_margin.cross_entropy(params, data))],
        "k = 2: margin / γ* of a trained network, at the end",
    ),
    "a margin that is not the largest": (
        "max_margin",
        [(max_margin, "largest", lambda p, k, made=max_margin.largest: 0.999 * made(p, k))],
        "k = 2: largest mean margin of a neuron, by ascent",
    ),
    "wrong answers that are weighed alike": (
        "group_margin",
        [(group_margin, "balanced_weights", lambda R, labels: (6 * np.eye(6)[labels] - 1) / 5)],
        "largest mean margin of a neuron, by ascent",
    ),
    "a representation that weighs too much": (
        "group_margin",
        [(group_margin, "balanced_weights", lambda R, labels, made=group_margin.balanced_weights: made(R[-1:], labels))],
        "largest weight of a wrong answer in that mean",
    ),
    "the parity of other bits": (
        "parity_margin",
        [
            (
                parity_margin,
                "steepest",
                lambda inputs, labels, k, generator, made=parity_margin.steepest: made(inputs, 1 - labels, k, generator),
            )
        ],
        "k = 3: largest mean margin of a neuron, by ascent",
    ),
    "a neuron too few": (
        "summands",
        [(summands, "fourteen_neurons", lambda made=summands.fourteen_neurons: made()[:-1])],
        "k = 3: miss of 14 neurons at all angles, in 60 digits",
    ),
    "an angle of the 14 neurons": (
        "summands",
        [(few_neurons, "sine", lambda turn: few_neurons.cosine(turn - Fraction(49, 100)))],
        "p = 4, k = 3: deviation, 14 neurons per frequency",
    ),
    "the order of neurons": (
        "fourier_construction",
        [(fourier_construction, "by_neuron", lambda columns: columns)],
        "deviation of outputs, W by neuron",
    ),
    "the scale of the regression": (
        "fourier_construction",
        [(fourier_construction, "regression_loss", lambda W, V, made=fourier_construction.regression_loss: made(W, 4 * V))],
        "regression loss, scaled and repeated",
    ),
    "neurons of frequency 0 at their whole weight": (
        "fourier_construction",
        [(fourier_construction, "halved_network", lambda p: written_down.fourier_network(p, range((p + 1) // 2)))],
        "p = 7: their regression loss, scaled by 2^(−1/3)",
    ),
    "weights of answers that no function of the sum has": (
        "max_margin",
        [(max_margin, "balanced_weights", lambda p, k, made=max_margin.balanced_weights: made(p, k) ** 3)],
        "k = 2: mean margin that no neuron exceeds",
    ),
    "weights of wrong answers that are too large": (
        "max_margin",
        [(max_margin, "balanced_weights", lambda p, k, made=max_margin.balanced_weights: 2 * made(p, k))],
        "k = 2: weight of the right answer in that mean, less those of the wrong",
    ),
    "a bound on neurons without Plancherel": (
        "group_margin",
        [(group_margin, "balanced_weights", lambda R, labels, made=group_margin.balanced_weights: made([R[-1], R[0]], labels) / 2)],
        "mean margin that no neuron exceeds",
    ),
    "the parity of one bit fewer": (
        "parity_margin",
        [(parity_margin, "bound_of_neurons", lambda x, y, k, g, made=parity_margin.bound_of_neurons: made(x[:, ::-1], y, k, g))],
        "k = 3: mean margin that no neuron exceeds",
    ),
    "the least norm of a larger margin": (
        "small_norms",
        [(small_norms, "bound_of_neurons", lambda weights, p, k, made=small_norms.bound_of_neurons: made(weights, p, k) / 4)],
        "h‖θ‖_∞³ of 4p − 3 neurons, beside that",
    ),
    "a bound that leaves out log(1/δ)": (
        "small_norms",
        [(small_norms, "relative_bound", lambda p, n, log, made=small_norms.relative_bound: made(p, n, 0 * log))],
        "3.6 with constant 1, smallest over n",
    ),
    "a minimizer that is the largest margin's": (
        "margin_limit",
        [(margin_limit, "least_loss", lambda signed, t, start: t * margin_limit.largest_of_linear(signed)[1])],
        "linear, ‖w‖_∞: gap of optimality, largest",
    ),
    "a minimizer that is too large": (
        "margin_limit",
        [(margin_limit, "best_size", lambda best, p, strength, made=margin_limit.best_size: 1.1 * made(best, p, strength))],
        "λ = 0.3 γ* (p−1)/p: penalized loss of a trained network",
    ),
    "training without its penalty": (
        "margin_limit",
        [(margin_limit, "penalized", lambda params, data: margin_limit.cross_entropy(params, data[:2]))],
        "λ = 0.3 γ* (p−1)/p: the same, at most 1 % above",
    ),
    "the sign of (F.10)": (
        "fourier_construction",
        [(fourier_construction, "sum_of_f10", lambda p, sign, made=fourier_construction.sum_of_f10: made(p, -sign))],
        "deviation of cos cos + sin sin in (F.10)",
    ),
    "a margin that training may not reach": (
        "max_margin",
        [(max_margin, "largest", lambda p, k, made=max_margin.largest: 0.9 * made(p, k))],
        "k = 3: margin / γ* of a trained network, at most",
    ),
    "the size of representations": (
        "group_margin",
        [(group_margin, "scale_of", lambda d: d ** (1 / 2))],
        "margin of the construction",
    ),
    "a representation that is transposed": (
        "group_margin",
        [
            (
                group_margin,
                "group_network",
                lambda given, scale: group_network_as_it_is([R.transpose(0, 2, 1) for R in given], scale),
            )
        ],
        "margin of the construction",
    ),
    "a neuron of the parity": ("parity_margin", [(parity_margin, "parity_network", one_turned)], "k = 3: margin of the construction"),
    "the cross-entropy": (
        "exact_in_float32",
        [(exact_in_float32, "FORMS", {"product": exact_in_float32.FORMS["optax"]})],
        "z_y = 60: loss, product: deviation",
    ),
    "the unit step": (
        "exact_in_float32",
        [(exact_in_float32, "normalized", lambda made=exact_in_float32.normalized: {"product": made()["optax"]})],
        "gradient of 1e-22: length of the step, product",
    ),
    "the power of the activation": (
        "ntk_closed_forms",
        [(ntk_closed_forms, "squared_norms", lambda two, x, k, which, made=ntk_closed_forms.squared_norms: made(two, x, k + 1, which))],
        "k = 2, close: ‖Θ_t − Θ_0‖_F",
    ),
    "the kernel it is compared with": (
        "ntk_closed_forms",
        [(ntk_closed_forms, "tangent_kernel", lambda W, V, x, made=ntk_closed_forms.tangent_kernel: made(W, 1.001 * V, x))],
        "k = 2, far apart: ‖Θ_t‖_F",
    ),
    "the targets of a regression": (
        "ntk_closed_forms",
        [(ntk_closed_forms, "outputs", lambda W, V, x: written_down.outputs(W, 1.001 * V, x))],
        "regression loss of 74 triples",
    ),
    "a frequency and its double at once": (
        "frequency_subsets",
        [(frequency_subsets, "summand_network", two_cosines)],
        "p = 5, k = 2: margin of frequency 1 / its largest output",
    ),
    "one input that is off": (
        "frequency_subsets",
        [(frequency_subsets, "added", lambda alone, chosen: sum(alone[f] for f in chosen) + np.eye(*alone[1].shape))],
        "p = 5, k = 2: exact sets of 3",
    ),
    "frequencies that are all the same": (
        "frequency_subsets",
        [(frequency_subsets, "summand_network", lambda p, k, f: summand_network_as_it_is(p, k, [3]))],
        "p = 9, k = 2: sets that answer everything right, of 15",
    ),
    "the matrix that weighs outputs": (
        "memorizing_network",
        [
            (
                memorizing_network,
                "best_neuron",
                lambda x, weights, generator, made=memorizing_network.best_neuron: made(x, -(weights**2), generator),
            )
        ],
        "⟨λ, f⟩ / norm³, largest by ascent",
    ),
    "the memorizer's first layer": (
        "memorizing_network",
        [(memorizing_network, "memorizer", turned)],
        "deviation: p at the memorized, 0 elsewhere",
    ),
    "the memorizer's size": ("memorizing_network", [(memorizing_network, "memorizer", turned)], "norm³ of a memorized positive"),
    "a sign of a cube": (
        "quadratic_as_cubes",
        [(quadratic_as_cubes, "PROOF", (18, ((1, 2, 1), (-1, 2, -1), (1, 1, 1), (1, 1, -1))))],
        "outputs that differ, 4 cubes as in the third line of (E.5)",
    ),
    "one of three cubes": (
        "quadratic_as_cubes",
        [(quadratic_as_cubes, "THREE", (24, quadratic_as_cubes.THREE[1][:2]))],
        "outputs that differ, 3 cubes",
    ),
}
