"""When a sum of random matrices is definite: the inequality that says how wide a network must be."""

from dataclasses import dataclass
from fractions import Fraction
from math import comb, exp, factorial

import numpy as np

from framework import Claim, Row, field, register
from plugins.networks.written_down import all_tuples

EXACT = ((2, 8), (4, 12), (20, 60), (20, 100), (50, 300))  # (d, m) of coupons
TIGHT = (300, 3600)  # (d, m) where the bound is nearly attained
SHARES = (0.5, 0.75, 0.9)  # ε in (B.6)


@register("matrix_chernoff")
@dataclass(frozen=True, kw_only=True)
class MatrixChernoff(Claim):
    """P(λ_min(Σ_k X_k) > 0) ≥ 1 − d exp(−μ_min/L) (Lemma B.5, Mohamadi et al. 2024), where the probability is known exactly.

    X_k = e_i e_iᵀ for a uniform i of d: the sum is definite when all of d coupons are there, μ_min = m/d and L = 1, and the
    probability is a sum of d + 1 rationals. The chance of failure divided by d exp(−m/d) is nearly 1 for large d, so that no
    smaller constant in front and no larger one in the exponent would do. (B.6) is beside counts of all m draws. Then what
    Prop. B.4 puts into the lemma: ‖L_θk‖ ≤ 16 s⁴ ρ_c, with equality where every weight is s, ‖C‖ = ρ_c, and s²/σ² = 3.
    """

    p: int = field(5, "modulus of the kernels", at_least=2)
    points: int = field(40, "number of triples", at_least=1)
    draws: int = field(200, "number of hidden units drawn", at_least=1)

    tags = ("kernel", "width")
    scales = {"laptop": {"p": 11, "points": 300}, "full": {"p": 23, "points": 600}}

    def check(self, seed: int) -> list[Row]:
        """Coupons, then the matrices of hidden units."""
        rows = []
        for d, m in EXACT:
            rows.append(Row(f"d = {d}, m = {m}: chance of a definite sum, at least", bound(d, m / d), chance(d, m), relation=">="))
        d, m = TIGHT
        rows.append(Row(f"d = {d}, m = {m}: chance of failure / d exp(−μ/L)", 1, (1 - chance(d, m)) / (d * exp(-m / d)), 0.03))
        for share in SHARES:
            d, m = 4, 40
            printed = 1 - d * (exp(-share) / (1 - share) ** (1 - share)) ** (m / d)
            found = chance_of_more(d, m, (1 - share) * m / d)
            rows.append(Row(f"d = {d}, m = {m}, ε = {share}: (B.6), at least", printed, found, relation=">="))
        said = "d = 20, m = 60: the same with d exp(−2μ/L) in place of d exp(−μ/L)"
        rows.append(Row(said, 1 - 20 * exp(-6), chance(20, 60), relation=">=", expected_to_hold=False))
        return [*rows, *self._of_units(np.random.default_rng(seed))]

    def _of_units(self, generator: np.random.Generator) -> list[Row]:
        """Norms of L_θk = diag(w) C diag(w), w_i = (Q_a + R_b)², at triples that may repeat."""
        s, every = 0.7, all_tuples(self.p, 3)
        points = every[generator.integers(len(every), size=self.points)]
        rho = int(np.bincount(points[:, 2]).max())
        same = (points[:, 2, None] == points[None, :, 2]).astype(float)
        W = generator.uniform(-s, s, (self.draws, 2, self.p))
        features = (W[:, 0, points[:, 0]] + W[:, 1, points[:, 1]]) ** 2
        norms = [float(np.linalg.eigvalsh(w[:, None] * same * w)[-1]) for w in features]
        extreme = np.full(self.points, (2 * s) ** 2)
        most = float(np.linalg.eigvalsh(extreme[:, None] * same * extreme)[-1])
        square = float(np.mean(generator.uniform(-s, s, 100_000) ** 2))
        return [
            Row("‖C‖ = ρ_c", rho, float(np.linalg.eigvalsh(same)[-1]), 1e-10),
            Row("largest ‖L_θk‖ of drawn units, at most 16 s⁴ ρ_c", 16 * s**4 * rho, float(np.max(norms)), relation="<="),
            Row("‖L_θk‖ where every weight is s", 16 * s**4 * rho, most, 1e-10),
            Row("s² / σ² of uniform weights", 3, s**2 / square, 0.06),
        ]


def bound(d: int, ratio: float) -> float:
    """1 − d exp(−μ_min/L)."""
    return 1 - d * exp(-ratio)


def chance(d: int, m: int) -> float:
    """P(every one of d coupons is among m draws) = Σ_i (−1)^i (d choose i) (1 − i/d)^m, in whole numbers."""
    return float(Fraction(sum((-1) ** i * comb(d, i) * (d - i) ** m for i in range(d + 1)), d**m))


def chance_of_more(d: int, m: int, least: float) -> float:
    """P(every coupon is drawn more than `least` times), in rationals: draws are shared out among one coupon after another."""
    ways = [Fraction(1)] + [Fraction(0)] * m  # by the number of draws used so far, divided by its factorial
    for _ in range(d):
        ways = [sum((ways[t - c] / factorial(c) for c in range(t + 1) if c > least), Fraction(0)) for t in range(m + 1)]
    return float(ways[m] * factorial(m) / d**m)
