"""The PAC-Bayesian bound on the error of a network with a large margin, term by term."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from framework import Claim, Panel, Row, field, register
from framework.registry import build
from plugins.networks.trajectories import cross_entropy, initial, trajectories
from plugins.networks.written_down import Blocks, Layers, Matrix, all_tuples, fourier_network, largest_entry, margins, outputs

HALF = 0.5  # the probability with which a perturbed network must stay near (Lemma G.9)
GAMMAS = np.exp2(np.arange(-10, 10))  # margins γ from which a network may choose
MANY = 10**13  # pairs drawn with replacement: from about then on the bound is below 1 at these p
CHOICES = 512 * len(GAMMAS)  # and the values of σ at which nine bisections end: δ is shared among them all


@register("pac_bayes")
@dataclass(frozen=True, kw_only=True)
class PacBayes(Claim):
    """L_0 ≤ L_γ + 4 √((KL + log(6n/δ))/(n−1)), KL = ‖θ‖²/(2σ²), where N(0, σ²) noise moves outputs by < γ/4 half the time.

    Thm 4.5, Thm 4.6 and appendix G of Mohamadi et al. 2024. Measured: the σ of (G.7), which has the union over all p² inputs
    here, and the largest that does; KL by sampling; the bound beside the error of networks, at an n at which it is below 1; the
    exponent of p in the n that the bound asks for. With ‖θ‖_∞ = r, h = 8p and γ = 2p r³, as the network of appendix F has.
    """

    p: int = field(5, "modulus, odd", at_least=3)
    points: int = field(15, "n, distinct pairs", at_least=2)
    delta: float = field(0.1, "δ", above=0, below=1)
    draws: int = field(50, "number of perturbations for each σ", at_least=10)
    moduli: tuple[int, ...] = field((7, 11, 17, 25), "p over which an exponent is taken, odd", at_least=3)
    steps: int = field(0, "steps of AdamW of a trained network; 0: none", at_least=0)

    tags = ("pac-bayes", "appendix G", "generalization")
    scales = {
        "laptop": {"p": 11, "points": 100, "draws": 200, "steps": 2000},
        "full": {"p": 23, "points": 400, "draws": 500, "steps": 10_000},
    }
    note = (
        "the proof doubles the network, [W'; W'] with [V', −V'], which makes every output 0; [W'; 0] with [V', −V'] is what it needs, "
        "and its union needs the p² inputs beside the p outputs. The exponent 5/3 belongs to σ > r, which (G.7) reaches from p ≈ 4e11 "
        "on; below, it is 1, with log³ p, and near 1 is what is measured. At n = p² the bound for appendix F falls below 1 from "
        "p ≈ 1.2e18 on."
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
        return rows + self._exponent(generator)

    def charts(self, seed: int) -> list[Panel]:
        """p against the bound for appendix F at n = p²; n against the bound and the error of trained networks."""
        p = np.geomspace(10, 1e20, 60)
        bound = np.array([excess(kl, x**2, self.delta) for x, kl in zip(p, divergence_of_appendix_f(p), strict=True)])
        title = f"PAC-Bayes bound for the network of appendix F at n = p², δ = {self.delta:g}"
        lines = {"bound": bound, "all answers wrong": np.ones(len(p))}
        marks = {"says something": float(p[np.argmax(bound < 1)])}
        large = Panel.of_lines(title, "p", "share of wrong answers", p, {}, lines, marks, log="xy")
        return [large, self._chart_of_trained(np.random.default_rng(seed))]

    def _chart_of_trained(self, generator: np.random.Generator) -> Panel:
        inputs = all_tuples(self.p, 2)
        counts = np.unique(np.linspace(2, len(inputs), 8).astype(int))
        found = [
            self._bound_and_error(generator, inputs, self._sample(inputs, n), *self._trained(inputs, n, self.steps or 1000))
            for n in map(int, counts)
        ]
        bounds, errors = np.array(found).T
        title = f"Networks trained on n of {len(inputs)} pairs, p = {self.p} (an error of 0 has no place here)"
        predicted = {"PAC-Bayes bound": bounds}
        return Panel.of_lines(title, "n", "share of wrong answers", counts, {"error on all pairs": errors}, predicted, log="y")

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
        """Share of perturbed networks in which some output at some input moved by `limit` or more."""
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

    def _networks(self, generator: np.random.Generator, inputs: np.ndarray) -> dict[str, Layers]:
        """With ‖θ‖_∞ = r = 1, as the bound only depends on θ/r."""
        W, V = fourier_network(self.p)
        near = W + generator.normal(0, 0.5, W.shape), V + generator.normal(0, 0.5, V.shape)
        drawn = generator.normal(size=W.shape), generator.normal(size=V.shape)
        found = {"appendix F": (W, V), "appendix F with noise": near, "random": drawn}
        if self.steps:
            found["trained"] = self._trained(inputs, self.points, self.steps)
        return {name: (W / largest_entry(W, V), V / largest_entry(W, V)) for name, (W, V) in found.items()}

    def _trained(self, inputs: np.ndarray, n: int, steps: int) -> Layers:
        sample, adamw = inputs[self._sample(inputs, n)], build("optimizer", "adamw", learning_rate=0.01)
        start = initial(np.random.default_rng(0), self.p, 2, 4 * self.p)
        ((path,),) = trajectories(cross_entropy, (adamw,), [start], [(sample, sample.sum(axis=1) % self.p)], steps, seed=0)
        return path["W"][-1], path["V"][-1]

    def _gap(self, name: str, generator: np.random.Generator, inputs: np.ndarray, W: Blocks, V: Matrix) -> Row:
        """Error on the population beside the bound for a sample that is large enough for the bound to say something."""
        counts = generator.multinomial(MANY, np.full(len(inputs), 1 / len(inputs)))
        bound, error = self._bound_and_error(generator, inputs, counts, W, V)
        return Row(f"{name}: share of wrong answers, n = 1e13", bound, error, relation="<=")

    def _exponent(self, generator: np.random.Generator) -> list[Row]:
        """The exponent of p in ‖θ‖²/(σ² log(2p³(h+1)/δ₂)) for appendix F, σ the largest: so n has to grow for an equal bound."""
        divergences = []
        for p in self.moduli:
            W, V = fourier_network(p)
            sigma = dataclasses.replace(self, p=p)._largest_sigma(generator, W, V, p / 2)
            divergences.append((np.sum(W**2) + np.sum(V**2)) / sigma**2 / union_log(p, 8 * p))
        slope = float(np.polyfit(np.log(self.moduli), np.log(divergences), 1)[0])
        said = f"p = {self.moduli[0]} … {self.moduli[-1]}: exponent of p in ‖θ‖²/σ²"
        return [Row(said, 1, slope, 0.3), Row(said + ", as printed", 5 / 3, slope, 0.3, expected_to_hold=False)]

    def _bound_and_error(self, generator: np.random.Generator, inputs: np.ndarray, counts: np.ndarray, W: Blocks, V: Matrix) -> Any:
        """Both shares, for a sample that has each input `counts` times: γ below half its median margin, the largest σ for that."""
        q, n = margins(outputs(W, V, inputs), inputs.sum(axis=1) % self.p), int(counts.sum())
        gamma = GAMMAS[max(0, np.searchsorted(GAMMAS, np.median(q[counts > 0]) / 2) - 1)]
        divergence = (np.sum(W**2) + np.sum(V**2)) / (2 * self._largest_sigma(generator, W, V, gamma / 4) ** 2)
        bound = margin_loss(q, counts, gamma) + excess(divergence, n, self.delta / CHOICES)
        return bound, float(np.mean(q <= 0))

    def _sample(self, inputs: np.ndarray, n: int) -> np.ndarray:
        """Which n of the inputs are in a sample without repeats."""
        return np.isin(np.arange(len(inputs)), np.random.default_rng(1).permutation(len(inputs))[:n])


def margin_loss(q: np.ndarray, counts: np.ndarray, gamma: float) -> float:
    """L_γ of a sample that has each input `counts` times: the share of margins ≤ γ."""
    return float(np.sum(counts[q <= gamma]) / np.sum(counts))


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
