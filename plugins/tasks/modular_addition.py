"""Modular addition and subtraction as classification: k residues in, their sum or difference mod p out."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Int

from framework import Group, field, register
from framework.errors import FieldError
from plugins.mathematics.modular import LARGEST, ResidueTask, in_words, weighted_sum


@register("modular_addition")
@dataclass(frozen=True, kw_only=True)
class ModularAddition(ResidueTask):
    """c = c_1 a_1 + … + c_k a_k mod p, over all p^k tuples; every c_i is 1 unless coefficients are given.

    Inputs int32 [n, k] of residues, targets int32 [n]. Loss "square" compares the p outputs with the one-hot answer and takes
    the mean over n·p, as Gromov 2023 and Doshi et al. 2023 do. Any modulus; a coefficient that has no inverse mod p leaves
    some answers out. Sources: Mohamadi et al. 2024, classification; Doshi et al. 2024 (arXiv 2406.03495) for coefficients.
    Raises FieldError unless there are as many coefficients as summands.
    """

    p: int = field(47, "modulus", at_least=2, at_most=LARGEST)
    coefficients: tuple[int, ...] = field((), "c_1, …, c_k, integers of any sign; none: all are 1")

    def __post_init__(self) -> None:
        """Also checks that each summand has a coefficient."""
        super().__post_init__()
        if self.coefficients and len(self.coefficients) != self.k:
            rule = f"has {len(self.coefficients)} numbers; there must be one for each of the k = {self.k} summands, or none"
            raise FieldError("coefficients", self.coefficients, rule)

    def answers(self, inputs: Int[Array, "n k"]) -> Int[Array, " n"]:
        """Σ c_i a_i mod p."""
        return weighted_sum(inputs, self.coefficients or (1,) * self.k, self.p)

    def group(self) -> Group:
        """The residues under addition."""
        return Group(np.arange(self.p), quotient=in_words(self.coefficients or (1,) * self.k))


@register("modular_subtraction")
@dataclass(frozen=True, kw_only=True)
class ModularSubtraction(ResidueTask):
    """c = a_1 − a_2 − … − a_k mod p, over all p^k tuples (Power et al. 2022, arXiv 2201.02177, with p = 97, k = 2).

    Inputs int32 [n, k] of residues, targets int32 [n]. Any modulus.
    """

    k: int = field(2, "number of tokens: the first, and those taken from it", at_least=2, at_most=16)

    def answers(self, inputs: Int[Array, "n k"]) -> Int[Array, " n"]:
        """a_1 − a_2 − … mod p."""
        return weighted_sum(inputs, (1,) + (-1,) * (self.k - 1), self.p)

    def group(self) -> Group:
        """The residues under addition."""
        return Group(np.arange(self.p), quotient=in_words((1,) + (-1,) * (self.k - 1)))
