"""How much an interpolating network of small entries may err on the population, and what constant that takes."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from framework import Claim, Panel, Row, field, register
from framework.registry import build
from plugins.claims.construction.memorizing_network import memorizer
from plugins.networks.trajectories import initial, square_loss, trajectories
from plugins.networks.written_down import Blocks, Layers, Matrix, Points, all_tuples, fourier_network, largest_entry, outputs

SIMULATED = 20_000  # samples
SMALL = 1e-3  # R at which θ = 0 is tried


@register("generalization_bounds")
@dataclass(frozen=True, kw_only=True)
class GeneralizationBounds(Claim):
    """Interpolating θ with ‖θ‖_∞ ≤ R: population square loss ≤ C R⁶h²/n · (p log³n + log(1/δ)) (Prop. 3.7, Mohamadi et al. 2024).

    C is not given. Measured on networks that fit n sampled triples, that of appendix F, one that memorizes each positive and
    one that was trained: the loss, the least C beside that which follows from the memorizer's formula, and 4hR³ ≥ p, by which
    a positive in the sample bounds the target. Then θ = 0, which fits each sample without a positive, on both sides of the n at
    which a share δ of samples has none; and the p from which the bound with C = 1 says anything at all.
    """

    p: int = field(5, "modulus", at_least=2)
    points: int = field(40, "n, triples drawn with replacement", at_least=2)
    delta: float = field(0.05, "δ", above=0, below=1)
    steps: int = field(3000, "steps of Adam, of which the last decides", at_least=1)

    tags = ("generalization", "appendix E")
    scales = {"laptop": {"p": 11, "points": 440}, "full": {"p": 23, "points": 2316, "steps": 10_000}}
    note = (
        "Its proof (page 40) has one C, independent of other values. No such C exists: θ = 0 fits a sample without a positive, at loss p, "
        "and R may be as small as one likes. The proof bounds the loss by the outputs, 4hR³, and leaves out the target; with "
        "(4hR³ + p)² beside log(1/δ) it is right. A sample with a positive needs no change: fitting it takes 4hR³ ≥ p. The statement "
        "(page 9) has ∃C after R, the sample and θ*: then C may depend on them, and nothing can falsify it."
    )

    def check(self, seed: int) -> list[Row]:
        """Losses and C of networks that fit a sample; then the statement at θ = 0, as printed and corrected, and where it is vacuous."""
        generator = np.random.default_rng(seed)
        triples = all_tuples(self.p, 3)[generator.integers(self.p**3, size=self.points)]
        has_positive = bool(np.any(targets_of(triples, self.p)))
        rows = []
        for name, (W, V) in self._networks(generator, triples).items():
            train, population = square_losses(W, V, triples)
            rows.append(Row(f"{name}: training loss", 0, train, 1e-3 * self.p))
            if name == "memorizing":
                rows += self._of_memorizer(V.shape[0] // 2, largest_entry(W, V), population)
            elif name == "appendix F":
                rows.append(Row(f"{name}: population loss", 0, population, 1e-9))
            if has_positive:
                rows.append(Row(f"{name}: 4hR³, beside p", self.p, 4 * V.shape[0] * largest_entry(W, V) ** 3, 0.01 * self.p, ">="))
        for share in (0.5, 1.5):
            rows += self._at_zero(generator, max(2, int(share * self.p * np.log(1 / self.delta))))
        return rows + self._where_it_says_something()

    def _of_memorizer(self, positives: int, R: float, population: float) -> list[Row]:
        """Loss p(1 − m/p²) with m positives; R³ = p/4 and h = 2m, so that R⁶h² = p²m²/4."""
        p, n = self.p, self.points
        loss = p * (1 - positives / p**2)
        least = 4 * n * loss / (p**2 * positives**2 * (p * np.log(n) ** 3 + np.log(1 / self.delta)))
        return [
            Row("memorizing: population loss", loss, population, 1e-9 * p),
            Row("memorizing: the least C", float(least), population / self._bound(n, R, 2 * positives), 1e-6 * float(least) + 1e-20),
        ]

    def _where_it_says_something(self) -> list[Row]:
        """The p from which the bound with C = 1 at n = p³ is below p, the loss of zero, for the network of appendix F."""
        low, high = 10.0, 1e12
        for _ in range(100):
            middle = float(np.sqrt(low * high))
            low, high = (low, middle) if self._relative_bound(middle) < 1 else (middle, high)
        p = 1e5
        for _ in range(100):  # p = 108 log³ p, by iteration: the term in δ is 1e-9 of the other
            p = 108 * np.log(p) ** 3
        return [Row("appendix F, C = 1, n = p³: p from which the bound is below the loss of zero", float(p), high, 0.01 * float(p))]

    def _relative_bound(self, p: float) -> float:
        return 4 * p**2 / p**3 * (p * np.log(p**3) ** 3 + np.log(1 / self.delta)) / p  # R⁶h² = (8p)²/16

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
        found = {"appendix F": (W / 4 ** (1 / 3), V / 4 ** (1 / 3)), "trained": self._trained(generator, triples)}
        return found | {"memorizing": memorizer(p, positives[:, :2])} if len(positives) else found

    def _trained(self, generator: np.random.Generator, triples: Points) -> Layers:
        start, adam = initial(generator, self.p, 2, 4 * self.p), build("optimizer", "adam", learning_rate=0.01)
        ((path,),) = trajectories(square_loss, (adam,), [start], [(triples, targets_of(triples, self.p))], self.steps, seed=0)
        return path["W"][-1], path["V"][-1]

    def _bound(self, n: int, R: float, h: int) -> float:
        """The right side with C = 1."""
        return R**6 * h**2 / n * (self.p * np.log(n) ** 3 + np.log(1 / self.delta))

    def _at_zero(self, generator: np.random.Generator, n: int) -> list[Row]:
        """The share of samples which θ = 0 interpolates though its loss p is above the bound, and the least C by R."""
        p, h, R = self.p, 8 * self.p, SMALL
        fits = np.all(generator.integers(p, size=(SIMULATED, n)) != 0, axis=1)  # a triple is positive where its c − a − b is 0
        printed = float(np.mean(fits & (p > self._bound(n, R, h))))
        corrected = self._bound(n, R, h) + ((4 * h * R**3 + p) ** 2 - R**6 * h**2) / n * np.log(1 / self.delta)
        error, exact = 5 * float(np.sqrt(self.delta / SIMULATED)), (1 - 1 / p) ** n
        grows = (p / self._bound(n, R, h)) / (p / self._bound(n, 10 * R, h))
        clear = (
            [] if abs(exact - self.delta) < 2 * error else [(exact <= self.delta, f"n = {n}: samples on which C = 1 fails at R = {R:g}")]
        )
        return [
            *(Row(said, self.delta, printed, error, "<=", expected_to_hold=holds) for holds, said in clear),
            Row(f"n = {n}: samples without a positive", exact, float(fits.mean()), 5 * float(np.sqrt(exact / SIMULATED))),
            Row(f"n = {n}: least C for θ = 0 at R, ÷ that at 10 R", 1e6, float(grows), 1),
            Row(f"n = {n}: samples on which it fails with p beside 4hR³", self.delta, float(np.mean(fits & (p > corrected))), error, "<="),
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
