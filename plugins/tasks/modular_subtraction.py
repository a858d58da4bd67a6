"""Modular subtraction: like addition, but the order of the tokens matters."""

from dataclasses import dataclass

from framework import Sizes, Split, Task, field, register
from plugins.tasks.residues import LARGEST, weighted_sum
from plugins.tasks.tuples import all_tuples


@register("modular_subtraction")
@dataclass(frozen=True, kw_only=True)
class ModularSubtraction(Task):
    """c = a_1 − a_2 − … − a_k mod p, over all p^k tuples (Power et al. 2022, arXiv 2201.02177, with p = 97, k = 2).

    Inputs int32 [n, k] of residues, targets int32 [n]. Any modulus.
    """

    p: int = field(97, "modulus", at_least=2, at_most=LARGEST)
    k: int = field(2, "tokens: the first, and what is taken from it", at_least=2, at_most=16)

    @property
    def sizes(self) -> Sizes:
        """K tokens, p values, p outputs."""
        return Sizes(tokens=self.k, values=self.p, outputs=self.p)

    def population(self) -> Split:
        """All p^k tuples in lexicographic order. Raises FieldError beyond 2^27 of them."""
        inputs = all_tuples(self.p, self.k)
        return Split(inputs, weighted_sum(inputs, (1,) + (-1,) * (self.k - 1), self.p))
