"""What Theorems 4.5 and 4.6 say once their constants are written out: exponents, and from which p on they say anything."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from framework import Claim, Panel, Row, field, register
from plugins.bounds.noise_allowed import excess, first_where, gaussian_sigma, printed_sigma, ratio_of_g7, union_log
from plugins.networks.written_down import all_tuples, fourier_network, largest_entry, outputs, smallest_margin

GAMMAS = (2, 4)  # γ/p: half of the margin of appendix F, and its whole, which γ may be next to but not reach
UNIONS = {1: "the paper's log(2p(h+1)/δ₂)", 3: "log(2p³(h+1)/δ₂)"}
NEEDED = math.sqrt(96)  # σ/r at which 4√(KL/n) is 1 at n = p², as KL = 6p²/σ²


@register("classification_bound")
@dataclass(frozen=True, kw_only=True)
class ClassificationBound(Claim):
    """Theorem 4.5 of Mohamadi et al. 2024: an interpolating network with ‖θ‖_∞-margin Ω(p) and h = O(p) errs Õ(√(p^{5/3}/n)).

    With the constants of (G.7) and (G.10), on the network of appendix F, KL = 6p²/σ², δ₂ = ½: its normalized margin; the
    exponents of p in the n at which the bound is ½, where σ > r as the proof assumes, and below; the p from which σ > r, and from
    which the bound at n = p² is below 1. Predictions solve p = (…)² log³(…) by iteration, measurements bisect the bound itself.
    """

    p: int = field(7, "modulus at which the margin is measured", at_least=3)
    copies: int = field(2, "how often all neurons of appendix F are repeated", at_least=2)
    delta: float = field(0.1, "δ", above=0, below=1)

    tags = ("pac-bayes", "appendix G", "generalization")
    scales = {"laptop": {"p": 23, "copies": 3}, "full": {"p": 47, "copies": 4}}
    note = (
        "The theorem is about large p, and holds there: 5/3 is the exponent where σ > r, which the proof assumes (page 45). With its "
        "constants that is from p = 7.7e9 on for γ = 4p, the margin of appendix F, or 3.7e10 for γ = 2p; with the union over pairs, "
        "which G.9 needs, from 7.3e10 or 3.5e11. Below, the exponent is 1, with log³. At n = p² the bound is below 1 from 2.9e16, "
        "1.3e17, 2.5e17 or 1.1e18 on; with the largest σ, in place of that of (G.7), from 1.2e10 (γ = 4p) or 5.2e10 (γ = 2p)."
    )

    def check(self, seed: int) -> list[Row]:
        """Margins by outputs, then exponents and thresholds for each γ and each union."""
        rows = self._margins()
        for gamma in GAMMAS:
            for power, union in UNIONS.items():
                rows += self._thresholds(f"γ = {gamma}p, {union}", gamma, power)
            rows += self._with_largest(gamma)
        return rows + self._exponents()

    def charts(self, seed: int) -> list[Panel]:
        """p against the bound at n = p², with the σ of (G.7) and with the largest."""
        p = np.geomspace(10, 1e20, 60)
        lines = {f"σ of (G.7), γ = {gamma}p": np.array([self._at_all_pairs(x, gamma, 3) for x in p]) for gamma in GAMMAS}
        lines["largest σ, γ = 4p"] = np.array([self._at_largest(x, 4) for x in p])
        title = f"PAC-Bayes bound for the network of appendix F at n = p², δ = {self.delta:g}"
        return [Panel.of_lines(title, "p", "share of wrong answers", p, {}, lines | {"all answers wrong": np.ones(len(p))}, log="xy")]

    def _margins(self) -> list[Row]:
        """‖θ‖_∞-margins of appendix F: 4p at h = 8p, and as many times that as neurons are repeated at r^{−1/3} of their size."""
        inputs, (W, V) = all_tuples(self.p, 2), fourier_network(self.p)
        labels, small = inputs.sum(axis=1) % self.p, self.copies ** (-1 / 3)
        wide = np.tile(W, (1, 1, self.copies)) * small, np.tile(V, (self.copies, 1)) * small
        once, often = (
            smallest_margin(outputs(first, second, inputs), labels) / largest_entry(first, second) ** 3 for first, second in ((W, V), wide)
        )
        return [
            Row("h = 8p: normalized margin ÷ p", 4, once / self.p, 1e-9),
            Row(f"h = {8 * self.copies}p: normalized margin ÷ p", 4 * self.copies, often / self.p, 1e-9),
        ]

    def _thresholds(self, said: str, gamma: int, power: int) -> list[Row]:
        """p = (1024/g)² log³ for σ = r, as √(2h) = 4√p; and σ/r = √96, so (1024 · 96^{3/2}/g)² log³, for the bound."""
        passes, speaks = (iterated((1024 * factor / gamma) ** 2, power) for factor in (1, NEEDED**3))
        return [
            Row(f"{said}: p from which σ > r", passes, bisected(lambda p: ratio_of_g7(p, gamma * p, 8 * p, power) > 1), 0.01 * passes),
            Row(
                f"{said}: p from which n = p² says something",
                speaks,
                bisected(lambda p: self._at_all_pairs(p, gamma, power) < 1),
                0.01 * speaks,
            ),
        ]

    def _with_largest(self, gamma: int) -> list[Row]:
        """(g/4)² p = 2 log(4p³) (50σ² + 128σ⁴ + 96σ⁶) at σ² = 96."""
        moved, p = 50 * 96 + 128 * 96**2 + 96 * 96**3, 1e9
        for _ in range(200):
            p = 32 * moved / gamma**2 * math.log(4 * p**3)
        found = bisected(lambda p: self._at_largest(p, gamma) < 1)
        return [Row(f"γ = {gamma}p, largest σ: p from which n = p² says something", p, found, 0.01 * p)]

    def _exponents(self) -> list[Row]:
        """Slopes of the n that the bound asks for, freed of its logarithms, above and below the p from which σ > r."""
        large, small = np.geomspace(1e16, 1e30, 8), np.geomspace(10, 1e8, 8)
        logs = {p: union_log(p, 8 * p, 3) for p in map(float, [*large, *small])}
        above, below = ([(math.log(self._asked(p)), math.log(logs[p])) for p in map(float, x)] for x in (large, small))
        slope_above = slope(large, [n - log for n, log in above])
        slope_below = slope(small, [n - 3 * log for n, log in below])
        return [
            Row("p = 1e16 … 1e30: exponent of p in n/log", 5 / 3, slope_above, 0.01),
            Row("p = 10 … 1e8: exponent of p in n/log³", 1, slope_below, 0.01),
            Row("p = 10 … 1e8: exponent of p in n/log³, 5/3 as where σ > r", 5 / 3, slope_below, 0.01, expected_to_hold=False),
        ]

    def _asked(self, p: float | int) -> float:
        """The n at which the bound adds ½, at γ = 2p: 64 (KL + log(6n/δ)), by iteration."""
        divergence = 6 * p**2 / printed_sigma(p, 2 * p, 8 * p, 3) ** 2
        n = 64 * divergence
        for _ in range(20):
            n = 1 + 64 * (divergence + math.log(6 * n / self.delta))
        return n

    def _at_all_pairs(self, p: float | int, gamma: int, power: int) -> float:
        return excess(6 * p**2 / printed_sigma(p, gamma * p, 8 * p, power) ** 2, p**2, self.delta)

    def _at_largest(self, p: float | int, gamma: int) -> float:
        """With the σ at which √(2 log(2p³/δ₂)) standard deviations of an output are γ/4: Gaussian outputs, and a union over all."""
        return excess(6 * p**2 / gaussian_sigma(p, gamma * p, math.sqrt(2 * math.log(4 * p**3))) ** 2, p**2, self.delta)


def iterated(factor: float | int, power: int) -> float:
    """p = factor · log³(4 p^power (8p + 1)), by iteration."""
    p = 1e10
    for _ in range(200):
        p = factor * math.log(4 * p**power * (8 * p + 1)) ** 3
    return p


def bisected(holds: Callable[[float], bool]) -> float:
    """The p in 10 … 1e25 from which `holds`."""
    return first_where(holds, 10.0, 1e25)


def slope(p: np.ndarray, logs: list[float]) -> float:
    """The slope of `logs` over log p."""
    return float(np.polyfit(np.log(p), logs, 1)[0])
