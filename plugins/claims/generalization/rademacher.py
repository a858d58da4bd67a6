"""How well networks with small weights can follow random signs."""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from framework import Claim, Panel, Row, field, register

Signs = Float[np.ndarray, "p p p"]
Tries = Float[np.ndarray, "tries p"]
CUBES = 4  # in the sum that stands for a neuron


@register("rademacher")
@dataclass(frozen=True, kw_only=True)
class Rademacher(Claim):
    """E_σ sup (1/n) Σ σ_i g(x_i) ≤ 324 r³ √p / √n for sums g of 4 cubes with weights ≤ r (Lemma E.2, Mohamadi et al. 2024).

    At n random triples (a, b, c), a mean over draws of the signs σ. The supremum lies between the best cube that ascent
    over one variable at a time finds, and the largest value of the trilinear form at the corners, all of which are tried.
    A single neuron, which Lemma E.1 puts among the sums, is below both; h neurons have h times as much (Lemma E.5, with an
    equality: each neuron can do what is best for it). The control has all signs equal.
    """

    p: int = field(2, "modulus; 2^(6p) corners are tried", at_least=2, at_most=3)
    points: tuple[int, ...] = field((50, 200), "n", at_least=1)
    r: float = field(0.8, "largest weight", above=0)
    width: int = field(3, "h of a network, all of whose weights ascend together", at_least=2)
    draws: int = field(40, "number of draws of the signs", at_least=2)
    tries: int = field(10, "number of starts of the ascent", at_least=1)

    tags = ("generalization", "appendix E")
    scales = {"laptop": {"p": 3, "tries": 40, "draws": 60}, "full": {"p": 3, "points": (100, 400, 1600), "tries": 100, "draws": 200}}

    def check(self, seed: int) -> list[Row]:
        """For each n, the bound beside what lies below and above the complexity; then how it falls with n."""
        rows, found = [], {}
        for n in self.points:
            bound = 324 * self.r**3 * np.sqrt(self.p / n)
            cubes, neuron, above = self._measured(np.random.default_rng(seed), n)
            found[n] = cubes
            alone = CUBES * follow_by_cubes(self._drawn(np.random.default_rng(seed), n, random_signs=False), self.r, self._start(seed)) / n
            rows += [
                Row(f"n = {n}: found by ascent", bound, cubes, relation="<="),
                Row(f"n = {n}: at the corners, which is no less than all", bound, above, relation="<="),
                Row(f"n = {n}: found by ascent, beside the corners", above, cubes, 1e-9 * above, relation="<="),
                Row(f"n = {n}: one neuron, beside the sums of cubes", above, neuron, relation="<="),
                Row(f"n = {n}: all signs equal", bound, alone, relation="<=", expected_to_hold=n <= 9 * self.p),
            ]
        least, most = min(self.points), max(self.points)
        if most > least:
            falls = np.sqrt(least / most)
            rows.append(Row(f"n = {most} beside n = {least}", falls, found[most] / found[least], 0.25 * falls))
        return rows + self._of_width(np.random.default_rng(seed), least)

    def _of_width(self, generator: np.random.Generator, n: int) -> list[Row]:
        """Lemma E.5: h neurons beside one, and beside the bound."""
        alone, together = [], []
        for _ in range(self.draws):
            signs = self._drawn(generator, n)
            alone.append(follow_by_neuron(signs, self.r, generator.uniform(-self.r, self.r, (3, self.tries, self.p))) / n)
            weights = generator.uniform(-self.r, self.r, (3, self.tries, self.p, self.width))
            together.append(follow_by_network(signs, self.r, weights) / n)
        bound, found = 324 * self.width * self.r**3 * np.sqrt(self.p / n), float(np.mean(together))
        expected = self.width * float(np.mean(alone))
        return [
            Row(f"n = {n}, {self.width} neurons: found by ascent", bound, found, 0, "<="),
            Row(f"n = {n}, {self.width} neurons: beside {self.width} times one neuron", expected, found, 0.25 * expected),
        ]

    def charts(self, seed: int) -> list[Panel]:
        """n against the bound, and what lies below and above the complexity."""
        counts = np.unique(np.geomspace(10, 10 * max(self.points), 6).astype(int))
        found = np.array([self._measured(np.random.default_rng(seed), int(n)) for n in counts])
        labels = ("sums of 4 cubes, by ascent", "one neuron, by ascent", "at the corners, which is no less")
        bound = 324 * self.r**3 * np.sqrt(self.p / counts)
        title = f"How well networks with weights ≤ {self.r:g} follow random signs, p = {self.p}"
        lines = dict(zip(labels, found.T, strict=True))
        return [Panel.of_lines(title, "n", "Rademacher complexity", counts, lines, {"324 r³ √p / √n": bound}, log="xy")]

    def _measured(self, generator: np.random.Generator, n: int) -> tuple[float, float, float]:
        """Means over draws: sums of cubes by ascent, a neuron by ascent, sums of cubes at the corners."""
        found = []
        for _ in range(self.draws):
            signs = self._drawn(generator, n)
            start = generator.uniform(-self.r, self.r, (3, self.tries, self.p))
            above = CUBES * self.r**3 * largest_at_corners(signs)
            found.append((CUBES * follow_by_cubes(signs, self.r, start), follow_by_neuron(signs, self.r, start), above))
        cubes, neuron, above = np.mean(found, axis=0) / n
        return float(cubes), float(neuron), float(above)

    def _drawn(self, generator: np.random.Generator, n: int, random_signs: bool = True) -> Signs:
        """Σ σ_i over the points at each triple, of n points."""
        signs = np.zeros((self.p,) * 3)
        np.add.at(signs, tuple(generator.integers(0, self.p, (3, n))), draw_signs(generator, n) if random_signs else np.ones(n))
        return signs

    def _start(self, seed: int) -> Float[np.ndarray, "3 tries p"]:
        return np.random.default_rng(seed).uniform(-self.r, self.r, (3, self.tries, self.p))


