"""⊥Grad: removes from the gradient what only scales the weights."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from framework import Optimizer, field, part, register
from plugins.optimizers.rules.adam import AdamW


@register("orthograd")
@dataclass(frozen=True, kw_only=True)
class OrthoGrad(Optimizer):
    """Per tensor g_⊥ = g − (w·g)/(w·w) w, brought back to the length ‖g‖; then the optimizer inside (Prieto et al. 2025).

    arXiv 2501.04697. Without it a fitted homogeneous network lowers its loss by growing along its weights: naive loss
    minimization. Where g is parallel to w to rounding, the result is 0: the authors' code scales the rounding residue up
    to ‖g‖ there. Weight decay of the optimizer inside is untouched. No state.
    """

    inner: Optimizer = part(AdamW(weight_decay=0.0), "the optimizer that gets the projected gradient")
    rescale: bool = field(True, "bring the projected gradient back to the length of the gradient")

    def transform(self) -> optax.GradientTransformation:
        """The projection, then the optimizer inside."""
        return optax.chain(project_out_weights(self.rescale), self.inner.transform())


def project_out_weights(rescale: bool = True) -> optax.GradientTransformation:
    """`orthogonal` of each leaf of the gradient and of the parameters. No state."""

    def update(gradient: Any, state: optax.EmptyState, params: Any = None) -> tuple[Any, optax.EmptyState]:
        return jax.tree.map(lambda g, w: orthogonal(g, w, rescale), gradient, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def orthogonal(g: Float[Array, "*shape"], w: Float[Array, "*shape"], rescale: bool = True) -> Float[Array, "*shape"]:
    """The part of g orthogonal to w, at the length of g; 0 where nothing but rounding is left of it.

    Both are divided by their largest entry first, as squares of 1e-22 underflow in float32, and projected twice: the
    second pass takes out what rounding left of the first.
    """
    g_scale, unit_g = _scaled(g)
    _, unit_w = _scaled(w)
    rest = unit_g
    square = jnp.sum(unit_w * unit_w)
    for _ in range(2):
        rest = rest - jnp.sum(unit_w * rest) / jnp.where(square == 0, 1, square) * unit_w
    length, left = jnp.sqrt(jnp.sum(unit_g**2)), jnp.sqrt(jnp.sum(rest**2))
    rounding = left < 8 * jnp.finfo(g.dtype).eps * length
    factor = length / jnp.where(left == 0, 1, left) if rescale else 1.0
    return jnp.where(rounding, 0, g_scale * factor * rest)


def _scaled(x: Float[Array, "*shape"]) -> tuple[Float[Array, ""], Float[Array, "*shape"]]:
    largest = jnp.max(jnp.abs(x), initial=0)
    safe = jnp.where(largest == 0, 1, largest)
    return safe, x / safe
