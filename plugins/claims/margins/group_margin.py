"""The largest margin on the multiplication table of a symmetric group, and a network that has it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from framework import Claim, Row, field, register
from plugins.mathematics.groups import permutation_table, permutations
from plugins.mathematics.representations import Representation, irreducible
from plugins.networks.mean_margins import best_neuron, mean_margin
from plugins.networks.written_down import Layers, Matrix, all_tuples, deviation, group_norm, outputs, smallest_margin


@register("group_margin")
@dataclass(frozen=True, kw_only=True)
class GroupMargin(Claim):
    """γ* = 2 / (3 √(3|G|) Σ_R d_R^2.5) for G = S_n over the non-trivial irreducible R, ‖θ‖_{2,3} = 1 (thm 9, Morwani et al. 2024).

    Attained by Σ_R d_R tr(R(a) R(b) R(c)ᵀ), a product of three numbers being two neurons: 2 Σ d_R³ neurons, whose weights in R
    are d_R^(1/3) as large (that scale is derived here). No network has more: no neuron has a larger mean margin, wrong answers
    weighed as theorem 9 asks, by the bound that `bound_of_neurons` takes from Plancherel's theorem; ascent finds a neuron that
    has as much. The control has all representations equally large.
    """

    n: int = field(3, "n of the group S_n", at_least=3, at_most=5)

    tags = ("margin", "groups")
    scales = {"laptop": {"n": 4}, "full": {"n": 5}}

    def check(self, seed: int) -> list[Row]:
        """Neurons and margin of the construction, the largest that a neuron has, and the control."""
        table, representations = permutation_table(permutations(self.n)), irreducible(self.n)[1:]
        inputs, labels = all_tuples(len(table), 2), table.reshape(-1)
        sizes = np.array([R.shape[1] for R in representations])
        best = 2 / (3 * np.sqrt(3 * len(table)) * float((sizes**2.5).sum()))

        def margin(W: np.ndarray, V: np.ndarray) -> float:
            return smallest_margin(outputs(W, V, inputs), labels) / group_norm(W, V) ** 3

        W, V = group_network(representations, scale_of)
        equal = group_network(representations, lambda d: 1.0)
        generator = np.random.default_rng(seed)
        weights = balanced_weights(representations, labels)
        neuron = mean_margin(*best_neuron(inputs, weights, generator), inputs, weights)
        wrong = np.where(np.arange(len(table)) == labels[:, None], -np.inf, weights)
        return [
            Row("neurons", 2 * int((sizes**3).sum()), V.shape[0]),
            Row("sum of squared dimensions", len(table) - 1, int((sizes**2).sum())),
            Row("margin of the construction", best, margin(W, V), 1e-12),
            Row("mean margin that no neuron exceeds", best, bound_of_neurons(weights, labels, representations), 1e-9 * best),
            Row("largest mean margin of a neuron, by ascent", best, neuron, 1e-6 * best),
            Row("largest weight of a wrong answer in that mean", 0, float(wrong.max()), 1e-12, relation="<="),
            Row("sum of the weights, largest", 0, float(np.abs(weights.sum(axis=1)).max()), 1e-12),
            Row("margin, all representations equally large", best, margin(*equal), 1e-6, expected_to_hold=False),
        ]


def scale_of(d: int) -> float:
    """How large the weights of a representation of this dimension are."""
    return d ** (1 / 3)


def balanced_weights(representations: list[Representation], labels: np.ndarray) -> Float[np.ndarray, "n m"]:
    """λ((a, b), c) = Σ_R d_R^1.5 tr(R(ab) R(c)ᵀ) / Σ_R d_R^2.5: neurons of all representations have the same mean margin."""
    sizes = [R.shape[1] for R in representations]
    parts = [d**1.5 * np.einsum("xij,cij->xc", R[labels], R) for d, R in zip(sizes, representations, strict=True)]
    return sum(parts) / sum(d**2.5 for d in sizes)


def bound_of_neurons(weights: Matrix, labels: Int[np.ndarray, " n"], representations: list[Representation]) -> float:
    """What the mean over (a, b) of Σ_c λ f_c is at most, for a neuron of norm 1. Infinite for λ that mixes representations.

    λ = L(ab, c), and L = Σ_R P_R L P_R with the projections P_R = d_R/|G| tr(R(g) R(c)ᵀ), so that functions of a or of b alone give 0.
    Of (u_a + v_b)² w_c remains 2 Σ_R ⟨P_R (u ∗ v), L P_R w⟩ / |G|². (u ∗ v)^(R) = û(R) v̂(R) gives ‖P_R (u ∗ v)‖ ≤
    √(|G|/d_R) ‖P_R u‖ ‖P_R v‖, Σ_R of three such norms is at most ‖u‖ ‖v‖ ‖w‖, and that is at most 3^(−3/2).
    """
    m = weights.shape[1]
    L = weights[:m]  # a is the identity
    projections = [R.shape[1] / m * np.einsum("gij,cij->gc", R, R) for R in representations]
    parts = [P @ L @ P for P in projections]
    if deviation(L[labels], weights) > 1e-9 or deviation(sum(parts), L) > 1e-9:
        return np.inf
    sizes = [np.linalg.norm(part, 2) * np.sqrt(m / R.shape[1]) for part, R in zip(parts, representations, strict=True)]
    return float(2 * max(sizes) / m**2 / 3**1.5)


def group_network(representations: list[Representation], scale: Any) -> Layers:
    """(W [2, m, h], V [h, m]) with outputs 4 Σ_R scale(d)³ tr(R(a) R(b) R(c)ᵀ), from (x + y)² z − (x − y)² z = 4xyz."""
    blocks: list[list[np.ndarray]] = [[], [], []]
    for R in representations:
        d = R.shape[1]
        i, j, k = np.indices((d, d, d)).reshape(3, -1)
        for sign in (1, -1):
            for block, part in zip(blocks, (R[:, i, j], sign * R[:, j, k], sign * R[:, i, k]), strict=True):
                block.append(scale(d) * part)
    Q, S, V = (np.concatenate(block, axis=1) for block in blocks)
    return np.stack([Q, S]), V.T
