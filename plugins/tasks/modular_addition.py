"""Modular addition as classification: k summands in, their sum mod p out."""

from dataclasses import dataclass

from framework import Sizes, Split, Task, field, register
from framework.errors import FieldError
from plugins.tasks.residues import LARGEST, weighted_sum
from plugins.tasks.tuples import all_tuples


@register("modular_addition")
@dataclass(frozen=True, kw_only=True)
class ModularAddition(Task):
    """c = c_1 a_1 + … + c_k a_k mod p, over all p^k tuples; every c_i is 1 unless coefficients are given.

    Inputs int32 [n, k] of residues, targets int32 [n]. Loss "square" compares the p outputs with the one-hot answer and
    takes the mean over n·p, as Gromov 2023 and Doshi et al. 2023 do. Any modulus; a coefficient that has no inverse mod
    p leaves some answers out. Sources: paper.md, section 1 (classification in Mohamadi et al. 2024); Doshi et al. 2024
    (arXiv 2406.03495) for coefficients. Raises FieldError unless there are as many coefficients as summands.
    """

    p: int = field(47, "modulus", at_least=2, at_most=LARGEST)
    k: int = field(2, "number of summands", at_least=1, at_most=16)
    coefficients: tuple[int, ...] = field((), "c_1, …, c_k, integers of any sign; none: all are 1")

    def __post_init__(self) -> None:
        """Also checks that each summand has a coefficient."""
        super().__post_init__()
        if self.coefficients and len(self.coefficients) != self.k:
            rule = f"has {len(self.coefficients)} numbers; there must be one for each of the k = {self.k} summands, or none"
            raise FieldError("coefficients", self.coefficients, rule)

    @property
    def sizes(self) -> Sizes:
        """K tokens, p values, p outputs."""
        return Sizes(tokens=self.k, values=self.p, outputs=self.p)

    def population(self) -> Split:
        """All p^k tuples in lexicographic order. Raises FieldError beyond 2^27 of them."""
        inputs = all_tuples(self.p, self.k)
        return Split(inputs, weighted_sum(inputs, self.coefficients or (1,) * self.k, self.p))
