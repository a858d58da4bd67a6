"""Residues mod p: tasks on tuples of them, the tuples in order, and exact arithmetic in int32.

Every step of the arithmetic is reduced, so that nothing overflows for p up to 46,340.
"""

import abc
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from framework import Group, Sizes, Split, Task, field
from framework.errors import FieldError

LARGEST = 46_340  # p² < 2^31: the product of two residues fits int32
LIMIT = 2**27  # tuples held in memory at once


@dataclass(frozen=True, kw_only=True)
class ResidueTask(Task):
    """A tuple of k residues in, a residue out: all tuples in lexicographic order, inputs int32 [n, k], targets int32 [n]."""

    p: int = field(97, "modulus", at_least=2, at_most=LARGEST)
    k: int = field(2, "number of summands", at_least=1, at_most=16)

    @property
    def smallest(self) -> tuple[int, ...]:
        """For each token the smallest value that it takes: 0, or 1 where the operation is not defined on zeros."""
        return (0,) * self.k

    @abc.abstractmethod
    def answers(self, inputs: Int[Array, "n k"]) -> Int[Array, " n"]:
        """The answer for each tuple, int32, in 0 … p−1."""

    @property
    def sizes(self) -> Sizes:
        """As many tokens as a tuple has, p values and p outputs, whether or not 0 occurs."""
        return Sizes(tokens=len(self.smallest), values=self.p, outputs=self.p)

    def population(self) -> Split:
        """All tuples in lexicographic order. Raises FieldError beyond 2^27 of them."""
        inputs = tuples_from(self.smallest, self.p)
        return Split(inputs, self.answers(inputs))


def all_tuples(p: int, length: int) -> Int[Array, "n length"]:
    """All p^length tuples in lexicographic order, int32. Raises FieldError beyond 2^27 of them."""
    return tuples_from((0,) * length, p)


def tuples_from(smallest: Sequence[int], p: int) -> Int[Array, "n length"]:
    """All tuples with smallest_i ≤ a_i < p in lexicographic order, int32. Raises FieldError beyond 2^27 of them.

    smallest: 0 or 1 for each position, to leave out zeros where an operation is not defined on them.
    """
    count, length = 1, len(smallest)
    places = np.ones(length, np.int64)
    for i in reversed(range(length)):
        places[i], count = min(count, LIMIT), count * (p - smallest[i])
    if count > LIMIT:
        zeros = sum(1 for low in smallest if low == 0)
        number = " · ".join(f"{size}^{times}" for size, times in ((p, zeros), (p - 1, length - zeros)) if times)
        raise FieldError("p", p, f"{number} tuples are more than the {LIMIT:,} that are enumerated; take a smaller p or k")
    digits = np.arange(count)[:, None] // places % (p - np.array(smallest))
    return jnp.asarray((digits + np.array(smallest)).astype(np.int32))


def decode(numbers: Int[np.ndarray, " n"], p: int, length: int) -> Int[np.ndarray, "n length"]:
    """The tuples with these numbers, int32: tuple (a_1, …, a_m) is number Σ a_i p^(m−i)."""
    places = p ** np.arange(length - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // places % p).astype(np.int32)


def weighted_sum(inputs: Int[Array, "n k"], coefficients: Sequence[int], p: int) -> Int[Array, " n"]:
    """Σ c_i a_i mod p for integers c_i of any size and sign."""
    total = jnp.zeros(inputs.shape[0], jnp.int32)
    for i, coefficient in enumerate(coefficients):
        total = (total + coefficient % p * inputs[:, i] % p) % p
    return total


def product(inputs: Int[Array, "n k"], p: int) -> Int[Array, " n"]:
    """a_1 · … · a_k mod p."""
    total = inputs[:, 0] % p
    for i in range(1, inputs.shape[1]):
        total = total * inputs[:, i] % p
    return total


def power(base: Int[Array, " n"], exponent: int, p: int) -> Int[Array, " n"]:
    """base^exponent mod p by repeated squaring; exponent ≥ 0, and 0^0 = 1."""
    result = jnp.ones_like(base)
    square = base % p
    while exponent:
        result = result * square % p if exponent & 1 else result
        square, exponent = square * square % p, exponent >> 1
    return result


def primitive_root(p: int) -> int:
    """The smallest g whose powers are all non-zero residues mod a prime p."""
    divisors = [q for q in range(2, p) if (p - 1) % q == 0 and is_prime(q)]
    return next(g for g in range(1, p) if all(pow(g, (p - 1) // q, p) != 1 for q in divisors))


def non_zero_residues(p: int, quotient: str) -> Group:
    """Multiplication mod a prime p > 2: element x is g^x for the smallest primitive root g. 0 is none: it has no logarithm."""
    g = primitive_root(p)
    powers = np.array(list(itertools.accumulate(range(p - 2), lambda power, _: power * g % p, initial=1)))
    return Group(powers, quotient=quotient, coordinate=f"logarithm to base {g}")


def in_words(coefficients: Sequence[int]) -> str:
    """Σ c_i a_i − c, for two summands as "a + 3b − c"."""
    if len(coefficients) > 2:
        return "Σ aᵢ − c" if set(coefficients) == {1} else "Σ cᵢaᵢ − c"
    pairs = zip(coefficients, "ab", strict=False)
    terms = [f"{'−' if c < 0 else '+'} {'' if abs(c) == 1 else abs(c)}{name}" for c, name in pairs]
    return f"{' '.join(terms).removeprefix('+ ')} − c"


def is_prime(p: int) -> bool:
    """Whether p is prime, by trial division."""
    return p >= 2 and all(p % divisor for divisor in range(2, math.isqrt(p) + 1))


def nearest_prime(p: int, at_most: int = LARGEST) -> int:
    """The prime that is nearest to p among those up to `at_most`; of two, the smaller."""
    for distance in range(at_most):
        for candidate in (p - distance, p + distance):
            if candidate <= at_most and is_prime(candidate):
                return candidate
    raise ValueError(f"there is no prime up to {at_most}")


def linear_rule(inputs: Shaped[np.ndarray, "n k"], labels: Shaped[np.ndarray, " n"], p: int) -> Int[np.ndarray, " k"] | None:
    """(c_1, …, c_k) with label ≡ Σ c_i a_i mod p on all these points, for theory about addition; else None.

    Plain sums are found on any points. Other coefficients are read off where one token is 1 and the others 0, so those
    points must be there, as they are in a population of all tuples.
    """
    n, k = inputs.shape
    size = np.sum(inputs, axis=1)
    at_ones = [int(np.argmax((size == 1) & (inputs[:, i] == 1))) for i in range(k)] if n else []
    read_off = [int(labels[i]) for i in at_ones]
    for coefficients in ([1] * k, read_off):
        total = np.zeros(n, np.int64)
        for i, coefficient in enumerate(coefficients):
            total += coefficient * inputs[:, i].astype(np.int64)
        if n and np.all((labels - total) % p == 0):
            return np.array(coefficients, np.int32)
    return None
