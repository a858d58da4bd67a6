"""The PAC-Bayesian bound on the error of a network with a large margin, term by term."""

import dataclasses
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from framework import Claim, Panel, Row, field, register
from framework.errors import FieldError
from framework.registry import build
from plugins.bounds.noise_allowed import HALF, excess, gaussian_sigma, printed_sigma, union_log
from plugins.networks.trajectories import cross_entropy, initial, trajectories
from plugins.networks.written_down import Blocks, Layers, Matrix, all_tuples, fourier_network, largest_entry, margins, outputs

GAMMAS = np.exp2(np.arange(-10, 10))  # margins γ from which a network may choose
CHOICES = 512 * len(GAMMAS)  # and the values of σ at which nine bisections end: δ is shared among them all
ADDED = 0.05  # what the bound adds to L_γ, at the n that is asked for


@register("pac_bayes")
@dataclass(frozen=True, kw_only=True)
class PacBayes(Claim):
    """L_0 ≤ L_γ + 4 √((KL + log(6n/δ))/(n−1)), KL = ‖θ‖²/(2σ²), where N(0, σ²) noise moves outputs by < γ/4 half the time.

    Lemma G.9 and the proof of Thm 4.6 of Mohamadi et al. 2024. Measured: the doubling; the union that (G.5) takes and the one
    that G.9 needs; the σ of (G.7) and the largest that does, beside one from the variance of outputs; KL by sampling; the step
    from γ/4 to margins; the n that the bound asks for. With ‖θ‖_∞ = r, h = 8p and γ = 2p r³, half of the margin of appendix F.
    """

    p: int = field(5, "modulus", at_least=3)
    points: int = field(15, "n, distinct pairs, or all there are", at_least=2)
    delta: float = field(0.1, "δ", above=0, below=1)
    draws: int = field(50, "number of perturbations for each σ", at_least=10)
    moduli: tuple[int, ...] = field((5, 9, 13, 19), "p over which an exponent is taken", at_least=3)
    steps: int = field(0, "steps of AdamW of a trained network; 0: none", at_least=0)

    tags = ("pac-bayes", "appendix G", "generalization")
    scales = {
        "laptop": {"p": 11, "points": 100, "draws": 200, "steps": 2000},
        "full": {"p": 23, "points": 400, "draws": 500, "steps": 10_000},
    }
    note = (
        "The proof (page 45) doubles the network, [W'; W'] with [V', −V']: its outputs are 0, not those of the first. [W'; 0] with "
        "[V', −V'] has them, and rows of sum 0. (G.5) is a union over the p outputs of one pair, and true; G.9 asks for all p² pairs as "
        "well. The constants of (G.7) have room enough for that: its σ moves no network by γ/4, with either logarithm, and is some "
        "hundred times below the largest that would do."
    )

    def __post_init__(self) -> None:
        """Also checks that there are two moduli to take an exponent from."""
        super().__post_init__()
        if len(set(self.moduli)) < 2:
            raise FieldError("moduli", self.moduli, "must have two different moduli at least: an exponent is taken over them")

    def check(self, seed: int) -> list[Row]:
        """The doubling, the noise and KL of appendix F, the step of G.9, the n it takes for several networks, and the exponent."""
        generator = np.random.default_rng(seed)
        inputs = all_tuples(self.p, 2)
        W, V = fourier_network(self.p)
        sigma = printed_sigma(self.p, 2.0 * self.p, V.shape[0], 3)
        rows = [*self._doubling(generator), *self._noise(generator, W, V, sigma), *self._divergence(generator, W, V, sigma)]
        for name, network in self._networks(generator, inputs).items():
            rows += self._gap(name, generator, inputs, *network)
        return rows + self._exponent(generator)

    def charts(self, seed: int) -> list[Panel]:
        """n against the bound and the error of trained networks."""
        return [self._chart_of_trained(np.random.default_rng(seed))]

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

    def _noise(self, generator: np.random.Generator, W: Blocks, V: Matrix, sigma: float) -> list[Row]:
        """What moves at the σ of (G.7), at r and at the largest σ; and what a union over one pair leaves out."""
        p, limit, h = self.p, self.p / 2, V.shape[0]
        own = printed_sigma(p, 2.0 * p, h, 1)
        largest, expected = self._largest_sigma(generator, W, V, limit), gaussian_sigma(p, 2.0 * p, median_of_largest(p**3))
        moves = self._movements(generator, W, V, largest)
        at_one, anywhere = moves[:, 1], moves.max(axis=1)
        median = float(np.median(at_one))
        return [
            Row(
                "σ of (G.7), log(2p³(h+1)/δ₂): share of networks that move by γ/4",
                HALF,
                self._moved(generator, W, V, sigma, limit),
                0,
                "<=",
            ),
            Row("σ of (G.7), its own log(2p(h+1)/δ₂): the same", HALF, self._moved(generator, W, V, own, limit), 0, "<="),
            Row("σ = r: the same", HALF, self._moved(generator, W, V, 1.0, limit), 0, "<=", expected_to_hold=False),
            Row("largest σ, beside that from the variance of outputs", expected, largest, 0.3 * expected),
            Row("largest σ ÷ that of (G.7)", expected / sigma, largest / sigma, 0.3 * expected / sigma),
            Row("limit that half stay below at one pair: share beyond at any", HALF, float(np.mean(anywhere > median)), 0, "<=", False),
        ]

    def _movements(self, generator: np.random.Generator, W: Blocks, V: Matrix, sigma: float) -> Matrix:
        """The largest movement over outputs, for each draw and each pair."""
        inputs = all_tuples(self.p, 2)
        before, found = outputs(W, V, inputs), []
        for _ in range(self.draws):
            after = outputs(W + generator.normal(0, sigma, W.shape), V + generator.normal(0, sigma, V.shape), inputs)
            found.append(np.abs(after - before).max(axis=1))
        return np.array(found)

    def _moved(self, generator: np.random.Generator, W: Blocks, V: Matrix, sigma: float, limit: float) -> float:
        """Share of perturbed networks in which some output at some input moved by `limit` or more."""
        return float(np.mean(self._movements(generator, W, V, sigma).max(axis=1) >= limit))

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
        found = {"appendix F": (W, V), "appendix F with noise": near}
        if self.steps:
            found["trained"] = self._trained(inputs, self.points, self.steps)
        return {name: (W / largest_entry(W, V), V / largest_entry(W, V)) for name, (W, V) in found.items()}

    def _trained(self, inputs: np.ndarray, n: int, steps: int) -> Layers:
        sample, adamw = inputs[self._sample(inputs, n)], build("optimizer", "adamw", learning_rate=0.01)
        start = initial(np.random.default_rng(0), self.p, 2, 4 * self.p)
        ((path,),) = trajectories(cross_entropy, (adamw,), [start], [(sample, sample.sum(axis=1) % self.p)], steps, seed=0)
        return path["W"][-1], path["V"][-1]

    def _gap(self, name: str, generator: np.random.Generator, inputs: np.ndarray, W: Blocks, V: Matrix) -> list[Row]:
        """The step of G.9 at this network, then the bound at the n at which it adds 0.05 to L_γ, on the population as a sample."""
        q, labels = margins(outputs(W, V, inputs), inputs.sum(axis=1) % self.p), inputs.sum(axis=1) % self.p
        gamma, sigma, divergence = self._divergence_of(generator, W, V, q)
        everything = np.ones(len(q))
        wrong, counted = float(np.mean(q <= 0)), margin_loss(q, everything, gamma)
        n = 16 * divergence / ADDED**2
        for _ in range(20):  # log(6n/δ) hangs on n
            n = 1 + 16 * (divergence + np.log(6 * n * CHOICES / self.delta)) / ADDED**2
        broken = self._broken_steps(generator, (W, V), labels, sigma, gamma)
        far = self._broken_steps(generator, (W, V), labels, 32 * sigma, np.inf)
        rows = [
            Row(f"{name}: draws that move < γ/4 and break L_0 ≤ L_{{γ/2}} ≤ L_γ", 0, broken),
            Row(f"{name}: draws of 32 times the noise that break it", 0, far, expected_to_hold=False),
            Row(
                f"{name}: share of wrong answers, beside L_γ + {ADDED:g}",
                counted + excess(divergence, n, self.delta / CHOICES),
                wrong,
                0,
                "<=",
            ),
            Row(f"{name}: L_γ + {ADDED:g}, which says something", 1, counted + ADDED, 0, "<="),
        ]
        if name == "appendix F":
            asked = 16 * 6 * self.p**2 / gaussian_sigma(self.p, gamma, median_of_largest(self.p**3)) ** 2 / ADDED**2
            rows.append(
                Row(f"{name}: log n for that, beside that from the variance of outputs", float(np.log(asked)), float(np.log(n)), 0.7)
            )
            rows.append(Row(f"{name}: that n, beside the p² pairs that there are", self.p**2, n, 0, "<=", expected_to_hold=False))
        return rows

    def _broken_steps(self, generator: np.random.Generator, network: Layers, labels: np.ndarray, sigma: float, moved: float) -> int:
        """In how many draws that move less than moved/4 the step of G.9 fails, L_0 ≤ L_{γ/2} of the moved network ≤ L_γ."""
        (W, V), inputs, broken = network, all_tuples(self.p, 2), 0
        before, everything = outputs(W, V, inputs), np.ones(len(labels))
        q = margins(before, labels)
        gamma = gamma_of(q)
        for _ in range(self.draws):
            after = outputs(W + generator.normal(0, sigma, W.shape), V + generator.normal(0, sigma, V.shape), inputs)
            if near(after, before, moved):
                between = margin_loss(margins(after, labels), everything, gamma / 2)
                broken += not np.mean(q <= 0) <= between <= margin_loss(q, everything, gamma)
        return broken

    def _exponent(self, generator: np.random.Generator) -> list[Row]:
        """The exponent of p in ‖θ‖²/(σ² log(2p³(h+1)/δ₂)) for appendix F, σ the largest: so n has to grow for an equal bound."""
        found, expected = [], []
        for p in self.moduli:
            W, V = fourier_network(p)
            size, log = np.sum(W**2) + np.sum(V**2), union_log(p, 8 * p, 3)
            found.append(size / dataclasses.replace(self, p=p)._largest_sigma(generator, W, V, p / 2) ** 2 / log)
            expected.append(size / gaussian_sigma(p, 2.0 * p, median_of_largest(p**3)) ** 2 / log)
        slope, of_variance = (float(np.polyfit(np.log(self.moduli), np.log(values), 1)[0]) for values in (found, expected))
        said = f"p = {min(self.moduli)} … {max(self.moduli)}: exponent of p in ‖θ‖²/σ²"
        error = 0.25 / np.log(max(self.moduli) / min(self.moduli))  # σ is found to some percent
        clear = [5 / 3] if 5 / 3 - of_variance > 2 * error else []
        return [
            Row(f"{said}, beside that from the variance of outputs", of_variance, slope, float(error)),
            *(Row(f"{said}, 5/3 as where σ > r", other, slope, float(error), expected_to_hold=False) for other in clear),
        ]

    def _divergence_of(self, generator: np.random.Generator, W: Blocks, V: Matrix, q: np.ndarray) -> tuple[float, float, float]:
        """(γ, σ, KL): γ below half of the median of these margins, the largest σ for it."""
        gamma = gamma_of(q)
        sigma = self._largest_sigma(generator, W, V, gamma / 4)
        return gamma, sigma, float((np.sum(W**2) + np.sum(V**2)) / (2 * sigma**2))

    def _bound_and_error(
        self, generator: np.random.Generator, inputs: np.ndarray, counts: np.ndarray, W: Blocks, V: Matrix
    ) -> tuple[float, float]:
        """Both shares, for a sample that has each input `counts` times: γ below half its median margin, the largest σ for that."""
        q, n = margins(outputs(W, V, inputs), inputs.sum(axis=1) % self.p), int(counts.sum())
        gamma, _, divergence = self._divergence_of(generator, W, V, q[counts > 0])
        bound = margin_loss(q, counts, gamma) + excess(divergence, n, self.delta / CHOICES)
        return bound, float(np.mean(q <= 0))

    def _sample(self, inputs: np.ndarray, n: int) -> np.ndarray:
        """Which n of the inputs are in a sample without repeats."""
        return np.isin(np.arange(len(inputs)), np.random.default_rng(1).permutation(len(inputs))[:n])


def margin_loss(q: np.ndarray, counts: np.ndarray, gamma: float) -> float:
    """L_γ of a sample that has each input `counts` times: the share of margins ≤ γ."""
    return float(np.sum(counts[q <= gamma]) / np.sum(counts))


def near(after: Matrix, before: Matrix, gamma: float) -> bool:
    """Whether no output moves by γ/4 or more, as Lemma G.9 asks."""
    return bool(np.abs(after - before).max() < gamma / 4)


def gamma_of(q: np.ndarray) -> float:
    """The largest of the γ below half of the median of these margins."""
    return float(GAMMAS[max(0, np.searchsorted(GAMMAS, np.median(q) / 2) - 1)])


def median_of_largest(count: int) -> float:
    """The median of the largest of |z_1|, …, |z_count|, independent standard normal."""
    return NormalDist().inv_cdf((1 + 0.5 ** (1 / count)) / 2)
