"""How much an interpolating network of small entries may err on the population, and what constant that takes."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from framework import Claim, Panel, Row, field, register
from framework.registry import build
from plugins.claims.construction.memorizing_network import memorizer
from plugins.networks.trajectories import initial, square_loss, trajectories
from plugins.networks.written_down import Blocks, Layers, Matrix, Points, all_tuples, fourier_network, largest_entry, outputs

SENSIBLE = 1.0  # C; the proof's constants, 324² from Lemma E.5 and that of Srebro et al. 2010, multiply to more than 1e9
SIMULATED = 20_000  # samples


@register("generalization_bounds")
@dataclass(frozen=True, kw_only=True)
class GeneralizationBounds(Claim):
    """Interpolating θ with ‖θ‖_∞ ≤ R: population square loss ≤ C R⁶h²/n · (p log³n + log(1/δ)) (Prop. 3.7, Mohamadi et al. 2024).

    C is not given: each row has the least C with which the bound holds for one network that fits n sampled triples: the
    network of appendix F, one that memorizes each positive, and one that was trained. All three are below 1.
    """

    p: int = field(5, "modulus, odd", at_least=3)
    points: int = field(40, "n, triples drawn with replacement", at_least=2)
    delta: float = field(0.05, "δ", above=0, below=1)
    steps: int = field(3000, "steps of Adam, of which the last decides", at_least=1)

    tags = ("generalization", "appendix E")
    scales = {"laptop": {"p": 11, "points": 440}, "full": {"p": 23, "points": 2316, "steps": 10_000}}
    note = (
        "no C serves every R and n: a sample of n < (p − 1) log(1/δ) triples has no positive with a probability above δ, θ = 0 "
        "interpolates it with loss p, and R⁶h² may be as small as one likes. The proof bounds the loss by the outputs alone and leaves "
        "out the target p; with (4hR³ + p)² in the place of R⁶h² beside log(1/δ) the bound is right there."
    )

    def check(self, seed: int) -> list[Row]:
        """Whether each network interpolates, and its C; then the statement at θ = 0, as printed and corrected."""
        generator = np.random.default_rng(seed)
        triples = all_tuples(self.p, 3)[generator.integers(self.p**3, size=self.points)]
        rows = []
        for name, (W, V) in self._networks(generator, triples).items():
            train, population = square_losses(W, V, triples)
            implied = population / self._bound(self.points, largest_entry(W, V), V.shape[0])
            rows.append(Row(f"{name}: training loss", 0, train, 1e-4))
            rows.append(Row(f"{name}: C", SENSIBLE, implied, relation="<="))
        for share in (0.5, 1.5):
            rows += self._at_zero(generator, max(2, int(share * self.p * np.log(1 / self.delta))))
        return rows

    def charts(self, seed: int) -> list[Panel]:
        """n against the population loss of the memorizing and the trained network, and the bound for each with C = 1."""
        generator, p = np.random.default_rng(seed), self.p
        counts = np.geomspace(2 * p, p**3, 5).astype(int)
        losses, bounds = defaultdict(list), defaultdict(list)
        for n in counts:
            triples = all_tuples(p, 3)[generator.integers(p**3, size=n)]
            networks = self._networks(generator, triples)
            del networks["appendix F"]  # its loss is 0 for every n
            for name, (W, V) in networks.items():
                losses[name].append(square_losses(W, V, triples)[1])
                bounds[f"bound, {name}, C = 1"].append(self._bound(int(n), largest_entry(W, V), V.shape[0]))
        measured, predicted = ({name: np.array(line) for name, line in lines.items()} for lines in (losses, bounds))
        title = f"Population loss of networks that fit n triples, p = {p}; the zero predictor has {p}"
        return [Panel.of_lines(title, "n", "population square loss", counts, measured, predicted, log="xy")]

    def _networks(self, generator: np.random.Generator, triples: Points) -> dict[str, Layers]:
        p = self.p
        positives = np.unique(triples[triples[:, :2].sum(axis=1) % p == triples[:, 2]], axis=0)
        W, V = fourier_network(p)
        return {
            "appendix F": (W / 4 ** (1 / 3), V / 4 ** (1 / 3)),
            "memorizing": memorizer(p, positives[:, :2]),
            "trained": self._trained(generator, triples),
        }

    def _trained(self, generator: np.random.Generator, triples: Points) -> Layers:
        start, adam = initial(generator, self.p, 2, 4 * self.p), build("optimizer", "adam", learning_rate=0.01)
        ((path,),) = trajectories(square_loss, (adam,), [start], [(triples, targets_of(triples, self.p))], self.steps, seed=0)
        return path["W"][-1], path["V"][-1]

    def _bound(self, n: int, R: float, h: int) -> float:
        """The right side with C = 1."""
        return R**6 * h**2 / n * (self.p * np.log(n) ** 3 + np.log(1 / self.delta))

    def _at_zero(self, generator: np.random.Generator, n: int) -> list[Row]:
        """The share of samples which θ = 0 interpolates though its loss p is above the bound, at R = 1e-3."""
        p, h, R = self.p, 8 * self.p, 1e-3
        fits = np.all(generator.integers(p, size=(SIMULATED, n)) != 0, axis=1)  # a triple is positive where its c − a − b is 0
        printed = float(np.mean(fits & (p > self._bound(n, R, h))))
        corrected = self._bound(n, R, h) + ((4 * h * R**3 + p) ** 2 - R**6 * h**2) / n * np.log(1 / self.delta)
        error = 3 * float(np.sqrt(self.delta / SIMULATED))
        fails = (1 - 1 / p) ** n > self.delta
        return [
            Row(f"n = {n}: failures of the bound as printed", self.delta, printed, error, "<=", expected_to_hold=not fails),
            Row(f"n = {n}: failures with p beside 4hR³", self.delta, float(np.mean(fits & (p > corrected))), error, "<="),
        ]


def targets_of(triples: Points, p: int) -> np.ndarray:
    """The target of each triple, p · 1[a + b ≡ c]."""
    return np.where(triples[:, :2].sum(axis=1) % p == triples[:, 2], float(p), 0.0)


def square_losses(W: Blocks, V: Matrix, triples: Points) -> tuple[float, float]:
    """(mean over the sample, mean over all p³ triples) of (g − y)²."""
    p = V.shape[1]
    every = all_tuples(p, 3)
    squares = (outputs(W, V, all_tuples(p, 2)).ravel() - targets_of(every, p)) ** 2
    return float(squares[np.ravel_multi_index(tuple(triples.T), (p,) * 3)].mean()), float(squares.mean())
