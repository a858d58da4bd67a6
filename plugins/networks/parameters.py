"""What the parameters of a network are: matrices, and in two layers on one-hot tuples the weights of single neurons."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from framework.training import leaf_name


def two_layer(params: Any) -> tuple[Float[Array, "k p h"], Float[Array, "h q"]] | None:
    """(W [k, p, h], V [h, q]) of parameters with just these two leaves, such as the quadratic network's; else None."""
    if not isinstance(params, dict) or set(params) != {"W", "V"}:
        return None
    W, V = params["W"], params["V"]
    return (W, V) if jnp.ndim(W) == 3 and jnp.ndim(V) == 2 and W.shape[2] == V.shape[0] else None


def neuron_norms(W: Float[Array, "k p h"], V: Float[Array, "h q"]) -> Float[Array, " h"]:
    """‖(W row, V column)‖₂ of each neuron: all k first-layer blocks and the output vector in one vector.

    Divided by the largest entry before squaring: squares of 1e-22 underflow in float32. The gradient is the neuron's
    direction, and 0 where the neuron is 0.
    """
    largest = jax.lax.stop_gradient(jnp.maximum(jnp.max(jnp.abs(W), axis=(0, 1)), jnp.max(jnp.abs(V), axis=1)))
    alive = largest > 0
    safe = jnp.where(alive, largest, 1)
    squares = jnp.sum((W / safe) ** 2, axis=(0, 1)) + jnp.sum((V / safe[:, None]) ** 2, axis=1)
    return jnp.where(alive, safe * jnp.sqrt(jnp.where(alive, squares, 1)), 0)


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