def draw_signs(generator: np.random.Generator, n: int) -> Float[np.ndarray, " n"]:
    """n random signs, +1 and −1 equally likely."""
    return generator.choice([-1.0, 1.0], n)


def follow_by_cubes(signs: Signs, r: float, start: Float[np.ndarray, "3 tries p"], rounds: int = 8) -> float:
    """The largest Σ signs (x_a + y_b + z_c)³ that ascent finds with entries in [−r, r]."""
    blocks = list(start)
    for i in [0, 1, 2] * rounds:
        S, (y, z) = np.moveaxis(signs, i, 0), (blocks[j] for j in range(3) if j != i)
        t = y[:, :, None] + z[:, None, :]
        moments = [np.einsum("abc,tbc->ta", S, t**power) for power in range(4)]
        blocks[i], values = _best(np.stack([moments[0], 3 * moments[1], 3 * moments[2], moments[3]]), r)
    return float(values.sum(axis=1).max())


def follow_by_neuron(signs: Signs, r: float, start: Float[np.ndarray, "3 tries p"], rounds: int = 8) -> float:
    """The largest Σ signs z_c (x_a + y_b)² that ascent finds with entries in [−r, r]."""
    blocks = list(start)
    for i in [0, 1, 2] * rounds:
        if i == 2:
            slope = np.einsum("abc,tab->tc", signs, (blocks[0][:, :, None] + blocks[1][:, None, :]) ** 2)
            blocks[2], values = r * np.sign(slope), r * np.abs(slope)
        else:
            S, y = np.moveaxis(signs, i, 0), blocks[1 - i]
            moments = [np.einsum("abc,tc,tb->ta", S, blocks[2], y**power) for power in range(3)]
            blocks[i], values = _best(np.stack([0 * moments[0], moments[0], 2 * moments[1], moments[2]]), r)
    return float(values.sum(axis=1).max())


def follow_by_network(signs: Signs, r: float, start: Float[np.ndarray, "3 tries p h"], steps: int = 60) -> float:
    """The largest Σ signs Σ_j V_cj (Q_aj + R_bj)² that ascent along signs of the gradient finds with entries in [−r, r]."""
    Q, R, V = (x.copy() for x in start)
    best = -np.inf
    for step in np.geomspace(r, 1e-3 * r, steps):
        V = r * np.sign(np.einsum("abc,tabh->tch", signs, (Q[:, :, None] + R[:, None]) ** 2))
        slope = np.einsum("abc,tch->tabh", signs, V) * (Q[:, :, None] + R[:, None])
        Q, R = (np.clip(x + step * np.sign(slope.sum(axis=axis)), -r, r) for x, axis in ((Q, 2), (R, 1)))
        values = np.einsum("abc,tch,tabh->t", signs, V, (Q[:, :, None] + R[:, None]) ** 2)
        best = max(best, float(values.max()))
    return best


def largest_at_corners(signs: Signs) -> float:
    """The largest Σ signs ⟨U, x⟩⟨U', x⟩⟨U'', x⟩, x = (e_a, e_b, e_c), over weights at most 1: no cube U = U' = U'' is above it.

    The form is linear in each, so that two may be taken at corners, and the third has the signs of its own coefficients.
    """
    p = len(signs)
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3 * p)))
    a, b, c = np.indices((p,) * 3).reshape(3, -1)
    sums = corners[:, a] + corners[:, p + b] + corners[:, 2 * p + c]
    onehot = np.concatenate([np.eye(p)[a], np.eye(p)[b], np.eye(p)[c]], axis=1) * signs.reshape(-1, 1)
    return max(float(np.abs(sums * one @ onehot).sum(axis=1).max()) for one in sums[: len(sums) // 2])  # U and −U do alike


def _best(coefficients: Float[np.ndarray, "4 tries p"], r: float) -> tuple[Tries, Tries]:
    """(where, value): the largest value in [−r, r] of each cubic, its highest coefficient first."""
    A, B, C, D = coefficients
    root = np.sqrt(np.maximum(B**2 - 3 * A * C, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = [(-B + root) / (3 * A), (-B - root) / (3 * A), -C / (2 * B)]
    there = np.stack([np.full_like(A, -r), np.full_like(A, r), *(np.clip(np.nan_to_num(x), -r, r) for x in inner)])
    values = ((A * there + B) * there + C) * there + D
    best = values.argmax(axis=0)[None]
    return np.take_along_axis(there, best, axis=0)[0], np.take_along_axis(values, best, axis=0)[0]
