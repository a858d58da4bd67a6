"""Recognizes the parameters of a two-layer network on one-hot tuples, for probes and penalties that look at single neurons."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


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
