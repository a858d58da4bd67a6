"""One integer seeds everything. Each use takes a named fold of it, so a new use changes no number elsewhere."""

import zlib

import jax
import numpy as np
from jaxtyping import PRNGKeyArray


def fold(seed: int, *names: str) -> PRNGKeyArray:
    """The key for one use, which is named in words: ("init",), ("probe", "drift")."""
    ours = seed - getattr(jax.config, "jax_random_seed_offset", 0)  # which JAX_RANDOM_SEED_OFFSET would add to every seed
    return jax.random.fold_in(jax.random.key(ours, impl="threefry2x32"), _number(names))


def host_generator(seed: int, *names: str) -> np.random.Generator:
    """A NumPy generator for work on the host, such as drawing the training sample."""
    return np.random.default_rng([seed, _number(names)])


def _number(names: tuple[str, ...]) -> int:
    return zlib.crc32("/".join(names).encode())
