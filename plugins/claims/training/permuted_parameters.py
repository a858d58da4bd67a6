"""What makes training equivariant: which permutation of the parameters belongs to a permutation of the data."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from framework.registry import build
from plugins.networks.trajectories import trajectories
from plugins.networks.written_down import Layers, all_tuples, deviation, outputs

Permutations = list[np.ndarray]  # σ_1, σ_2, σ_3
Action = Callable[[Layers, Permutations], Layers]
ROUNDING = 1e-10  # relative to the largest number compared


@register("permuted_parameters")
@dataclass(frozen=True, kw_only=True)
class PermutedParameters(Claim):
    """Which action τ(σ_1, σ_2, σ_3) on (W, V) gives g(τU; σx) = g(U; x) (Def. C.3, Lemmas C.5 and C.6, Mohamadi et al. 2024).

    Definition C.3 prints W'_{i,j} = W_{i,σ(j)} beside V'_{σ(j),i} = V_{j,i}. W must be moved as V is, W'_{i,σ(j)} = W_{i,j}:
    then C.5 and C.6 hold, τ is a homomorphism, as C.2 asks, and the parameters are the same ones in other places. As printed
    (with the +p that is missing in the second block) C.5 and C.6 hold if σ_1 and σ_2 are their own inverses, and fail if not;
    inverting V in place of W asks the same of σ_3 too. Gradients are differences of the outputs at all triples.

    C.2 is used for gradient descent; for Adam (C.7) it is not enough that τ is linear: it has to permute coordinates.
    """

    p: int = field(5, "modulus: from 3 on there are permutations that are not their own inverses", at_least=3, at_most=11)
    width: int = field(4, "h", at_least=1)

    tags = ("equivariance", "training")
    scales = {"laptop": {"p": 7, "width": 8}, "full": {"p": 11, "width": 16}}
    note = (
        "in Definition C.3 it is W that must be inverted: the proof of Lemma C.5 reads W'_{i,σ(j)} = W_{i,j}. With V inverted instead, "
        "Lemma C.5 stays false."
    )

    def check(self, seed: int) -> list[Row]:
        """Outputs and gradients for each reading, with permutations of order above two and of order two."""
        generator = np.random.default_rng(seed)
        U = generator.normal(size=(2, self.p, self.width)), generator.normal(size=(self.width, self.p))
        longer = [cycle(generator, self.p) for _ in range(3)]
        swaps = [swap(generator, self.p) for _ in range(3)]
        rows = []
        for name, (action, holds, holds_for_swaps) in READINGS.items():
            rows += lemma_rows(f"{name}: ", action, U, longer, holds)
            rows += lemma_rows(f"{name}, each σ its own inverse: ", action, U, swaps, holds_for_swaps)
            rows.append(homomorphism_row(name, action, U, longer, [crossing(sigma) for sigma in longer], holds=name == "W moved as V is"))
            same = deviation(*(np.sort(np.concatenate([leaf.ravel() for leaf in layers])) for layers in (action(U, longer), U)))
            rows.append(Row(f"{name}: parameters that are not those of θ_0", 0, same, 0.0, expected_to_hold=name != "to the letter"))
        return [*rows, *self._rotated(generator, seed)]

    def _rotated(self, generator: np.random.Generator, seed: int) -> list[Row]:
        """A linear model, g(U; x) = ⟨U, x⟩, whose data and parameters a rotation R moves: conditions 1 and 2 of C.2 hold."""
        d = self.p
        R = np.linalg.qr(generator.normal(size=(d, d)))[0]
        x, y, start = generator.normal(size=(2 * d, d)), generator.normal(size=2 * d), generator.normal(size=d)
        both = tuple(build("optimizer", name, learning_rate=0.05) for name in ("gd", "adam"))
        starts, data = [{"U": start}, {"U": R @ start}], [(x, y), (x @ R.T, y)]
        rows = []
        for name, (one, other) in zip(("gd", "adam"), trajectories(linear_loss, both, starts, data, 5, seed), strict=True):
            miss = deviation(one["U"] @ R.T, other["U"])
            rows.append(Row(f"a rotation of a linear model, {name}", 0, miss, ROUNDING, expected_to_hold=name == "gd"))
        return rows


def linear_loss(params, data):  # type: ignore[no-untyped-def]
    """Half the mean square of ⟨U, x⟩ − y."""
    x, y = data
    return ((x @ params["U"] - y) ** 2).mean() / 2


def cycle(generator: np.random.Generator, p: int) -> np.ndarray:
    """A permutation that moves three values in a circle, and the others at random: it is not its own inverse."""
    first, *others = np.split(generator.permutation(p), [3])
    sigma = np.arange(p)
    sigma[first] = np.roll(first, 1)
    sigma[others[0]] = generator.permutation(others[0])
    return sigma


def crossing(sigma: np.ndarray) -> np.ndarray:
    """The exchange of x and σ(x) for an x with σ(σ(x)) ≠ x: it does not commute with σ."""
    x = np.flatnonzero(sigma[sigma] != np.arange(len(sigma)))[0]
    found = np.arange(len(sigma))
    found[x], found[sigma[x]] = sigma[x], x
    return found


def swap(generator: np.random.Generator, p: int) -> np.ndarray:
    """A permutation that exchanges values in pairs: it is its own inverse."""
    order, sigma = generator.permutation(p), np.arange(p)
    for i in range(0, p - 1, 2):
        sigma[order[i]], sigma[order[i + 1]] = order[i + 1], order[i]
    return sigma


def moved(matrix: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """M'[σ(j)] = M[j], rows of residues."""
    found = np.empty_like(matrix)
    found[sigma] = matrix
    return found


