"""The PAC-Bayesian bound on the error of a network with a large margin, term by term."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from framework import Chart, Claim, Row, field, register
from framework.registry import build
from plugins.claims.networks import Blocks, Matrix, all_tuples, fourier_network, largest_entry, margins, outputs
from plugins.claims.training import cross_entropy, initial, trajectories

HALF = 0.5  # the probability with which a perturbed network must stay near (Lemma G.9)
GAMMAS = np.exp2(np.arange(-10, 10))  # margins γ of which a network may choose
CHOICES = 512 * len(GAMMAS)  # and the values of σ at which nine bisections end: δ is shared among them all


@register("pac_bayes")
@dataclass(frozen=True, kw_only=True)
class PacBayes(Claim):
    """L_0 ≤ L_γ + 4 √((KL + log(6n/δ))/(n−1)), KL = ‖θ‖²/(2σ²), where N(0, σ²) noise moves outputs by < γ/4 half the time.

    Thm 4.5, Thm 4.6 and appendix G of Mohamadi et al. 2024. Measured: the σ of (G.7), which has the union over all p² inputs
    here, and the largest that does; KL by sampling; the bound beside the error of networks; the exponent of p in the n that
    the bound asks for. With ‖θ‖_∞ = r, h = 8p and γ = 2p r³, as the network of appendix F has.
    """

    p: int = field(5, "modulus, odd", at_least=3)
    points: int = field(15, "n, distinct pairs", at_least=2)
    delta: float = field(0.1, "δ", above=0, below=1)
    draws: int = field(50, "perturbations for each σ", at_least=10)
    steps: int = field(0, "steps of AdamW of a trained network; 0: none", at_least=0)

    tags: ClassVar[tuple[str, ...]] = ("pac-bayes", "appendix G", "generalization")
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "laptop": {"p": 11, "points": 100, "draws": 200, "steps": 2000},
        "full": {"p": 23, "points": 400, "draws": 500, "steps": 10_000},
    }
    note: ClassVar[str] = (
        "the proof doubles the network, [W'; W'] with [V', −V'], which makes every output 0; [W'; 0] with [V', −V'] is what it needs, "
        "and its union needs the p² inputs beside the p outputs. The exponent 5/3 belongs to σ > r, which (G.7) reaches from "
        "p ≈ 4e11 on; below, it is 1, with log³ p. At n = p² the bound for appendix F falls below 1 from p ≈ 1.2e18 on."
    )

    def check(self, seed: int) -> list[Row]:
        """The doubling, the noise and KL of appendix F, the bound for several networks, and the exponents."""
        generator = np.random.default_rng(seed)
        inputs = all_tuples(self.p, 2)
        rows = self._doubling(generator)
        W, V = fourier_network(self.p)
        sigma = printed_sigma(self.p, 2.0 * self.p, V.shape[0])
        rows += [
            Row("σ of (G.7): share of networks that move by γ/4", HALF, self._moved(generator, W, V, sigma, self.p / 2), relation="<="),
            Row("σ = r: the same", HALF, self._moved(generator, W, V, 1.0, self.p / 2), relation="<=", expected_to_hold=False),
            Row("largest σ, beside that of (G.7)", sigma, self._largest_sigma(generator, W, V, self.p / 2), relation=">="),
            *self._divergence(generator, W, V, sigma),
        ]
        for name, network in self._networks(generator, inputs).items():
            rows.append(self._gap(name, generator, inputs, *network))
        return rows + exponent_rows()

    def charts(self, seed: int) -> list[Chart]:
        """P against the bound for appendix F at n = p²; n against the bound and the error of trained networks."""
        p = np.geomspace(10, 1e20, 60)
        bound = np.array([excess(kl, x**2, self.delta) for x, kl in zip(p, divergence_of_appendix_f(p), strict=True)])
        title = f"PAC-Bayes bound for the network of appendix F at n = p², δ = {self.delta:g}"
        nothing, first = np.ones(len(p)), float(p[np.argmax(bound < 1)])
        lines = {"bound": bound, "all answers wrong": nothing}
        large = Chart(title, "p", "share of wrong answers", p, {}, lines, {"says something": first}, log="xy")
        return [large, self._chart_of_trained(np.random.default_rng(seed))]

    def _chart_of_trained(self, generator: np.random.Generator) -> Chart:
        inputs = all_tuples(self.p, 2)
        counts = np.unique(np.linspace(2, len(inputs), 8).astype(int))
        found = [self._bound_and_error(generator, inputs, n, *self._trained(inputs, n, self.steps or 1000)) for n in map(int, counts)]
        bounds, errors = np.array(found).T
        title = f"Networks trained on n of {len(inputs)} pairs, p = {self.p} (an error of 0 has no place here)"
        return Chart(title, "n", "share of wrong answers", counts, {"error on all pairs": errors}, {"PAC-Bayes bound": bounds}, log="y")

    def _doubling(self, generator: np.random.Generator) -> list[Row]:
        """A network whose rows of V sum to 0, with the outputs of another."""
        p, inputs = self.p, all_tuples(self.p, 2)
        W, V = generator.uniform(-1, 1, (2, p, 2 * p)), generator.uniform(-1, 1, (2 * p, p))
        before, rows = outputs(W, V, inputs), []
        for name, second in (("[W'; W'], as printed", W), ("[W'; 0]", np.zeros_like(W))):
            twice = np.concatenate([W, second], axis=2), np.concatenate([V, -V])
            miss = float(np.abs(outputs(*twice, inputs) - before).max() / np.abs(before).max())
            rows.append(Row(f"outputs of the doubled network {name}: deviation", 0, miss, 1e-12, expected_to_hold=second is not W))
        rows.append(Row("appendix F: largest row sum of V", 0, float(np.abs(fourier_network(p)[1].sum(axis=0)).max()), 1e-10))
        return rows

    def _moved(self, generator: np.random.Generator, W: Blocks, V: Matrix, sigma: float, limit: float) -> float:
        """Share of perturbed networks of which some output at some input moved by `limit` or more."""
        inputs = all_tuples(self.p, 2)
        before, count = outputs(W, V, inputs), 0
        for _ in range(self.draws):
            after = outputs(W + generator.normal(0, sigma, W.shape), V + generator.normal(0, sigma, V.shape), inputs)
            count += bool(np.abs(after - before).max() >= limit)
        return count / self.draws

    def _largest_sigma(self, generator: np.random.Generator, W: Blocks, V: Matrix, limit: float) -> float:
        """The largest σ in 1e-6 … 100 at which at most half of the draws move, to four percent: by bisection of its logarithm."""
        low, high = 1e-6, 1e2
        for _ in range(9):
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if self._moved(generator, W, V, middle, limit) <= HALF else (low, middle)
        return low

    def _divergence(self, generator: np.random.Generator, W: Blocks, V: Matrix, sigma: float) -> list[Row]:
        """KL(N(θ, σ²) ‖ N(0, σ²)) as the mean of the log of the ratio of densities at draws of θ + u."""
        theta = np.concatenate([W.ravel(), V.ravel()])
        ratios = []
        for _ in range(20 * self.draws):
            drawn = theta + generator.normal(0, sigma, theta.shape)
            ratios.append((np.sum(drawn**2) - np.sum((drawn - theta) ** 2)) / (2 * sigma**2))
        mean, error = float(np.mean(ratios)), 5 * float(np.std(ratios) / np.sqrt(len(ratios)))
        closed, largest = np.sum(theta**2) / (2 * sigma**2), 1.5 * V.size * largest_entry(W, V) ** 2 / sigma**2
        return [
            Row("KL of appendix F: ‖θ‖²/(2σ²)", float(closed), mean, error),
            Row("KL of appendix F, at most 3hp r²/(2σ²)", float(largest), mean, relation="<="),
            Row("the same with ‖θ‖² = 12 p²", float(6 * self.p**2 / sigma**2), mean, error),
        ]

    def _networks(self, generator: np.random.Generator, inputs: np.ndarray) -> dict[str, tuple[Blocks, Matrix]]:
        """With ‖θ‖_∞ = r = 1, as the bound only depends on θ/r."""
        W, V = fourier_network(self.p)
        near = W + generator.normal(0, 0.5, W.shape), V + generator.normal(0, 0.5, V.shape)
        drawn = generator.normal(size=W.shape), generator.normal(size=V.shape)
        found = {"appendix F": (W, V), "appendix F with noise": near, "random": drawn}
        if self.steps:
            found["trained"] = self._trained(inputs, self.points, self.steps)
        return {name: (W / largest_entry(W, V), V / largest_entry(W, V)) for name, (W, V) in found.items()}

    def _trained(self, inputs: np.ndarray, n: int, steps: int) -> tuple[Blocks, Matrix]:
        sample, adamw = self._sample(inputs, n), build("optimizer", "adamw", learning_rate=0.01)
        start = initial(np.random.default_rng(0), self.p, 2, 4 * self.p)
        ((path,),) = trajectories(cross_entropy, (adamw,), [start], [(sample, sample.sum(axis=1) % self.p)], steps, seed=0)
        return path["W"][-1], path["V"][-1]

    def _gap(self, name: str, generator: np.random.Generator, inputs: np.ndarray, W: Blocks, V: Matrix) -> Row:
        """Error on the population beside the bound."""
        bound, error = self._bound_and_error(generator, inputs, self.points, W, V)
        return Row(f"{name}: share of wrong answers", bound, error, relation="<=")

    def _bound_and_error(self, generator: np.random.Generator, inputs: np.ndarray, n: int, W: Blocks, V: Matrix) -> tuple[float, float]:
        """With γ below half the median margin in the sample of n, and the largest σ for it."""
        q = margins(outputs(W, V, inputs), inputs.sum(axis=1) % self.p)
        sample = q[np.ravel_multi_index(tuple(self._sample(inputs, n).T), (self.p,) * 2)]
        gamma = GAMMAS[max(0, np.searchsorted(GAMMAS, np.median(sample) / 2) - 1)]
        divergence = (np.sum(W**2) + np.sum(V**2)) / (2 * self._largest_sigma(generator, W, V, gamma / 4) ** 2)
        bound = float(np.mean(sample <= gamma)) + excess(divergence, n, self.delta / CHOICES)
        return bound, float(np.mean(q <= 0))

    def _sample(self, inputs: np.ndarray, n: int) -> np.ndarray:
        return inputs[np.random.default_rng(1).permutation(len(inputs))[:n]]


def excess(divergence: float | int, n: float | int, delta: float) -> float:
    """4 √((KL + log(6n/δ))/(n−1)), what Lemma G.9 adds to the margin loss."""
    return float(4 * np.sqrt((divergence + np.log(6 * n / delta)) / (n - 1)))


def printed_sigma(p: float | int, gamma: float | int, h: float | int) -> float:
    """σ/r of (G.7) for γ/r³ = `gamma`, with log(2p³(h+1)/δ₂), δ₂ = ½: the union is over p outputs and p² inputs."""
    ratio = gamma / (256 * np.sqrt(2 * h) * union_log(p, h) ** 1.5)
    return float(ratio ** (1 / 3) if ratio > 1 else ratio)


def union_log(p: float | int, h: float | int) -> float:
    """log(2p³(h+1)/δ₂)."""
    return float(np.log(2 * p**3 * (h + 1) / HALF))


def divergence_of_appendix_f(p: np.ndarray) -> np.ndarray:
    """‖θ‖²/(2σ²) = 6p²/σ² with the σ of (G.7) at γ = 2p, h = 8p, for any size of p."""
    return np.array([6 * x**2 / printed_sigma(x, 2 * x, 8 * x) ** 2 for x in p])


def exponent_rows() -> list[Row]:
    """Of p in the n that makes the bound a constant, KL up to a factor, without logarithms: L³ where σ ≤ r, L where σ > r."""
    rows = []
    for name, p, power, expected, holds in (
        ("p = 1e12 … 1e18, printed exponent", np.geomspace(1e12, 1e18, 7), 1, 5 / 3, True),
        ("p = 1e2 … 1e6, printed exponent", np.geomspace(1e2, 1e6, 7), 3, 5 / 3, False),
        ("p = 1e2 … 1e6, exponent 1", np.geomspace(1e2, 1e6, 7), 3, 1.0, True),
    ):
        logs = np.array([union_log(x, 8 * x) for x in p])
        slope = np.polyfit(np.log(p), np.log(divergence_of_appendix_f(p) / logs**power), 1)[0]
        rows.append(Row(name, expected, float(slope), 0.01, expected_to_hold=holds))
    return rows
