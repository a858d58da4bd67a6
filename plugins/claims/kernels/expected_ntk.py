"""The tangent kernel of a quadratic network at initialization, in the mean over initializations."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from framework import Claim, Row, field, register
from plugins.networks.written_down import Matrix, all_tuples, deviation, tangent_kernel

Law = tuple[np.ndarray, np.ndarray]  # (values, their probabilities)

LEGENDRE, HERMITE = np.polynomial.legendre.leggauss(3), np.polynomial.hermite_e.hermegauss(3)
SKEWED = (np.array([-0.5, 2.0]), np.array([0.8, 0.2]))
ENTRIES: dict[str, tuple[float, Law]] = {  # W's entries with variance 1 → (kurtosis κ, values that have their first four moments)
    "uniform": (9 / 5, (np.sqrt(3) * LEGENDRE[0], LEGENDRE[1] / 2)),
    "gaussian": (3.0, (HERMITE[0], HERMITE[1] / np.sqrt(2 * np.pi))),
    "signs": (1.0, (np.array([-1.0, 1.0]), np.array([0.5, 0.5]))),
    "skewed": (13 / 4, SKEWED),
}
DRAWN = {
    "uniform": lambda generator, shape: generator.uniform(-np.sqrt(3), np.sqrt(3), shape),
    "gaussian": lambda generator, shape: generator.normal(size=shape),
}
ROUNDING = 1e-12  # of sums over all values that W can have, relative to the largest entry


@register("expected_ntk")
@dataclass(frozen=True, kw_only=True)
class ExpectedNTK(Claim):
    """E Σ_j z_j² z'_j² = h σ⁴ (4 + (κ−1) 1[a=a'] + (κ−1) 1[b=b'] + 4·1[a=a', b=b']), z = Q_a + R_b (Prop. B.3, Mohamadi et al. 2024).

    The part of the kernel that is the gradient in V, for outputs c = c'; κ is the kurtosis of W's entries. The mean is a sum
    over all values of W: entries enter it to the fourth power at most, so that the nodes of a Gauss rule stand for the uniform
    and the normal law exactly. Random networks are beside it, within five standard errors.

    Derived here, for all p³ triples: the part in W has the mean 4σ² s² (V Vᵀ)_cc', s = 1[a=a'] + 1[b=b'], so that the smallest
    eigenvalue is 4hσ⁴ + 8σ² λ_min(V Vᵀ) for a given V, whatever κ is. The printed 4hσ⁴ is attained where V has a rank below p.
    For V's entries independent with mean 0 and variance 1 it is 4σ⁴ + 8σ² per unit. That the skewness is 0 is not needed.
    """

    p: int = field(3, "modulus: 3^(2p) networks are gone through", at_least=2, at_most=4)
    samples: int = field(40_000, "number of hidden units drawn", at_least=100)
    sigma: float = field(0.5, "standard deviation of W's entries", above=0)

    tags = ("kernel", "width")
    scales = {"laptop": {"p": 4, "samples": 400_000}, "full": {"p": 4, "samples": 4_000_000}}

    def check(self, seed: int) -> list[Row]:
        """For each law of W's entries: all entries, the ends of the spectrum, and the four kinds of entry in random networks."""
        rows, generator = [], np.random.default_rng(seed)
        for name, (kurtosis, law) in ENTRIES.items():
            rows += self._in_V_and_W(name, kurtosis, law)
            rows += self._given_V(name, kurtosis, law, generator)
        for name, draw in DRAWN.items():
            rows += self._drawn(name, ENTRIES[name][0], np.random.default_rng(seed), draw)
        (values, chances), kurtosis = SKEWED, ENTRIES["skewed"][0]
        moved = self._mean((values + 0.5, chances), np.zeros((1, self.p)))
        expected = self._expected(kurtosis, np.zeros((self.p, self.p)), 1)
        return [*rows, Row("mean 1/2 in place of 0: largest deviation", 0, deviation(moved, expected), ROUNDING, expected_to_hold=False)]

    def _in_V_and_W(self, name: str, kurtosis: float, law: Law) -> list[Row]:
        """Per hidden unit, V's entries signs: every entry of the mean kernel, and its smallest and largest eigenvalue."""
        p, square = self.p, self.sigma**2
        signs = 2.0 * all_tuples(2, p) - 1
        mean = self._mean(law, signs, 1 / len(signs))
        eigenvalues, expected = np.linalg.eigvalsh(mean), self._expected(kurtosis, np.eye(p), 1)
        small = ROUNDING * float(expected.max()) * p**3
        least = 4 * square**2 + 8 * square
        most = least + 4 * p**2 * square**2 + 2 * p * ((kurtosis - 1) * square**2 + 4 * square)
        return [
            Row(f"{name}: both parts, all triples, largest deviation", 0, deviation(mean, expected), small),
            Row(f"{name}: smallest eigenvalue of both parts, per unit, 4σ⁴ + 8σ²", least, float(eigenvalues[0]), small),
            Row(f"{name}: largest eigenvalue of both parts, per unit", most, float(eigenvalues[-1]), small),
        ]

    def _given_V(self, name: str, kurtosis: float, law: Law, generator: np.random.Generator) -> list[Row]:
        """For V that is given: 0, of fewer units than outputs, and of more."""
        rows = []
        for what, V in (("V = 0", np.zeros((1, self.p))), *((f"h = {h}", generator.normal(size=(h, self.p))) for h in (1, 2 * self.p))):
            mean, gram, h = self._mean(law, V), V.T @ V, len(V)
            expected, least = self._expected(kurtosis, gram, h), float(np.linalg.eigvalsh(mean)[0])
            printed = 4 * h * self.sigma**4
            exact = printed + 8 * self.sigma**2 * max(float(np.linalg.eigvalsh(gram)[0]), 0.0)
            small = ROUNDING * float(expected.max()) * self.p**3
            rows += [
                Row(f"{name}, {what}: largest deviation", 0, deviation(mean, expected), small),
                Row(f"{name}, {what}: smallest eigenvalue, exactly", exact, least, small),
                Row(f"{name}, {what}: smallest eigenvalue, at least 4hσ⁴", printed, least, small, relation=">="),
            ]
        return rows

    def _mean(self, law: Law, V: Matrix, share: float = 1.0) -> np.ndarray:
        """`share` · E of the tangent kernel of all p³ triples for V [h, p]: that of one network with a neuron for each case.

        The kernel has degree four in the weights of a neuron: these are multiplied by the fourth root of the case's probability.
        """
        values, chances = law
        cases = all_tuples(len(values), 2 * self.p)
        root = (share * np.prod(chances[cases], axis=1)) ** 0.25
        W = self.sigma * values[cases].T.reshape(2, self.p, -1) * root
        return tangent_kernel(np.tile(W, len(V)), np.concatenate([root[:, None] * row for row in V]), all_tuples(self.p, 3))

    def _expected(self, kurtosis: float, gram: Matrix, h: int) -> np.ndarray:
        """The formula, [p³, p³], for V Vᵀ = `gram` and h hidden units."""
        pairs = all_tuples(self.p, 2)
        shared = (pairs[:, None] == pairs[None]).sum(axis=2)
        return np.kron(h * self._in_V(kurtosis)[0], np.eye(self.p)) + 4 * self.sigma**2 * np.kron(shared**2, gram)

    def _in_V(self, kurtosis: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The printed formula per hidden unit, [p², p²], and where each kind of pair is."""
        inputs = all_tuples(self.p, 2)
        a, b = (inputs[:, i, None] == inputs[None, :, i] for i in range(2))
        kinds = {"nothing shared": ~a & ~b, "a shared": a & ~b, "b shared": ~a & b, "the same point": a & b}
        return self.sigma**4 * (4 + (kurtosis - 1) * a + (kurtosis - 1) * b + 4 * (a & b)), kinds

    def _drawn(self, name: str, kurtosis: float, generator: np.random.Generator, draw: Any) -> list[Row]:
        """The worst entry of each kind in the mean over hidden units that are drawn."""
        mean, error = self._measured(generator, draw)
        expected, kinds = self._in_V(kurtosis)
        rows = []
        for kind, there in kinds.items():
            worst = np.argmax(np.where(there, np.abs(mean - expected) / error, 0))
            predicted, measured, tolerance = (float(x.reshape(-1)[worst]) for x in (expected, mean, 5 * error))
            rows.append(Row(f"{name}, drawn: {kind}", predicted, measured, tolerance))
        return rows

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
