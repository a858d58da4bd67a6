"""Cosines and sines in a finite field, where the construction of appendix F is checked without rounding."""

import numpy as np
from jaxtyping import Int

from plugins.mathematics.modular import is_prime


def field_with_roots(p: int) -> tuple[int, int, int]:
    """(prime q ≡ 1 mod 4p with q < 2^31, element of order p, square root of −1), so that products fit into int64."""
    q = 4 * p + 1
    while not is_prime(q) or q < 10_000:
        q += 4 * p
    generator = next(g for g in range(2, q) if all(pow(g, (q - 1) // d, q) != 1 for d in _prime_factors(q - 1)))
    return q, pow(generator, (q - 1) // p, q), pow(generator, (q - 1) // 4, q)


def field_waves(p: int, q: int, root: int, unit: int) -> dict[str, Int[np.ndarray, "p p"]]:
    """cos and sin of 2πfn/p as elements of the field, int64 [f, n]: (ζ^(fn) ± ζ^(−fn)) / 2 and / 2i."""
    powers = np.array([pow(root, n, q) for n in range(p)], np.int64)
    product = np.outer(np.arange(p), np.arange(p)) % p
    plus, minus = powers[product], powers[-product % p]
    return {"cos": (plus + minus) * pow(2, -1, q) % q, "sin": (plus - minus) * pow(2 * unit, -1, q) % q}


def _prime_factors(number: int) -> set[int]:
    found, d = set(), 2
    while d * d <= number:
        while number % d == 0:
            found.add(d)
            number //= d
        d += 1
    return found | ({number} if number > 1 else set())
