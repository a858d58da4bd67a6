"""How much noise the weights of appendix F may have, by the formulas of appendix G and from the variance of outputs, for any p."""

import math
from collections.abc import Callable

HALF = 0.5  # δ₂, the probability with which a perturbed network must stay near (Lemma G.9)


def union_log(p: float | int, h: float | int, power: int) -> float:
    """log(2 p^power (h+1)/δ₂): power 1 is the union of (G.5), over p outputs; 3 is that over the p² pairs as well."""
    return math.log(2 * p**power * (h + 1) / HALF)


def ratio_of_g7(p: float | int, gamma: float | int, h: float | int, power: int) -> float:
    """γ/(256 √(2h) log^{3/2}), γ in units of r³: where it is above 1, σ > r, which is (*) of (G.7)."""
    return gamma / (256 * math.sqrt(2 * h) * union_log(p, h, power) ** 1.5)


def printed_sigma(p: float | int, gamma: float | int, h: float | int, power: int) -> float:
    """σ/r of (G.7)."""
    ratio = ratio_of_g7(p, gamma, h, power)
    return ratio ** (1 / 3) if ratio > 1 else ratio


def gaussian_sigma(p: float | int, gamma: float | int, largest: float) -> float:
    """σ/r at which `largest` standard deviations of an output of appendix F, h = 8p, are γ/4.

    Σ_j over the 8p neurons of E[ṽ²(u+ũ)⁴] + v² Var[(u+ũ)²] is p (50σ² + 128σ⁴ + 96σ⁶), as the sums of u⁴, u², v²u² and v²
    are 18p, 8p, 4p and 4p, but for terms that do not grow with p.
    """
    allowed = (gamma / 4 / largest) ** 2 / p
    return first_where(lambda sigma: 50 * sigma**2 + 128 * sigma**4 + 96 * sigma**6 >= allowed, 1e-12, 1e12)


def first_where(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The number between two positive ones from which `holds`, to rounding, by bisection of logarithms."""
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def excess(divergence: float, n: float | int, delta: float) -> float:
    """4 √((KL + log(6n/δ))/(n−1)), what Lemma G.9 adds to the margin loss."""
    return 4 * math.sqrt((divergence + math.log(6 * n / delta)) / (n - 1))
