"""Multiplication of permutations."""

import math
from dataclasses import dataclass

import numpy as np

from framework import Group, field, register
from plugins.mathematics.groups import conjugation, permutation_table, permutations
from plugins.mathematics.representations import alternating, symmetric
from plugins.mathematics.tables import Table, TableTask


@register("symmetric_group")
@dataclass(frozen=True, kw_only=True)
class SymmetricGroup(TableTask):
    """x y in S_n, or x y x^{−1} or x y x (Power et al. 2022, arXiv 2201.02177, with n = 5: 120 elements, 14,400 pairs).

    (xy)(i) = x(y(i)). Elements are numbered in the lexicographic order of (x(0), …, x(n−1)), the identity is 0. The
    alternating group A_n has the even permutations only (Chughtai et al. 2023, arXiv 2302.03025: S_5, S_6, A_5).
    Inputs int32 [|G|², 2], targets int32 [|G|²].
    """

    n: int = field(5, "number of things that are permuted; S_7 has 25 million pairs", at_least=2, at_most=7)
    operation: str = field("xy", "what is asked of a pair (x, y)", choices=("xy", "xyx^-1", "xyx"))
    alternating: bool = field(False, "use the even permutations only, A_n")

    @property
    def elements(self) -> int:
        """n!, or half as many."""
        return math.factorial(self.n) // (2 if self.alternating else 1)

    @property
    def table(self) -> Table:
        """The table of the operation, with permutations in lexicographic order."""
        table = permutation_table(permutations(self.n, self.alternating))
        return table if self.operation == "xy" else conjugation(table, self.operation == "xyx^-1")

    def group(self) -> Group:
        """S_n or A_n, whatever is asked of a pair; representations by their partitions, such as (2,1)."""
        if self.elements == 1:
            return super().group()
        representations = alternating(self.n) if self.alternating else symmetric(self.n)
        words = {"xy": "a b", "xyx^-1": "a b a⁻¹", "xyx": "a b a"}
        table = permutation_table(permutations(self.n, self.alternating))
        return Group(np.arange(self.elements), table, representations, f"{words[self.operation]} c⁻¹")