def right(U: Layers, sigma: Permutations) -> Layers:
    """W_i'[σ_i(a)] = W_i[a], V'[σ_3(c)] = V[c]."""
    return np.stack([moved(block, s) for block, s in zip(U[0], sigma[:2], strict=True)]), moved(U[1].T, sigma[2]).T


def printed(U: Layers, sigma: Permutations) -> Layers:
    """W_i'[a] = W_i[σ_i(a)], V'[σ_3(c)] = V[c]: Definition C.3, each block from itself."""
    return np.stack([block[s] for block, s in zip(U[0], sigma[:2], strict=True)]), moved(U[1].T, sigma[2]).T


def to_the_letter(U: Layers, sigma: Permutations) -> Layers:
    """The same without +p: the block of b is drawn from that of a, W'_{i(j+p)} = W_{i,σ_2(j)}."""
    return np.stack([U[0][0][s] for s in sigma[:2]]), moved(U[1].T, sigma[2]).T


def of_V(U: Layers, sigma: Permutations) -> Layers:
    """V inverted in place of W: W_i'[a] = W_i[σ_i(a)], V'[c] = V[σ_3(c)]."""
    return printed(U, sigma)[0], U[1][:, sigma[2]]


READINGS: dict[str, tuple[Action, bool, bool]] = {  # name → (action, whether C.5 and C.6 hold, the same for σ = σ⁻¹)
    "W moved as V is": (right, True, True),
    "as printed, with +p": (printed, False, True),
    "to the letter": (to_the_letter, False, False),
    "V inverted in place of W": (of_V, False, True),
}


def gradients(U: Layers, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of g(U; (a, b, c)) at all p³ triples: in W, [p, p, p, 2, p, h], and in V, [p, p, p, h, p].

    Differences between U + e and U − e: they are exact, as an output has degree two at most in one entry.
    """
    inputs, found = all_tuples(p, 2), []
    for which in range(2):
        slopes = []
        for place in np.ndindex(U[which].shape):
            ends = [tuple(leaf.copy() for leaf in U) for _ in range(2)]
            ends[0][which][place] += 1
            ends[1][which][place] -= 1
            after, before = (outputs(W, V, inputs) for W, V in ends)
            slopes.append((after - before) / 2)
        found.append(np.stack(slopes, axis=-1).reshape(p, p, p, *U[which].shape))
    return found[0], found[1]


def lemma_rows(what: str, action: Action, U: Layers, sigma: Permutations, holds: bool) -> list[Row]:
    """C.5, g(τU; σx) = g(U; x), and C.6, τ(∇g(U; x)) = ∇g(τU; σx), at all triples x."""
    p = U[0].shape[1]
    after, there = action(U, sigma), np.ix_(*sigma)
    inputs = all_tuples(p, 2)
    before, then = (outputs(*layers, inputs).reshape(p, p, p) for layers in (U, after))
    miss = deviation(then[there], before) / deviation(before, np.zeros(1))
    slopes, others = gradients(U, p), gradients(after, p)
    worst = []
    for x in np.ndindex(p, p, p):
        expected = action((slopes[0][x], slopes[1][x]), sigma)
        at = tuple(int(s[i]) for s, i in zip(sigma, x, strict=True))
        worst += [deviation(expected[i], others[i][at]) for i in range(2)]
    largest = float(np.max([deviation(leaf, np.zeros(1)) for leaf in slopes]))
    return [
        Row(what + "C.5, outputs", 0, miss, ROUNDING, expected_to_hold=holds),
        Row(what + "C.6, gradients", 0, float(np.max(worst)) / largest, ROUNDING, expected_to_hold=holds),
    ]


def homomorphism_row(name: str, action: Action, U: Layers, one: Permutations, two: Permutations, holds: bool) -> Row:
    """τ(σ σ') = τ(σ) τ(σ'): C.2 asks for an isomorphism of groups."""
    together = action(U, [s[t] for s, t in zip(one, two, strict=True)])
    after = action(action(U, two), one)
    miss = float(np.max([deviation(a, b) for a, b in zip(together, after, strict=True)]))
    return Row(f"{name}: τ(σσ') beside τ(σ)τ(σ')", 0, miss, 0.0, expected_to_hold=holds)
