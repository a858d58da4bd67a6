"""The largest margin that any network of the group norm 1 can have, and a network that has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial
from typing import Any, ClassVar

import numpy as np

from framework import Claim, Row, field, register
from plugins.claims.networks import all_tuples, group_norm, outputs, smallest_margin, summand_network


@register("max_margin")
@dataclass(frozen=True, kw_only=True)
class MaxMargin(Claim):
    """γ* = 2 k! / ((2k+2)^((k+1)/2) (p−1) p^((k−1)/2)) on the whole population, at ‖θ‖_{2,k+1} = 1, p > 2 prime.

    Morwani et al. 2024 (arXiv 2311.07568; general k: arXiv 2402.09469), with 2^(2k−2) (p−1) neurons. Attained by the
    frequencies 1 … (p−1)/2 of the construction for k summands; nothing that is tried near it, or drawn, has more.
    """

    p: int = field(5, "modulus, a prime above 2", at_least=3)
    most: int = field(4, "the largest k", at_least=2, at_most=5)
    tries: int = field(200, "networks near the construction", at_least=1)

    tags: ClassVar[tuple[str, ...]] = ("margin", "k summands")
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {"laptop": {"p": 7, "tries": 2000}, "full": {"p": 11, "tries": 2000}}

    def check(self, seed: int) -> list[Row]:
        """For each k: neurons and margin of the construction, and the largest margin found around it."""
        rows, generator = [], np.random.default_rng(seed)
        for k in range(2, self.most + 1):
            inputs = all_tuples(self.p, k)
            labels = inputs.sum(axis=1) % self.p
            W, V = summand_network(self.p, k, range(1, (self.p + 1) // 2))
            best = 2 * factorial(k) / ((2 * k + 2) ** ((k + 1) / 2) * (self.p - 1) * self.p ** ((k - 1) / 2))

            def margin(W: np.ndarray, V: np.ndarray, inputs: np.ndarray = inputs, labels: np.ndarray = labels) -> float:
                return smallest_margin(outputs(W, V, inputs), labels) / group_norm(W, V) ** (len(W) + 1)

            tries = self.tries if k == 2 else min(self.tries, 20)
            near = [margin(*(x + generator.normal(0, 0.1, x.shape) for x in (W, V))) for _ in range(tries)]
            rows += [
                Row(f"k = {k}: neurons", 2 ** (2 * k - 2) * (self.p - 1), V.shape[0]),
                Row(f"k = {k}: margin of the construction", best, margin(W, V), 1e-12),
                Row(f"k = {k}: largest margin of {tries} networks near it", best, max(near), 1e-12, relation="<="),
            ]
        return rows
