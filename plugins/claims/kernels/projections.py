"""How much of random functions a few fixed functions can have: the linear algebra of the lower bounds."""

from dataclasses import dataclass
from math import exp

import numpy as np

from framework import Claim, Row, field, register
from plugins.claims.kernels.kernel_lower_bounds import all_targets
from plugins.mathematics.hamming import spectrum_of_mean
from plugins.networks.written_down import all_tuples, deviation

ROUNDING = 1e-10
SIZES = ((3, 2), (5, 3), (23, 3), (97, 3), (7, 5))  # (p, m) of D.7


@register("projections")
@dataclass(frozen=True, kw_only=True)
class Projections(Claim):
    """dist² = ‖x‖² − Σ ⟨x, v_i⟩², and what n functions leave of random ones (D.3 to D.7, Mohamadi et al. 2024).

    D.4 is attained by the n leading eigenvectors; D.5 needs its premise. D.6, Σ_(i≤n) λ_i(Σ) ≤ n λ_1((I−P)Σ(I−P)) + Tr(PΣP), is
    printed for any matrix and holds for positive semidefinite ones, as second moments are: its proof enlarges a trace by
    enlarging a subspace. D.7's sum of eigenvalues is counted in rationals, and its P_(V_s) Ψ = 1/p is projected out.
    """

    d: int = field(12, "dimension, number of points of the population", at_least=8)
    functions: int = field(40, "number of random functions", at_least=10)
    trials: int = field(50, "number of random matrices and subspaces", at_least=1)

    tags = ("kernel", "lower bound")
    scales = {"laptop": {"d": 40, "trials": 500}, "full": {"d": 100, "trials": 1000}}
    note = (
        "Lemma D.6 is printed for any matrix Σ. For Σ = diag(1, −1), V = span(e_2) and n = 1 it reads 1 ≤ 0; for positive semidefinite Σ, "
        "to which it is applied, it is true."
    )

    def check(self, seed: int) -> list[Row]:
        """Rows by lemma."""
        generator = np.random.default_rng(seed)
        return [*self._distance(generator), *self._least_losses(generator), *self._traces(generator), *sums_of_eigenvalues()]

    def _distance(self, generator: np.random.Generator) -> list[Row]:
        """D.3, beside least squares; the basis has to be orthonormal."""
        x, span = generator.normal(size=self.d), generator.normal(size=(self.d, self.d // 2))
        squared = float(np.sum((x - span @ np.linalg.lstsq(span, x, rcond=None)[0]) ** 2))
        rows = []
        for name, basis in (("an orthonormal basis", np.linalg.qr(span)[0]), ("any basis", span)):
            found = float(x @ x - np.sum((basis.T @ x) ** 2))
            rows.append(Row(f"D.3 with {name}", squared, found, ROUNDING * squared, expected_to_hold=name != "any basis"))
        return rows

    def _least_losses(self, generator: np.random.Generator) -> list[Row]:
        """D.4 and D.5, for functions of very different sizes along the axes."""
        d, n = self.d, self.d // 4
        every = generator.normal(size=(self.functions, d)) * np.linspace(3, 1, d)
        moment = every.T @ every / len(every)
        eigenvalues, vectors = np.linalg.eigh(moment)
        zero, tail = float(np.mean(every**2)), float(eigenvalues[:-n].sum() / d)
        best, drawn = least_loss(every, vectors[:, -n:]), least_loss(every, generator.normal(size=(d, n)))
        half = int(np.searchsorted(np.cumsum(eigenvalues[::-1]), eigenvalues.sum() / 2, side="right"))  # the most that D.5 allows
        met, not_met = (least_loss(every, vectors[:, d - k :]) / zero for k in (half, half + 1))
        return [
            Row("D.4: loss of the leading eigenvectors", tail, best, ROUNDING * zero),
            Row("D.4: loss of random functions", tail, drawn, relation=">="),
            Row("D.5: loss / that of 0, premise met by the most functions", 0.5, met, ROUNDING, relation=">="),
            Row("D.5: loss / that of 0, one function more", 0.5, not_met, relation=">=", expected_to_hold=False),
            Row("E of the mean of Ψ² over points, beside Tr Σ / |X|", float(np.trace(moment) / d), zero, ROUNDING * zero),
            Row("the same beside Tr Σ, as the text before D.5 has it", float(np.trace(moment)), zero, ROUNDING, expected_to_hold=False),
        ]

    def _traces(self, generator: np.random.Generator) -> list[Row]:
        """D.6: the least of right side − left side over random matrices, which V may nearly share; and the counterexample."""
        d, slacks = self.d, []
        for _ in range(self.trials):
            roots = generator.normal(size=(d, d)) * np.geomspace(1, 0.01, d)
            size, n = int(generator.integers(1, d)), int(generator.integers(1, d))
            matrix = roots.T @ roots
            span = np.linalg.eigh(matrix)[1][:, ::-1][:, :size] + 0.1 * generator.normal(size=(d, size))
            slacks.append(slack_of_d6(matrix, span, n) / np.trace(matrix))
        leading = np.diag([5.0, 1.0, 1.0])
        return [
            Row("D.6: least slack / trace, positive semidefinite Σ", 0, float(np.min(slacks)), ROUNDING, relation=">="),
            Row("D.6: slack for Σ = diag(5, 1, 1), V = span(e_1), n = 1", 1, slack_of_d6(leading, np.eye(3)[:, :1], 1), ROUNDING),
            Row(
                "D.6: slack for Σ = diag(1, −1), V = span(e_2), n = 1",
                0,
                slack_of_d6(np.diag([1.0, -1.0]), np.eye(2)[:, 1:], 1),
                ROUNDING,
                relation=">=",
                expected_to_hold=False,
            ),
        ]


def least_loss(every: np.ndarray, functions: np.ndarray) -> float:
    """The mean, over rows of `every` and over points, of the squared distance from the span of the columns of `functions`."""
    fitted = functions @ np.linalg.lstsq(functions, every.T, rcond=None)[0]
    return float(np.mean((every.T - fitted) ** 2))


def slack_of_d6(matrix: np.ndarray, span: np.ndarray, n: int) -> float:
    """n λ_1((I−P)Σ(I−P)) + Tr(PΣP) − Σ_(i≤n) λ_i(Σ), P the projection on the span."""
    basis = np.linalg.qr(span)[0]
    P = basis @ basis.T
    rest = np.eye(len(matrix)) - P
    largest = float(np.linalg.eigvalsh(rest @ matrix @ rest)[-1])
    return n * largest + float(np.trace(P @ matrix @ P)) - float(np.linalg.eigvalsh(matrix)[-n:].sum())


def sums_of_eigenvalues() -> list[Row]:
    """D.7: p^(m−2) + (n/p) e^((m−1)/(p−1)), beside the sum counted in rationals; and the projection in its proof."""
    rows = []
    for p, m in SIZES:
        (first, _), (second, many), *_ = spectrum_of_mean(p, m)
        for n in (1, many // 2, many + 1):
            counted, printed = float(first + (n - 1) * second), p ** (m - 2) + n / p * exp((m - 1) / (p - 1))
            rows.append(Row(f"p = {p}, m = {m}, n = {n}: sum of eigenvalues, at most that of D.7", printed, counted, relation="<="))
    inputs, every = all_tuples(3, 3), np.stack(all_targets(3, 3))
    slices = np.stack([inputs[:, i] == a for i in range(3) for a in range(3)], axis=1).astype(float)
    projected = slices @ np.linalg.lstsq(slices, every.T, rcond=None)[0]
    trace = float(np.mean(np.sum(projected**2, axis=0)))
    return [
        *rows,
        Row("p = 3, m = 3: P_(V_s) Ψ beside 1/p", 0, deviation(projected, np.full_like(projected, 1 / 3)), ROUNDING),
        Row("p = 3, m = 3: Tr(P Σ P) = p^(m−2)", 3, trace, ROUNDING),
    ]
