"""Exact arithmetic mod p in int32: every step is reduced, so that nothing overflows for p up to 46,340."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Int

LARGEST = 46_340  # p² < 2^31: the product of two residues fits int32


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


def is_prime(p: int) -> bool:
    """By trial division."""
    return p >= 2 and all(p % divisor for divisor in range(2, math.isqrt(p) + 1))


def nearest_prime(p: int, at_most: int = LARGEST) -> int:
    """The prime that is nearest to p among those up to `at_most`; of two, the smaller."""
    for distance in range(at_most):
        for candidate in (p - distance, p + distance):
            if candidate <= at_most and is_prime(candidate):
                return candidate
    raise ValueError(f"there is no prime up to {at_most}")
