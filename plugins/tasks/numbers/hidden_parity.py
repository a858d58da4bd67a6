"""The parity of a few of many signs: which ones must be found out."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from framework import Sizes, Split, field, register
from framework.errors import FieldError
from plugins.tasks.sparse_parity import distinct_bits
from plugins.vectors.drawn import DrawnTask


@register("hidden_parity")
@dataclass(frozen=True, kw_only=True)
class HiddenParity(DrawnTask):
    """Whether ∏_{i ∈ S} x_i is −1, for x in {±1}^dimension and a set S of `relevant` places (Barak et al. 2022, arXiv 2207.08799).

    S and the inputs, which are distinct, are drawn from one seed. The population is finite, where the paper draws fresh samples at
    every step. With tokens 0 and 1 in place of signs it is sparse_parity. Inputs float [n, dimension], targets int32 [n]: 1 for −1.
    """

    dimension: int = field(40, "number of signs in an input", at_least=1, at_most=1_000)
    relevant: int = field(3, "number of signs whose product is asked", at_least=1)

    def __post_init__(self) -> None:
        """Also checks that there are so many signs, and so many inputs."""
        super().__post_init__()
        if self.relevant > self.dimension:
            raise FieldError("relevant", self.relevant, f"must be at most dimension = {self.dimension}")
        if self.points > 2**self.dimension:
            raise FieldError("points", self.points, f"must be at most the {2**self.dimension:,} inputs of {self.dimension} signs")

    @property
    def sizes(self) -> Sizes:
        """Vectors of signs, two answers."""
        return Sizes(shape=(self.dimension,), outputs=2)

    def drawn(self, generator: np.random.Generator) -> Split:
        """Places that count, then inputs in lexicographic order, and the parity of their −1 at those places."""
        places = generator.choice(self.dimension, self.relevant, replace=False)
        bits = distinct_bits(generator, self.dimension, self.points)
        labels = np.sum(bits[:, places], axis=1, dtype=np.int32) % 2
        return Split(jnp.asarray(1.0 - 2 * bits), jnp.asarray(labels))
