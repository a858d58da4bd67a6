"""Memorizing one example at a time, and when that is cheaper than adding."""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from plugins.networks.mean_margins import best_neuron, margin_network, mean_margin
from plugins.networks.written_down import all_tuples, answers, deviation, group_norm, outputs, smallest_margin


@register("memorizing_network")
@dataclass(frozen=True, kw_only=True)
class MemorizingNetwork(Claim):
    """Two neurons memorize one positive triple (a, b, a+b) at a group norm³ of (3√3/2) p, and touch no other.

    First layer s e_a and ±s e_b, output ±s e_c, s = (p/4)^(1/3). A network that fits the whole population has group norm³ at
    least (3√3/√2) (p−1) p^(3/2), by γ* of Morwani et al. 2024; for even p, p − 2 + 1/√2 stands in place of p − 1. So with n_+ <
    √2 (p−1) √p positives sampled, which n ≈ √2 (p−1) p^(3/2) triples have, and a width of 2 n_+ or more, the interpolant of least
    norm does not fit the population. Not in Mohamadi et al. 2024; of ‖θ‖_∞, and of answers that are right by a small margin, it
    says nothing.

    Nothing that touches no other is cheaper by more than a factor (p−1)/p: with λ = (3√3/2) p/(p−1) (e_a − 1/p)(e_b − 1/p) e_c,
    whose sums over a and over b are 0, ⟨λ, f⟩ ≤ ‖θ‖³ for every neuron, by the largest singular value of λ at c, while
    ⟨λ, p at the triple⟩ = (3√3/2)(p−1).
    """

    p: int = field(7, "modulus", at_least=3)
    positives: int = field(10, "how many are memorized", at_least=1)

    tags = ("construction", "threshold")
    scales = {"laptop": {"p": 47, "positives": 300}, "full": {"p": 97, "positives": 1300}}

    def check(self, seed: int) -> list[Row]:
        """The memorizer's outputs and cost, the cost of adding, and where they meet."""
        p = self.p
        inputs = all_tuples(p, 2)
        positives = np.random.default_rng(seed).choice(p * p, min(self.positives, p * p), replace=False)
        W, V = memorizer(p, inputs[positives])
        expected = np.zeros((p * p, p))
        expected[positives] = p * answers(inputs[positives], p)
        adding, others = margin_network(p, 2), p - 1 if p % 2 else p - 2 + 1 / np.sqrt(2)
        adds = outputs(*adding, inputs)
        to_margin_p = p / smallest_margin(adds, inputs.sum(axis=1) % p)  # what norm³ is multiplied by to reach margin p
        threshold = np.sqrt(2) * others * np.sqrt(p)
        cost_of_adding, cost_of_one = group_norm(*adding) ** 3 * to_margin_p, group_norm(W, V) ** 3 / len(positives)
        return [
            Row("neurons", 2 * len(positives), V.shape[0]),
            Row("deviation: p at the memorized, 0 elsewhere", 0, deviation(outputs(W, V, inputs), expected), 1e-10 * p),
            Row("norm³ of a memorized positive", 1.5 * np.sqrt(3) * p, cost_of_one, 1e-9 * p),
            Row("norm³ of the adding network", 3 * np.sqrt(3) / np.sqrt(2) * others * p**1.5, cost_of_adding, 1e-9 * p**3),
            Row("positives from which adding is cheaper", threshold, cost_of_adding / cost_of_one, 1e-9 * threshold),
            *self._lower_bound(np.random.default_rng(seed), cost_of_one),
        ]

    def _lower_bound(self, generator: np.random.Generator, cost: float) -> list[Row]:
        """The λ above at (a, b, c) = (0, 0, 0): what neurons make of it, and what it says of the memorizer's cost."""
        p, inputs = self.p, all_tuples(self.p, 2)
        at_0 = np.eye(p)[0]
        matrix = 1.5 * np.sqrt(3) * p / (p - 1) * np.outer(at_0 - 1 / p, at_0 - 1 / p)
        target = np.zeros((p * p, p))
        target[0, 0] = p
        weights = matrix.reshape(-1, 1) * at_0  # λ at every (a, b) and c
        bound = float(np.sum(weights * target))
        neuron = best_neuron(inputs, weights, generator)
        sums = max(np.abs(matrix.sum(axis=0)).max(), np.abs(matrix.sum(axis=1)).max())
        no_more = 2 * float(np.linalg.norm(matrix, 2)) / 3**1.5  # of (u_a + v_b)² w_c only 2 u_a v_b w_c counts; ‖u‖ ‖v‖ |w_c| ≤ 3^(−3/2)
        return [
            Row("sums of λ over a and over b", 0, float(sums), 1e-12 * p),
            Row("⟨λ, f⟩ / norm³ that no neuron exceeds", 1, no_more, 1e-9),
            Row("⟨λ, f⟩ / norm³, largest by ascent", 1, p * p * mean_margin(*neuron, inputs, weights), 1e-9),
            Row("⟨λ, the memorized positive⟩", 1.5 * np.sqrt(3) * (p - 1), bound, 1e-9 * p),
            Row("norm³ of a memorized positive, beside that", bound, cost, relation=">="),
        ]


def memorizer(p: int, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(W [2, p, 2n], V [2n, p]): (s e_a ± s e_b)² times ±s e_c is 4 s³ e_c at (a, b) and 0 elsewhere."""
    s, n = (p / 4) ** (1 / 3), len(pairs)
    W, V = np.zeros((2, p, 2 * n)), np.zeros((2 * n, p))
    for i, (a, b) in enumerate(pairs):
        for j, sign in ((2 * i, 1), (2 * i + 1, -1)):
            W[0, a, j], W[1, b, j], V[j, (a + b) % p] = s, sign * s, sign * s
    return W, V
