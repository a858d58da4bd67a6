"""Numbers that stay right at any scale."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

Number = float | Float[Array, ""]  # a field of a plugin: a float, and inside compiled programs, to which it is passed, an array


def largest_entry(tree: Any) -> Float[Array, ""]:
    """‖θ‖_∞ = max |θ_i| over all leaves (eq. 2.2)."""
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(tree)]))


def euclidean_norm(tree: Any) -> Float[Array, ""]:
    """‖θ‖₂ over all leaves, divided by the largest entry before squaring: squares of 1e-22 underflow in float32."""
    largest = largest_entry(tree)
    safe = jnp.where((largest > 0) & jnp.isfinite(largest), largest, 1)
    squares = [jnp.sum((leaf / safe) ** 2) for leaf in jax.tree.leaves(tree)]
    return safe * jnp.sqrt(jnp.sum(jnp.stack(squares)))


def share(count: Shaped[Array, ""], total: int | Shaped[Array, ""]) -> Float[Array, ""]:
    """Count / total, exactly 1 when they are equal.

    The barrier keeps the compiler from multiplying with the rounded reciprocal of a constant total: 158 of 158 would be
    0.99999994.
    """
    dtype = jnp.result_type(float)
    return jnp.asarray(count, dtype) / jax.lax.optimization_barrier(jnp.asarray(total, dtype))
