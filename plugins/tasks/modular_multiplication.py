"""Modular multiplication: addition of discrete logarithms, with or without the factor that has none."""

from dataclasses import dataclass

from framework import Sizes, Split, Task, field, register
from plugins.tasks.residues import LARGEST, product
from plugins.tasks.tuples import tuples_from

SMALLEST = {"all": (0, 0), "first": (0, 1), "none": (1, 1)}  # zeros → smallest first factor, smallest later one


@register("modular_multiplication")
@dataclass(frozen=True, kw_only=True)
class ModularMultiplication(Task):
    """c = a_1 · … · a_k mod p (Power et al. 2022, arXiv 2201.02177).

    zeros: which factors may be 0. "all": every tuple of residues. "none": non-zero residues only, on which the product
    of a prime p is addition mod p − 1 of the discrete logarithms. "first": the first may be 0, later ones not: the data
    of the code of Grokfast (Lee et al. 2024, arXiv 2405.20233), which calls this product a division.
    Inputs int32 [n, k], targets int32 [n]. Any modulus: in a composite one non-zero factors can give 0.
    """

    p: int = field(97, "modulus", at_least=2, at_most=LARGEST)
    k: int = field(2, "number of factors", at_least=1, at_most=16)
    zeros: str = field("all", "which factors may be 0", choices=tuple(SMALLEST))

    @property
    def sizes(self) -> Sizes:
        """K tokens, p values, p outputs, whether or not 0 occurs."""
        return Sizes(tokens=self.k, values=self.p, outputs=self.p)

    def population(self) -> Split:
        """All tuples of the factors allowed, in lexicographic order. Raises FieldError beyond 2^27 of them."""
        first, later = SMALLEST[self.zeros]
        inputs = tuples_from((first, *[later] * (self.k - 1)), self.p)
        return Split(inputs, product(inputs, self.p))
