"""The tangent kernel of a quadratic network at initialization, in the mean over initializations."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from framework import Claim, Row, field, register
from plugins.networks.written_down import all_tuples, deviation, tangent_kernel

ENTRIES = {  # distribution of W's entries with variance 1 → (kurtosis κ, how it is drawn)
    "uniform": (9 / 5, lambda generator, shape: generator.uniform(-np.sqrt(3), np.sqrt(3), shape)),
    "gaussian": (3.0, lambda generator, shape: generator.normal(size=shape)),
}


NETWORKS = 40  # over which the mean of the whole kernel is taken, and its standard error


@register("expected_ntk")
@dataclass(frozen=True, kw_only=True)
class ExpectedNTK(Claim):
    """E Σ_j z_j² z'_j² = h σ⁴ (4 + (κ−1) 1[a=a'] + (κ−1) 1[b=b'] + 4·1[a=a', b=b']), z = Q_a + R_b (Prop. B.3, Mohamadi et al. 2024).

    The part of the kernel that is the gradient in V, for outputs c = c'; κ is the kurtosis of W's entries. Monte Carlo over
    hidden units against the formula, within five standard errors. The part in W, for V's entries independent with mean 0 and
    variance 1, is 4 h σ² s² 1[c=c'] in the mean, s = 1[a=a'] + 1[b=b'] (derived here). The smallest eigenvalue of either mean
    kernel, of pairs and of all p³ triples, is ≥ 4hσ⁴.
    """

    p: int = field(3, "modulus", at_least=2)
    samples: int = field(40_000, "number of hidden units drawn", at_least=100)
    sigma: float = field(0.5, "standard deviation of W's entries", above=0)

    tags = ("kernel", "width")
    scales = {"laptop": {"p": 5, "samples": 400_000}, "full": {"p": 7, "samples": 4_000_000}}

    def check(self, seed: int) -> list[Row]:
        """For both distributions: the four kinds of entry, and the smallest eigenvalue."""
        rows = []
        for name, (kurtosis, draw) in ENTRIES.items():
            mean, error = self._measured(np.random.default_rng(seed), draw)
            expected, kinds = self._expected(kurtosis)
            for kind, there in kinds.items():
                worst = np.argmax(np.where(there, np.abs(mean - expected) / error, 0))
                predicted, measured, tolerance = (float(x.reshape(-1)[worst]) for x in (expected, mean, 5 * error))
                rows.append(Row(f"{name}: {kind}", predicted, measured, tolerance))
            least = float(np.linalg.eigvalsh(mean)[0])
            rows.append(Row(f"{name}: smallest eigenvalue, per unit", 4 * self.sigma**4, least, 5 * float(error.max()), relation=">="))
            rows += self._whole(name, kurtosis, draw, np.random.default_rng(seed))
        return rows

    def _whole(self, name: str, kurtosis: float, draw: Any, generator: np.random.Generator) -> list[Row]:
        """Rows for the kernel of all p³ triples, both parts: the worst entry, and the smallest eigenvalue."""
        triples, width = all_tuples(self.p, 3), self.samples // NETWORKS
        found = []
        for _ in range(NETWORKS):
            W, V = self.sigma * draw(generator, (2, self.p, width)), generator.normal(size=(width, self.p))
            found.append(tangent_kernel(W, V, triples) / width)
        mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(NETWORKS - 1)
        a, b, c = (triples[:, i, None] == triples[None, :, i] for i in range(3))
        pairs = np.ravel_multi_index(tuple(triples[:, :2].T), (self.p,) * 2)
        expected = c * (self._expected(kurtosis)[0][np.ix_(pairs, pairs)] + 4 * self.sigma**2 * (a * 1.0 + b) ** 2)
        least, miss = float(np.linalg.eigvalsh(mean)[0]), deviation(mean, expected)
        noise = float(np.sqrt(np.mean(error**2)))
        return [
            Row(f"{name}: both parts, all triples, largest deviation", 0, miss, 8 * float(error.max())),
            Row(f"{name}: smallest eigenvalue of both parts, per unit", 4 * self.sigma**4, least, 3 * noise * np.sqrt(len(triples)), ">="),
        ]

    def _measured(self, generator: np.random.Generator, draw: Any) -> tuple[np.ndarray, np.ndarray]:
        """(mean, its standard error) of z² z'² over hidden units, [p², p²]."""
        inputs = all_tuples(self.p, 2)
        total, squares, left = np.zeros((len(inputs),) * 2), np.zeros((len(inputs),) * 2), self.samples
        while left:
            count = min(left, 50_000)
            W = self.sigma * draw(generator, (2, self.p, count))
            features = (W[0, inputs[:, 0]] + W[1, inputs[:, 1]]) ** 2
            total += features @ features.T
            squares += features**2 @ (features**2).T
            left -= count
        mean = total / self.samples
        return mean, np.sqrt((squares / self.samples - mean**2) / self.samples)

    def _expected(self, kurtosis: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The formula per hidden unit, [p², p²], and where each kind of pair is."""
        inputs = all_tuples(self.p, 2)
        a, b = (inputs[:, i, None] == inputs[None, :, i] for i in range(2))
        kinds = {"nothing shared": ~a & ~b, "a shared": a & ~b, "b shared": ~a & b, "the same point": a & b}
        return self.sigma**4 * (4 + (kurtosis - 1) * a + (kurtosis - 1) * b + 4 * (a & b)), kinds
