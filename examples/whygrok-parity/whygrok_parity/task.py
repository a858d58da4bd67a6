"""The parity of a few of many bits: which ones must be found out."""

from dataclasses import dataclass

import jax.numpy as jnp

from framework import Sizes, Split, Task, field, register
from framework.errors import FieldError


@register("chosen_parity")
@dataclass(frozen=True, kw_only=True)
class ChosenParity(Task):
    """x_i + … + x_j mod 2 over the bits whose places are `hidden` (Barak et al. 2022, arXiv 2207.08799).

    Inputs int32 [2^bits, bits] of 0 and 1, targets int32 [2^bits]. Raises FieldError for a place that is not there.
    """

    bits: int = field(10, "length of an input", at_least=1, at_most=20)
    hidden: tuple[int, ...] = field((1, 4, 8), "places of the bits that count, from 0", at_least=0)

    def __post_init__(self):
        """Also checks that the places are there, each once."""
        super().__post_init__()
        if len(set(self.hidden)) < len(self.hidden) or any(place >= self.bits for place in self.hidden):
            raise FieldError("hidden", self.hidden, f"must be different places below bits = {self.bits}")

    @property
    def sizes(self):
        """Each bit is a token; two answers."""
        return Sizes(tokens=self.bits, values=2, outputs=2)

    def population(self):
        """All inputs in lexicographic order."""
        numbers = jnp.arange(2**self.bits, dtype=jnp.int32)
        inputs = numbers[:, None] >> jnp.arange(self.bits - 1, -1, -1, dtype=jnp.int32) & 1
        return Split(inputs, jnp.sum(inputs[:, jnp.array(self.hidden, jnp.int32)], axis=1, dtype=jnp.int32) % 2)
