"""Modular addition as classification: k summands in, their sum mod p out."""

from dataclasses import dataclass

import jax.numpy as jnp

from framework import Sizes, Split, Task, field, register
from plugins.tasks.tuples import all_tuples


@register("modular_addition")
@dataclass(frozen=True, kw_only=True)
class ModularAddition(Task):
    """c = a_1 + … + a_k mod p, over all p^k tuples (paper.md, section 1; classification in Mohamadi et al. 2024).

    Inputs int32 [n, k] of residues, targets int32 [n]. Loss "square" compares the p outputs with the one-hot answer and
    takes the mean over n·p, as Gromov 2023 and Doshi et al. 2023 do.
    """

    p: int = field(47, "modulus", at_least=2, at_most=46_340)  # sums and products of residues fit int32
    k: int = field(2, "number of summands", at_least=1, at_most=16)

    @property
    def sizes(self) -> Sizes:
        """K tokens, p values, p outputs."""
        return Sizes(tokens=self.k, values=self.p, outputs=self.p)

    def population(self) -> Split:
        """All p^k tuples in lexicographic order. Raises FieldError beyond 2^27 of them."""
        inputs = all_tuples(self.p, self.k)
        return Split(inputs, jnp.sum(inputs, axis=1, dtype=jnp.int32) % self.p)
