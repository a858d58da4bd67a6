"""The parity of a few of many bits: they say nothing unless all of them are known."""

import dataclasses
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from framework import Sizes, Split, Splits, Task, field, register, seeds
from framework.errors import FieldError
from framework.fields import evaluate

LIMIT = 2**20  # inputs in a population


@register("sparse_parity")
@dataclass(frozen=True, kw_only=True)
class SparseParity(Task):
    """c = x_1 + … + x_relevant mod 2 for bits x_1, …, x_bits (Barak et al. 2022, arXiv 2207.08799).

    Bit b is the sign (−1)^b of the paper, and parity the product of signs. The relevant bits are the first ones: a
    network whose initialization is the same for every position cannot tell. The population is finite, all 2^bits inputs
    or `population_size` distinct ones drawn at random; the paper's fresh samples at every step are another setting.
    Prieto et al. 2025 (arXiv 2501.04697): bits=43, relevant=3, population_size=2000, train_size=50%.
    Inputs int32 [n, bits] of tokens 0 and 1, targets int32 [n]. Raises FieldError for more than 2^20 inputs.
    """

    bits: int = field(10, "number of tokens in an input", at_least=1, at_most=1_000)
    relevant: int = field(3, "number of bits whose parity is asked: the first ones", at_least=1)
    population_size: str = field("2^bits", "inputs in the population, distinct and drawn at random unless they are all", expression=True)
    population_seed: int | None = field(None, "seed of the drawn inputs; none: the run's, so that each seed has its own", at_least=0)

    def __post_init__(self) -> None:
        """Also checks that the relevant bits are there."""
        super().__post_init__()
        if self.relevant > self.bits:
            raise FieldError("relevant", self.relevant, f"must be at most bits = {self.bits}")

    @property
    def sizes(self) -> Sizes:
        """A token for each bit, 2 values, 2 outputs."""
        return Sizes(tokens=self.bits, values=2, outputs=2)

    def population(self) -> Split:
        """The inputs in lexicographic order, if they are drawn, those of population_seed (0 where it is none)."""
        generator = seeds.host_generator(self.population_seed or 0, "points")
        inputs = distinct_bits(generator, self.bits, self._count())
        return Split(jnp.asarray(inputs), jnp.asarray(np.sum(inputs[:, : self.relevant], axis=1, dtype=np.int32) % 2))

    def splits(self, seed: int) -> Splits:
        """The sample for this seed, from the inputs of this seed unless population_seed is given."""
        if self.population_seed is None:
            return dataclasses.replace(self, population_seed=seed).splits(seed)
        return super().splits(seed)

    def _count(self) -> int:
        try:
            count = evaluate(self.population_size, {"bits": self.bits, "relevant": self.relevant})
        except ValueError as error:
            raise FieldError("population_size", self.population_size, str(error)) from None
        most = min(LIMIT, 2**self.bits)
        if not 1 <= count <= most:
            hint = "; take fewer, such as population_size=2000" if count > most and most == LIMIT else ""
            rule = f"is {float(count):.7g} inputs; it must be between 1 and {most:,} for {self.bits} bits{hint}"
            raise FieldError("population_size", self.population_size, rule)
        return count


def distinct_bits(generator: np.random.Generator, bits: int, count: int) -> Int[np.ndarray, "n bits"]:
    """`count` different rows of bits, int32, in lexicographic order, all such sets equally likely."""
    if bits <= 62:
        numbers = np.arange(count) if count == 2**bits else np.sort(generator.choice(2**bits, count, replace=False, shuffle=False))
        return (numbers[:, None] >> np.arange(bits - 1, -1, -1) & 1).astype(np.int32)
    rows = np.empty((0, bits), np.uint8)
    while len(rows) < count:  # two rows of 63 bits or more are equal once in 2^63
        more = generator.integers(0, 2, (count - len(rows), bits), np.uint8)
        rows = np.unique(np.concatenate([rows, more]), axis=0)
    return rows.astype(np.int32)
