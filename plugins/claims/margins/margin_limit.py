"""The margin of what minimizes a penalized cross-entropy, as the penalty gets weaker."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from framework import Claim, Panel, Row, field, register
from framework.errors import FieldError
from framework.registry import build
from plugins.claims.margins.max_margin import group_power
from plugins.networks.mean_margins import balanced_weights, bound_of_neurons, margin_network
from plugins.networks.trajectories import cross_entropy, initial, trajectories
from plugins.networks.written_down import Matrix, all_tuples, group_norm, outputs, smallest_margin

SIZES = tuple(np.geomspace(1, 500, 15))  # γ* ‖w‖_∞ of the linear classifiers: losses down to e^−500
Signs = Float[np.ndarray, "n d"]


@register("margin_limit")
@dataclass(frozen=True, kw_only=True)
class MarginLimit(Claim):
    """γ^λ → γ* as λ → 0 (Prop. 4.4 of Mohamadi et al. 2024, Theorem 4.1 of Wei et al. 2019), γ^λ of the minimizer of loss + λ‖θ‖.

    Where the minimizer is known. Linear classifiers with the paper's norm, ‖w‖_∞, on random points: the problem is convex, a
    minimizer on ‖w‖_∞ ≤ t is the one of λ = ‖∇ loss‖_1 if −⟨∇ loss, w⟩ = λt, and γ* is a linear program's.

    The quadratic network with ‖θ‖_{2,3}³ on the whole population, p odd, where more is true, derived here: γ^λ = γ* for each
    λ < γ* (p−1)/p, not only in the limit. The mean of log(1 + Σ_wrong e^(f_wrong − f_right)) is at least log(1 + (p−1) e^(−m)), m the mean
    of all these margins (Jensen), and m ≤ γ* ‖θ‖³; both are equalities where all margins are γ* ‖θ‖³, as in the construction. Networks
    trained at each λ come near that least value from above. For ‖θ‖_∞, the norm of the paper's networks, no minimizer is known.
    """

    p: int = field(5, "modulus, odd", at_least=3)
    points: int = field(12, "of the linear classifiers, in 5 dimensions", at_least=2)
    steps: int = field(2000, "steps of training", at_least=1)

    tags = ("margin", "training")
    scales = {"laptop": {"p": 7, "points": 40, "steps": 5000}, "full": {"p": 11, "points": 100, "steps": 20_000}}

    def __post_init__(self) -> None:
        """Also checks that p is odd."""
        super().__post_init__()
        if self.p % 2 == 0:
            raise FieldError("p", self.p, f"must be odd, where all wrong answers count alike; the next odd number is {self.p + 1}")

    def check(self, seed: int) -> list[Row]:
        """Margins over γ* of linear classifiers, then of networks, with least penalized losses beside those of training."""
        generator = np.random.default_rng(seed)
        _, shares, gap = self._linear(generator)
        return [
            Row("linear, ‖w‖_∞: gap of optimality, largest", 0, gap, 1e-6),
            Row("linear, ‖w‖_∞: γ^λ / γ*, largest", 1, float(shares.max()), 1e-9, relation="<="),
            Row("linear, ‖w‖_∞: γ^λ / γ* at the largest λ, as large", 0.99, float(shares[0]), relation=">=", expected_to_hold=False),
            Row("linear, ‖w‖_∞: γ^λ / γ* at the smallest λ", 0.99, float(shares[-1]), relation=">="),
            *self._of_networks(generator),
        ]

    def charts(self, seed: int) -> list[Panel]:
        """λ against γ^λ / γ* of the linear classifiers."""
        strengths, shares, _ = self._linear(np.random.default_rng(seed))
        title = "Margin of the minimizer of loss + λ‖w‖_∞"
        return [Panel.of_lines(title, "λ", "margin / γ*", strengths, {"γ^λ / γ*": shares}, {"1": np.ones(len(shares))}, log="x")]

    def _linear(self, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
        """(λ, γ^λ / γ*, the largest gap 1 + ⟨∇ loss, w⟩ / (λt)), λ decreasing."""
        teacher = generator.choice([-1.0, 1.0], 5)
        points = generator.normal(size=(self.points, 5))
        signed = points * np.sign(points @ teacher)[:, None] + 0.1 * teacher  # label times point; the teacher has margin 0.5 at least
        best, start = largest_of_linear(signed)
        found, w = [], start
        for t in np.array(SIZES) / best:
            w = least_loss(signed, t, w * t / np.abs(w).max())
            log_loss, slope = log_loss_of(signed, w)
            gap = 1 + float(slope @ w) / (np.abs(slope).sum() * t)
            found.append((np.exp(log_loss) * np.abs(slope).sum(), float((signed @ w).min()) / t / best, gap))
        strengths, shares, gaps = np.array(found).T
        return strengths, shares, float(np.abs(gaps).max())

    def _of_networks(self, generator: np.random.Generator) -> list[Row]:
        p, inputs = self.p, all_tuples(self.p, 2)
        labels = inputs.sum(axis=1) % p
        best = bound_of_neurons(balanced_weights(p, 2), p, 2)
        construction, rows = margin_network(p, 2), []
        strengths = [share * best * (p - 1) / p for share in (0.3, 0.03, 0.003)]
        trained = self._trained(generator, strengths)
        for share, strength, (W, V) in zip((0.3, 0.03, 0.003), strengths, trained, strict=True):
            size = best_size(best, p, strength)  # ‖θ‖³ of the minimizer
            least = np.log1p((p - 1) * np.exp(-best * size)) + strength * size
            factor = size ** (1 / 3) / group_norm(*construction)
            made = factor * construction[0], factor * construction[1]
            said = f"λ = {share} γ* (p−1)/p: "
            rows += [
                Row(said + "penalized loss of the construction", float(least), penalized_loss(*made, strength), 1e-9),
                Row(said + "its margin / ‖θ‖³", best, smallest_margin(outputs(*made, inputs), labels) / group_norm(*made) ** 3, 1e-12),
                Row(said + "penalized loss of a trained network", float(least), penalized_loss(W, V, strength), 1e-9, relation=">="),
                Row(said + "the same, at most 1 % above", 1.01 * float(least), penalized_loss(W, V, strength), relation="<="),
                Row(
                    said + "γ^λ / γ* of a trained network",
                    0.98,
                    smallest_margin(outputs(W, V, inputs), labels) / group_norm(W, V) ** 3 / best,
                    relation=">=",
                ),
            ]
        at_most = strengths[0] / 0.3
        return [*rows, Row("λ = γ* (p−1)/p: ‖θ‖³ of the minimizer", 0, best_size(best, p, 1.0001 * at_most), 1e-6)]

    def _trained(self, generator: np.random.Generator, strengths: list[float]) -> list[tuple[np.ndarray, np.ndarray]]:
        """(W, V) of a network of 8 (p − 1) neurons for each λ, trained with Adam side by side."""
        inputs, adam = all_tuples(self.p, 2), build("optimizer", "adam", learning_rate=0.01)
        start = initial(generator, self.p, 2, 8 * (self.p - 1))
        data = [(inputs, inputs.sum(axis=1) % self.p, np.float64(strength)) for strength in strengths]
        (paths,) = trajectories(penalized, (adam,), [start] * len(data), data, self.steps, seed=0)
        return [(path["W"][-1], path["V"][-1]) for path in paths]


def penalized(params: Any, data: Any) -> Float[Array, ""]:
    """Mean cross-entropy + λ ‖θ‖_{2,3}³, λ being the last of the data."""
    *examples, strength = data
    return cross_entropy(params, tuple(examples)) + strength * group_power(params)


def penalized_loss(W: np.ndarray, V: Matrix, strength: float) -> float:
    """The same in NumPy, on the whole population."""
    p = V.shape[1]
    inputs = all_tuples(p, 2)
    found = outputs(W, V, inputs)
    right = found[np.arange(p * p), inputs.sum(axis=1) % p]
    return float(np.mean(np.log(np.exp(found - right[:, None]).sum(axis=1)))) + strength * group_norm(W, V) ** 3


def best_size(best: float, p: int, strength: float) -> float:
    """s ≥ 0 with the smallest log(1 + (p−1) e^(−γ* s)) + λ s: e^(−γ* s) (p−1) (γ*/λ − 1) = 1."""
    odds = (p - 1) * (best / strength - 1)
    return float(np.log(odds) / best) if odds > 1 else 0.0


def largest_of_linear(signed: Signs) -> tuple[float, Float[np.ndarray, " d"]]:
    """(γ*, w): the largest margin min_i ⟨x_i, w⟩ at ‖w‖_∞ ≤ 1."""
    from scipy.optimize import linprog  # here: at the top it would cost every command that lists plugins half a second

    n, d = signed.shape
    found = linprog(np.eye(d + 1)[-1] * -1, np.c_[-signed, np.ones(n)], np.zeros(n), bounds=[(-1, 1)] * d + [(None, None)])
    return float(found.x[-1]), found.x[:-1]


def log_loss_of(signed: Signs, w: Float[np.ndarray, " d"]) -> tuple[float, Float[np.ndarray, " d"]]:
    """The logarithm of the mean of log(1 + e^(−⟨x, w⟩)) and its gradient, where the mean itself may be 1e-200."""
    z = signed @ w
    logs = np.where(z > 30, -z, np.log(np.logaddexp(0, -np.minimum(z, 30))))
    total = np.logaddexp.reduce(logs)
    return float(total - np.log(len(z))), -np.exp(-np.logaddexp(0, z) - total) @ signed


def least_loss(signed: Signs, t: float, start: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
    """The w with the smallest logistic loss at ‖w‖_∞ ≤ t, by L-BFGS-B on its logarithm."""
    from scipy.optimize import minimize  # here: see above

    def objective(u: np.ndarray) -> tuple[float, np.ndarray]:
        log_loss, slope = log_loss_of(signed, t * u)
        return log_loss, t * slope

    options = {"ftol": 0.0, "gtol": 1e-13, "maxiter": 5000}
    return t * minimize(objective, start / t, jac=True, method="L-BFGS-B", bounds=[(-1, 1)] * signed.shape[1], options=options).x
