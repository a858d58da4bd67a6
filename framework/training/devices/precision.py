"""Float64 and the precision of matrix products, as a scope: one process may hold experiments of both kinds."""

import contextlib
from collections.abc import Iterator

import jax

from framework.config import Numerics


@contextlib.contextmanager
def precision(numerics: Numerics) -> Iterator[None]:
    """Inside, new arrays have the precision that the config asks for, and matrix products too."""
    with jax.enable_x64(numerics.precision == "float64"), jax.default_matmul_precision(numerics.matmul):
        yield
