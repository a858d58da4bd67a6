"""Normalized gradient descent: every step has length η, however small the gradient."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from framework import Optimizer, field, register
from framework.numbers import largest_entry


@register("normalized_gd")
@dataclass(frozen=True, kw_only=True)
class NormalizedGradientDescent(Optimizer):
    """θ ← θ − η ∇ℓ/‖∇ℓ‖₂, one norm over all parameters (eq. A.1 of Mohamadi et al. 2024).

    The gradient is divided by its largest entry before the norm is taken: squares of 1e-22 underflow in float32. Zero
    gradient, zero update. Not optax's normalize_by_update_norm, whose eps of 1e-6 stops training at such gradients.
    """

    learning_rate: float = field(1.0, "η, the length of every step", above=0)

    def transform(self) -> optax.GradientTransformation:
        """Unit length, then η."""
        return optax.chain(scale_to_unit_norm(), optax.scale_by_learning_rate(self.learning_rate))


def scale_to_unit_norm() -> optax.GradientTransformation:
    """g ← g/‖g‖₂ over all leaves together, exact for any representable g; 0 stays 0, NaN stays NaN. No state."""

    def update(gradient: Any, state: optax.EmptyState, params: Any = None) -> tuple[Any, optax.EmptyState]:
        largest = largest_entry(gradient)
        scaled = jax.tree.map(lambda g: g / jnp.where(largest == 0, 1, largest), gradient)
        norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(scaled)))
        return jax.tree.map(lambda g: g / jnp.where(norm == 0, 1, norm), scaled), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
