"""Which axes of a parameter are a matrix's input and which its output."""

from typing import Any

import jax.numpy as jnp

from framework.training.state import leaf_name


def matrix_axes(path: tuple, leaf: Any) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """(input axes, output axes) of a tensor in a network; None for vectors and biases.

    W [k, p, h] is kp × h; the attention kernels [d, heads, d_head] of queries, keys and values are d × d, that of the output,
    [heads, d_head, d], too; a bias is a vector, whatever its shape.
    """
    names = leaf_name(path).split(".")
    axes = tuple(range(jnp.ndim(leaf)))
    if len(axes) < 2 or "bias" in names or "biases" in names:
        return None
    into_heads = len(axes) == 3 and any(name in ("query", "key", "value") for name in names)
    cut = 1 if into_heads else len(axes) - 1
    return axes[:cut], axes[cut:]
