"""Tuples of residues, numbered: tuple (a_1, …, a_m) is number Σ a_i p^(m−i), as itertools.product counts."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from framework.errors import FieldError

LIMIT = 2**27  # tuples held in memory at once


def all_tuples(p: int, length: int) -> Int[Array, "n length"]:
    """All p^length tuples in lexicographic order, int32. Raises FieldError beyond 2^27 of them."""
    if p**length > LIMIT:
        raise FieldError("p", p, f"{p}^{length} tuples are more than the {LIMIT:,} that are enumerated; take a smaller p or k")
    return jnp.asarray(decode(np.arange(p**length), p, length))


def decode(numbers: Int[np.ndarray, " n"], p: int, length: int) -> Int[np.ndarray, "n length"]:
    """The tuples with these numbers, int32."""
    places = p ** np.arange(length - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // places % p).astype(np.int32)
