"""Breaks of margins as defined, and of what bounds generalization."""

import numpy as np

from plugins.claims.generalization import (
    classification_bound,
    contraction,
    generalization_bounds,
    misclassification,
    pac_bayes,
    perturbation_bounds,
    rademacher,
    subexponential,
)
from plugins.claims.margins import margin_definitions
from plugins.networks import written_down

as_it_is = {
    "memorizer": generalization_bounds.memorizer,
    "draw_noise": perturbation_bounds.draw_noise,
    "even_moment": perturbation_bounds.even_moment,
    "share_of_ratio": perturbation_bounds.share_of_ratio,
    "fourier_network": written_down.fourier_network,
    "follow_by_network": rademacher.follow_by_network,
    "square_losses": generalization_bounds.square_losses,
    "log_mgf_of_square": subexponential.log_mgf_of_square,
    "extremal_share": subexponential.extremal_share,
    "ratio_of_g7": classification_bound.ratio_of_g7,
    "printed_sigma": pac_bayes.printed_sigma,
    "gaussian_sigma": pac_bayes.gaussian_sigma,
}


def one_forgotten(p, pairs):
    return as_it_is["memorizer"](p, pairs[1:])


def half_a_network(p):
    return tuple(x / 2 for x in as_it_is["fourier_network"](p))


def louder(factor):
    return lambda *given: tuple(factor * x for x in as_it_is["draw_noise"](*given))


def as_printed(q, counts, gamma):
    """L_γ as (4.3) prints it."""
    return float(np.sum(counts[q > gamma]) / np.sum(counts))


SMALL = {"pac_bayes": {"moduli": (5, 9)}}  # fields that make a break quick to see
BREAKS = {  # what is broken → (claim, [(where, name, what it becomes)], the row that turns)
    "the margins that are counted": (
        "margin_definitions",
        [(margin_definitions, "margins", lambda outputs, labels: -written_down.margins(outputs, labels))],
        "with −V: L_0 = Pr[q ≤ 0], the share of wrong answers",
    ),
    "the normalization": (
        "margin_definitions",
        [(margin_definitions, "largest_entry", lambda W, V: 1.0)],
        "normalized margin of scaled parameters",
    ),
    "the size of targets": (
        "misclassification",
        [(misclassification, "answers", lambda inputs, p: written_down.answers(inputs, p) / 2)],
        "half of it at another answer: share of wrong answers",
    ),
    "signs that are all alike": (
        "rademacher",
        [(rademacher, "draw_signs", lambda generator, n: np.ones(n))],
        "n = 50: found by ascent",
    ),
    "corners that are too few": (
        "rademacher",
        [(rademacher, "largest_at_corners", lambda signs: float(np.abs(signs.sum())))],
        "n = 50: found by ascent, beside the corners",
    ),
    "neurons that share their output": (
        "rademacher",
        [(rademacher, "follow_by_network", lambda signs, r, start: as_it_is["follow_by_network"](signs, r, start[..., :1]))],
        "n = 50, 3 neurons: beside 3 times one neuron",
    ),
    "a function with a larger slope": (
        "contraction",
        [(contraction, "complexity", lambda H, made=contraction.complexity: made(H) ** 1.5)],
        "class near 3r: the same, an equality but for 0.2 %",
    ),
    "the memorizer forgets one": (
        "generalization_bounds",
        [(generalization_bounds, "memorizer", one_forgotten)],
        "memorizing: training loss",
    ),
    "the size of the weights": (
        "generalization_bounds",
        [(generalization_bounds, "largest_entry", lambda W, V: written_down.largest_entry(W, V) / 10)],
        "trained: 4hR³, beside p",
    ),
    "a loss of the population that is another": (
        "generalization_bounds",
        [(generalization_bounds, "square_losses", lambda *given: tuple(1.01 * x for x in as_it_is["square_losses"](*given)))],
        "memorizing: the least C",
    ),
    "the noise in the weights": (
        "perturbation_bounds",
        [(perturbation_bounds, "draw_noise", louder(1.2))],
        "σ = 0.3 r, largest weights: G.10 with √2: quantile ÷ bound",
    ),
    "the same, in the cube of it": (
        "perturbation_bounds",
        [(perturbation_bounds, "draw_noise", louder(1.2))],
        "σ = 3 r, random weights: G.13: quantile ÷ bound",
    ),
    "noise nine times too large": (
        "perturbation_bounds",
        [(perturbation_bounds, "draw_noise", louder(9))],
        "largest of these quotients",
    ),
    "a moment": (
        "perturbation_bounds",
        [(perturbation_bounds, "even_moment", lambda u, s, n: as_it_is["even_moment"](u, s / 2, n))],
        "σ = 3 r, largest weights: G.13: quantile ÷ bound",
    ),
    "the quotient of two Gaussians": (
        "perturbation_bounds",
        [(perturbation_bounds, "share_of_ratio", lambda M, *given: 2 * as_it_is["share_of_ratio"](M, *given))],
        "step in (G.12), δ = 0.1: share beyond",
    ),
    "the square of another variable": (
        "subexponential",
        [(subexponential, "log_mgf_of_square", lambda s: as_it_is["log_mgf_of_square"](1.2 * s))],
        "Q̃ as SE(4σ², 8σ²), G.11: largest quotient",
    ),
    "a tail that is too heavy": (
        "subexponential",
        [(subexponential, "extremal_share", lambda t, nu, alpha: as_it_is["extremal_share"](t, 1.1 * nu, alpha))],
        "G.5: share at or beyond ÷ δ",
    ),
    "a threshold": (
        "classification_bound",
        [(classification_bound, "ratio_of_g7", lambda *given: 1.1 * as_it_is["ratio_of_g7"](*given))],
        "γ = 4p, the paper's log(2p(h+1)/δ₂): p from which σ > r",
    ),
    "the root of (*)": (
        "classification_bound",
        [(classification_bound, "printed_sigma", lambda p, *given: as_it_is["printed_sigma"](p, *given) * p**0.01)],
        "p = 1e16 … 1e30: exponent of p in n/log",
    ),
    "neurons that are repeated at their size": (
        "classification_bound",
        [(classification_bound, "largest_entry", lambda W, V: 1.0)],
        "h = 16p: normalized margin ÷ p",
    ),
    "the size of the noise": (
        "pac_bayes",
        [(pac_bayes, "printed_sigma", lambda p, gamma, h, power: 0.5)],
        "σ of (G.7), log(2p³(h+1)/δ₂): share of networks that move by γ/4",
    ),
    "the doubling": (
        "pac_bayes",
        [(pac_bayes.np, "zeros_like", np.ones_like)],
        "outputs of the doubled network [W'; 0]: deviation",
    ),
    "the variance of outputs": (
        "pac_bayes",
        [(pac_bayes, "gaussian_sigma", lambda p, *given: as_it_is["gaussian_sigma"](p, *given) * p)],
        "p = 5 … 9: exponent of p in ‖θ‖²/σ², beside that from the variance of outputs",
    ),
    "how near a network must stay": (
        "pac_bayes",
        [(pac_bayes, "near", lambda after, before, gamma: gamma < np.inf and np.abs(after - before).max() < gamma)],
        "appendix F with noise: draws of 32 times the noise that break it",
    ),
    "the network's weights": ("pac_bayes", [(pac_bayes, "fourier_network", half_a_network)], "the same with ‖θ‖² = 12 p²"),
    "the margins of the sample": (
        "pac_bayes",
        [(pac_bayes, "margin_loss", as_printed)],
        "appendix F with noise: draws that move < γ/4 and break L_0 ≤ L_{γ/2} ≤ L_γ",
    ),
}
