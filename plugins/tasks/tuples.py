"""Tuples of residues, numbered in lexicographic order, as itertools.product counts."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from framework.errors import FieldError

LIMIT = 2**27  # tuples held in memory at once


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
