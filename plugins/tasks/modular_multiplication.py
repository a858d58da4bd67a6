"""Modular multiplication: addition of discrete logarithms, with or without the factor that has none."""

from dataclasses import dataclass

from jaxtyping import Array, Int

from framework import Group, field, register
from plugins.mathematics.modular import ResidueTask, is_prime, non_zero_residues, product

SMALLEST = {"all": (0, 0), "first": (0, 1), "none": (1, 1)}  # zeros → smallest first factor, smallest later one


@register("modular_multiplication")
@dataclass(frozen=True, kw_only=True)
class ModularMultiplication(ResidueTask):
    """c = a_1 · … · a_k mod p (Power et al. 2022, arXiv 2201.02177).

    zeros: which factors may be 0. "all": every tuple of residues. "none": non-zero residues only, on which the product
    of a prime p is addition mod p − 1 of the discrete logarithms. "first": the first may be 0, later ones not: the data
    of the code of Grokfast (Lee et al. 2024, arXiv 2405.20233), which calls this product a division.
    Inputs int32 [n, k], targets int32 [n]. Any modulus: in a composite one non-zero factors can give 0.
    """

    k: int = field(2, "number of factors", at_least=1, at_most=16)
    zeros: str = field("all", "which factors may be 0", choices=tuple(SMALLEST))

    @property
    def smallest(self) -> tuple[int, ...]:
        """The smallest values that `zeros` allows."""
        first, later = SMALLEST[self.zeros]
        return (first, *[later] * (self.k - 1))

    def answers(self, inputs: Int[Array, "n k"]) -> Int[Array, " n"]:
        """a_1 · … · a_k mod p."""
        return product(inputs, self.p)

    def group(self) -> Group:
        """The non-zero residues of a prime by discrete logarithms; in another modulus they are no group: all residues in order."""
        if not is_prime(self.p) or self.p == 2:
            return super().group()
        return non_zero_residues(self.p, "a b / c" if self.k == 2 else "Π aᵢ / c")
