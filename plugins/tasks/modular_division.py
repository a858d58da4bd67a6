"""Modular division: the first token over the others, modulo a prime."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Int

from framework import Group, field, register
from framework.errors import FieldError
from plugins.mathematics.modular import LARGEST, ResidueTask, is_prime, nearest_prime, non_zero_residues, power, product


@register("modular_division")
@dataclass(frozen=True, kw_only=True)
class ModularDivision(ResidueTask):
    """c = a_1 / (a_2 · … · a_k) mod p for a prime p, a_1 any residue, divisors not 0 (Power et al. 2022, arXiv 2201.02177).

    An inverse is b^{p−2} (Fermat). With k = 2 there are p (p − 1) pairs. What Grokfast's code calls division is a product:
    modular_multiplication with zeros=first. Inputs int32 [n, k], targets int32 [n]. Raises FieldError unless p is prime.
    """

    p: int = field(97, "modulus, a prime", at_least=2, at_most=LARGEST)
    k: int = field(2, "number of tokens: the dividend and its divisors", at_least=2, at_most=16)

    def __post_init__(self) -> None:
        """Also checks that p is prime."""
        super().__post_init__()
        if not is_prime(self.p):
            rule = f"must be a prime, where every residue but 0 has an inverse; the nearest is {nearest_prime(self.p)}"
            raise FieldError("p", self.p, rule)

    @property
    def smallest(self) -> tuple[int, ...]:
        """Divisors are not 0."""
        return (0,) + (1,) * (self.k - 1)

    def answers(self, inputs: Int[Array, "n k"]) -> Int[Array, " n"]:
        """a_1 times the inverse of the product of the others."""
        inverse = power(jnp.arange(self.p, dtype=jnp.int32), self.p - 2, self.p)
        return inputs[:, 0] * inverse[product(inputs[:, 1:], self.p)] % self.p

    def group(self) -> Group:
        """The non-zero residues, by discrete logarithms; with p = 2, where there is one, the residues in order."""
        if self.p == 2:
            return super().group()
        return non_zero_residues(self.p, "a / b / c" if self.k == 2 else "a₁ / (a₂ … aₖ c)")
