"""Sub-exponential variables as the paper uses them: their parameters, their sums, and how sharp their tail bounds are."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(160)
INSIDE = np.concatenate([np.linspace(-1, -0.01, 100), np.linspace(0.01, 1, 100)])  # λα; the bound is an equality at 0
LogMgf = Callable[[float], float]  # λ → log E exp(λ(X − μ))


@register("subexponential")
@dataclass(frozen=True, kw_only=True)
class Subexponential(Claim):
    """X is SE(ν, α) if log E exp(λ(X − μ)) ≤ ν²λ²/2 for |λ| < 1/α: (G.1), G.1 – G.6 of Mohamadi et al. 2024, and where they are used.

    Measured: the largest quotient of both sides, by quadrature, so that at most 1 is a yes. The tail bounds are tried on
    Gaussians and on the variable with the three values −t, 0, t that has as much at ±t as its parameters allow.
    """

    sigma: float = field(0.7, "σ of the noise", above=0)
    many: int = field(5, "number of variables in a sum", at_least=2)
    delta: float = field(0.05, "δ", above=0, below=0.5)
    draws: int = field(20_000, "number of draws for what is simulated", at_least=1000)

    tags = ("pac-bayes", "appendix G")
    scales = {"laptop": {"many": 20, "draws": 200_000}, "full": {"many": 50, "draws": 1_000_000}}
    note = (
        "The proofs of G.11 and G.12 give one variable, Q̃ = 2σ²z², different parameters. SE(4σ², 8σ²), of G.11, is right: it is G.1 "
        "with s = 2σ² on SE(2, 4). SE(2√2 σ², 4√2 σ²), of G.12, is wrong with any α: its ν² is the variance 8σ⁴ of Q̃, and the third "
        "cumulant is positive. The mean of Q̃ is 2σ², as G.12 has it; G.11 prints 2."
    )

    def check(self, seed: int) -> list[Row]:
        """Parameters of z², of Q̃ and of products, then sums, then tails."""
        generator = np.random.default_rng(seed)
        return self._parameters() + self._sums() + self._tails() + self._simulated(generator)

    def _parameters(self) -> list[Row]:
        s = 2 * self.sigma**2
        of_q, root = log_mgf_of_square(s), math.sqrt(2)
        edge = -0.25 + math.log(2) / 2  # −t − ½ log(1 − 2t) at t = ¼, over ν²t²/2 = ⅛
        _, variance = cumulants(of_q, s)
        return [
            Row("z² as SE(2, 4), page 43: largest quotient", 8 * edge, largest_quotient(log_mgf_of_square(1.0), 2.0, 4.0), 1e-6),
            Row("G.1, s z² as SE(2s, 4s) with s = 2σ²: largest quotient", 8 * edge, largest_quotient(of_q, 2 * s, 4 * s), 1e-6),
            Row("Q̃ as SE(4σ², 8σ²), G.11: largest quotient", 1, largest_quotient(of_q, 2 * s, 4 * s), 0, "<="),
            Row("Q̃ as SE(2√2 σ², 4√2 σ²), G.12: the same", 1, largest_quotient(of_q, root * s, 2 * root * s), 0, "<=", False),
            Row("the same, with α a hundred times as large", 1, largest_quotient(of_q, root * s, 200 * root * s), 0, "<=", False),
            Row("variance of Q̃ ÷ ν² of G.12", 1, variance / (2 * s**2), 1e-4),
            Row("ṽ q̃ as SE(2√2 σ², 4√2 σ²), G.13: largest quotient", 1, largest_quotient(self._product, root * s, 2 * root * s), 0, "<="),
            Row(
                "the same, beside −½ log(1 − t²) at t = ¼",
                -4 * math.log(15 / 16),
                largest_quotient(self._product, root * s, 2 * root * s),
                1e-6,
            ),
        ]

    def _product(self, lam: float) -> float:
        """ṽ q̃ of independent N(0, σ²) and N(0, 2σ²), of mean 0."""
        inner = np.exp((lam * self.sigma * NODES) ** 2 * self.sigma**2)  # E over q̃
        return float(np.log(WEIGHTS @ inner / WEIGHTS.sum()))

    def _sums(self) -> list[Row]:
        """Proposition G.2 on Σ s_i z_i², and on the same sum of one z."""
        scales = np.arange(1, self.many + 1) / self.many
        nu, alpha = 2 * float(np.sqrt(np.sum(scales**2))), 4 * float(scales.max())
        alone = [log_mgf_of_square(s) for s in scales]
        added, of_mean = self._added(alone, 1), self._added(alone, self.many)
        nu_of_mean = float(np.sqrt(np.mean((2 * scales) ** 2)) / np.sqrt(self.many))
        one = log_mgf_of_square(float(scales.sum()))
        narrow = 4 * float(scales.sum())  # within 1/α of the dependent sum
        return [
            Row("G.2, sum of independent: largest quotient", 1, largest_quotient(added, nu, alpha), 0, "<="),
            Row(
                "G.2, their mean: the same quotient",
                largest_quotient(added, nu, alpha),
                largest_quotient(of_mean, nu_of_mean, alpha / self.many),
                1e-6,
            ),
            Row("G.2 without independence, all z equal: largest quotient", 1, largest_quotient(one, nu, narrow), 0, "<=", False),
        ]

    def _added(self, alone: list[LogMgf], divisor: int) -> LogMgf:
        return lambda lam: sum(one(lam / divisor) for one in alone)

    def _tails(self) -> list[Row]:
        """G.3 – G.5 on the three-valued variable, as exact shares."""
        nu, alpha, log = 3.0, 1.0, math.log(2 / self.delta)
        corner = nu**2 / alpha
        at_corner = 2 * math.exp(-corner / (2 * alpha))
        beyond = 2 * corner
        threshold = max(nu * math.sqrt(2 * log), 2 * alpha * log)
        return [
            Row("G.3 at t = ν²/α: share at ±t ÷ bound", 1, extremal_share(corner, nu, alpha) / at_corner, 0.05),
            Row("G.3 at 2ν²/α: share at ±t ÷ bound", 1, extremal_share(beyond, nu, alpha) / (2 * math.exp(-beyond / (2 * alpha))), 0, "<="),
            Row(
                "with t/α in place of t/(2α): the same",
                1,
                extremal_share(beyond, nu, alpha) / (2 * math.exp(-beyond / alpha)),
                0,
                "<=",
                False,
            ),
            Row("G.4: share at or beyond ÷ δ", 1, extremal_share(threshold, nu, alpha) / self.delta, 0, "<="),
            Row("G.5: share at or beyond ÷ δ", 1, extremal_share(math.sqrt(2 * log), 1.0, 1e-3) / self.delta, 0, "<="),
            Row("G.5 without its √2, as in G.10: the same", 1, extremal_share(math.sqrt(log), 1.0, 1e-3) / self.delta, 0, "<=", False),
            Row("G.5 at δ = 1e-6: share ÷ δ", 1, extremal_share(math.sqrt(2 * math.log(2e6)), 1.0, 1e-3) / 1e-6, 0.01),
        ]

    def _simulated(self, generator: np.random.Generator) -> list[Row]:
        """G.6 on a sum of Gaussians of unequal size, its control with one z in all, and the mean of |z_1||z_2|."""
        sizes, log = np.arange(1, self.many + 1), math.log(2 / self.delta)
        limit = math.sqrt(2 * float(np.sum(sizes**2)) * log)
        z = generator.normal(size=(self.draws, self.many))
        exact, products = math.erfc(math.sqrt(log)), np.abs(z[:, 0] * z[:, 1])
        of_q = (self.sigma * (z[:, 0] + z[:, 1])) ** 2  # two rows of noise added
        mean, error_of_mean = float(of_q.mean()), 5 * float(of_q.std()) / math.sqrt(self.draws)
        error = 5 * math.sqrt(exact / self.draws) + 1e-9
        together = float(np.mean(np.abs(z[:, 0]) * sizes.sum() > limit))
        exact_together = math.erfc(limit / float(sizes.sum()) / math.sqrt(2))
        return [
            Row("G.6, independent Gaussians: share beyond", exact, float(np.mean(np.abs(z @ sizes) > limit)), error),
            Row("G.6, one Gaussian in all: share beyond", exact_together, together, 5 * math.sqrt(exact_together / self.draws)),
            Row("mean of Q̃, 2σ² as in G.12", 2 * self.sigma**2, mean, error_of_mean),
            Row("mean of Q̃, 2 as in G.11", 2, mean, error_of_mean, expected_to_hold=abs(self.sigma**2 - 1) < 0.1),
            Row("mean of |z_1||z_2|, page 43", 2 / math.pi, float(products.mean()), 5 * float(products.std()) / math.sqrt(self.draws)),
        ]


def log_mgf_of_square(s: float) -> LogMgf:
    """λ ↦ log E exp(λ(s z² − s)), z standard normal, by quadrature in the coordinate in which the integrand is a Gaussian."""

    def of(lam: float) -> float:
        # ∫ exp(λ s z² − z²/2) has the integrand exp(−z²/2 · (1 − 2λs)): a wider Gaussian, which the nodes meet when they are spread.
        spread = math.sqrt(2.0)
        values = np.exp(lam * s * (spread * NODES) ** 2 - (spread**2 - 1) * NODES**2 / 2)
        return float(np.log(spread * (WEIGHTS @ values) / WEIGHTS.sum()) - lam * s)

    return of


def largest_quotient(log_mgf: LogMgf, nu: float, alpha: float) -> float:
    """The largest log E exp(λ(X − μ)) ÷ (ν²λ²/2) over |λ| ≤ 1/α."""
    return max(log_mgf(x / alpha) / ((nu * x / alpha) ** 2 / 2) for x in map(float, INSIDE))


def cumulants(log_mgf: LogMgf, size: float) -> tuple[float, float]:
    """(mean of X − μ, variance), by differences of the logarithm at ±0.001/size."""
    step = 1e-3 / size
    up, down = log_mgf(step), log_mgf(-step)
    return (up - down) / (2 * step), (up + down) / step**2


def extremal_share(t: float, nu: float, alpha: float) -> float:
    """The most that an SE(ν, α) variable with the values −t, 0, t may have at ±t together."""
    lam = np.minimum(np.geomspace(1e-3, 1, 20_000) / alpha, min(600 / t, 30 / nu))  # what is squared and exponentiated stays finite
    return float(min(1.0, np.min(np.expm1((nu * lam) ** 2 / 2) / (np.cosh(lam * t) - 1))))
