"""Float64, the precision of matrix products, and what else of JAX's settings would change numbers, as a scope.

One process may hold experiments of several precisions, and JAX's environment variables may say anything.
"""

import contextlib
from collections.abc import Iterator

import jax

from framework.config import Numerics


@contextlib.contextmanager
def precision(numerics: Numerics) -> Iterator[None]:
    """Inside, new arrays have the precision that the config asks for, and matrix products too; keys and dtypes are JAX's usual ones."""
    with jax.enable_x64(numerics.precision == "float64"), jax.default_matmul_precision(numerics.matmul), _usual():
        yield


@contextlib.contextmanager
def _usual() -> Iterator[None]:
    with (
        jax.default_prng_impl("threefry2x32"),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
        jax.disable_jit(False),  # without compilation each step has other bits, and takes a thousand times as long
        jax.debug_nans(False),  # a run that diverges ends as one that does, and not in a traceback
        jax.debug_infs(False),
    ):
        yield
