"""From the formal lower bounds to "a constant fraction of all data": with which constants, and where the words go too far."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import e

import numpy as np

from framework import Claim, Row, field, register
from plugins.claims.kernels.kernel_lower_bounds import all_targets, draw, least_losses, permuted_target, top_kernel
from plugins.mathematics.hamming import tail
from plugins.networks.written_down import all_tuples

REGRESSION = Fraction(4, 27)  # C of Theorem 3.4
CLASSIFICATION = Fraction(3, 16)  # C of Theorem 4.3
TARGETS = 200  # random permutations, where all are too many


@register("lower_bound_constants")
@dataclass(frozen=True, kw_only=True)
class LowerBoundConstants(Claim):
    """Half of the zero predictor's loss remains for n < Cp³ triples, or n < Cp² pairs (Thm 3.4, 4.3, Mohamadi et al. 2024).

    No C is printed. Here the exact bound, counted in rationals, gives C = 4/27 for triples, which is the largest for
    the worst triples, as p = 3, n = 4 shows, and C = 3/16 for pairs. For m variables and m < p it gives a quarter of that loss
    for n < p^m / (2e) (Thm 3.5 and Cor. D.8).

    D.8 puts its bound in other words, "if n < (1 − Ω(1)) p^m": that is so for fixed m and large p, as in D.1, and not for every
    m < p: at n = 1 + (p−1)^m, for m = p − 1 less than half of all points, one kernel has loss 0 for all permutations. Thm 3.5,
    an informal statement, has no condition m < p: for p = 2, two points are enough for any m.
    """

    largest: int = field(60, "p up to which constants are checked", at_least=5)
    most: int = field(12, "p up to which every m < p is checked", at_least=3, at_most=40)

    tags = ("kernel", "lower bound")
    scales = {"laptop": {"largest": 200, "most": 20}, "full": {"largest": 500, "most": 40}}
    note = (
        '"if n < (1 − Ω(1)) p^m" in Corollary D.8 is right for fixed m and p → ∞. For p = 4, m = 3 a kernel has loss 0 '
        "for every permutation at n = 28 of 64 points."
    )

    def check(self, seed: int) -> list[Row]:
        """The least loss over all p at the largest n below each threshold, the next n, and the kernels of loss 0."""
        generator, moduli = np.random.default_rng(seed), range(2, self.largest + 1)
        triples = ((p, 3, below(REGRESSION * p**3)) for p in moduli)
        pairs = ((p, 3, p * below(CLASSIFICATION * p**2)) for p in moduli)
        variables = ((p, m, below(Fraction(p**m) / Fraction(2 * e))) for p in range(3, self.most + 1) for m in range(2, p))
        half = {(3, 2): 5, (4, 3): 28}  # (p, m), m = p − 1 → 1 + (p−1)^m
        rows = [
            Row(f"3.4: least loss for n < (4/27) p³, p ≤ {self.largest}", 0.5, least(triples), relation=">="),
            Row(
                "3.4: p = 3, n = 4 = (4/27) p³, the loss of one kernel",
                0.5,
                loss_of(3, 3, 4, generator),
                1e-6,
                ">=",
                expected_to_hold=False,
            ),
            Row(f"4.3: least loss for n < (3/16) p² pairs, p ≤ {self.largest}", 0.5, least(pairs), relation=">="),
            Row(f"D.8: least loss for n < p^m/(2e), m < p ≤ {self.most}", 0.25, least(variables), relation=">="),
        ]
        for (p, m), n in half.items():
            said = f"p = {p}, m = {m}, n = {n}, {n / p**m:.2f} p^m: loss of one kernel"
            rows.append(Row(said, 0.1, loss_of(p, m, n, generator), relation=">=", expected_to_hold=False))
        rows.append(Row("p = 97, m = 3, n = p³/2: least loss", 0.1, float(tail(97, 3, 97**3 // 2)), relation=">="))
        rows.append(Row("p = 2, m = 8, n = 2: loss of one kernel", 0.1, loss_of(2, 8, 2, generator), relation=">=", expected_to_hold=False))
        return rows


def below(limit: Fraction) -> int:
    """The largest whole number below it."""
    return -(-limit.numerator // limit.denominator) - 1


def least(sizes: Iterable[tuple[int, int, int]]) -> float:
    """The least relative loss that n columns leave, over (p, m, n); sizes with n = 0 say nothing."""
    return float(np.min([float(tail(*given)) for given in sizes if given[2] > 0]))


def loss_of(p: int, m: int, n: int, generator: np.random.Generator) -> float:
    """Mean loss / that of 0 of the best combination of n columns of a kernel that has the leading eigenspaces alone."""
    inputs = all_tuples(p, m)
    targets = all_targets(p, m) if p <= 3 and m <= 3 else [permuted_target(inputs, draw(generator, p, m)) for _ in range(TARGETS)]
    chosen = columns_of_full_rank(p, m)[:n]
    return float(np.mean(least_losses(top_kernel(inputs, p, 1e7), chosen, np.stack(targets, axis=1)))) / p ** (m - 1)


def columns_of_full_rank(p: int, m: int) -> np.ndarray:
    """1 + (p−1)^m points whose columns are independent: (p − 1, 0, …, 0), and all without a p − 1.

    The projection at the first is −1 times the sum of p − 1 others, so that the constants in the columns do not cancel.
    """
    inputs = all_tuples(p, m)
    return np.concatenate([[(p - 1) * p ** (m - 1)], np.flatnonzero((inputs < p - 1).all(axis=1))])
