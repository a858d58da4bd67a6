"""Grokfast: amplifies the slow part of the gradient, in front of any optimizer."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from framework import Optimizer, field, part, register
from framework.numbers import Number
from plugins.optimizers.rules.adam import AdamW


@register("grokfast")
@dataclass(frozen=True, kw_only=True)
class Grokfast(Optimizer):
    """m ← α m + (1 − α) g, from m = g at the first step; the optimizer inside gets g + λ m (Lee et al. 2024, arXiv 2405.20233).

    A steady gradient is amplified 1 + λ times; no learning rate is divided by that, as in the authors' code. The filter
    acts before the optimizer inside adds its weight decay. State: m, shaped as the parameters, and the count of steps.
    """

    inner: Optimizer = part(AdamW(), "the optimizer that gets the filtered gradient")
    decay: float = field(0.98, "α, decay of the average", at_least=0, below=1, structural=True)
    amplification: float = field(2.0, "λ", at_least=0)

    def transform(self) -> optax.GradientTransformation:
        """The filter, then the optimizer inside."""
        return optax.chain(add_average(self.decay, self.amplification), self.inner.transform())


@register("grokfast_ma")
@dataclass(frozen=True, kw_only=True)
class GrokfastMovingAverage(Optimizer):
    """The optimizer inside gets g + λ · mean of the last w gradients, this one included (Lee et al. 2024, arXiv 2405.20233).

    Until w gradients have been seen it gets g, unless `wait` is off; then the mean is over those seen. State: a ring of w
    gradients, w times the memory of the parameters, and the count of steps.
    """

    inner: Optimizer = part(AdamW(), "the optimizer that gets the filtered gradient")
    window: int = field(100, "w, the number of gradients in the average", at_least=1)
    amplification: float = field(5.0, "λ", at_least=0)
    average: str = field("mean", "what is taken over the window", choices=("mean", "sum"))
    wait: bool = field(True, "filter only once the window is full")

    def transform(self) -> optax.GradientTransformation:
        """The filter, then the optimizer inside."""
        return optax.chain(add_moving_average(self.window, self.amplification, self.average, self.wait), self.inner.transform())


def add_average(decay: Number, amplification: Number) -> optax.GradientTransformation:
    """g + λ m with the exponential average m. State: (count int32, m)."""

    def init(params: Any) -> tuple[Any, Any]:
        return jnp.zeros((), jnp.int32), optax.tree.zeros_like(params)

    def update(gradient: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count, mean = state
        mean = jax.tree.map(lambda m, g: jnp.where(count == 0, g, decay * m + (1 - decay) * g), mean, gradient)
        return jax.tree.map(lambda g, m: g + amplification * m, gradient, mean), (count + 1, mean)

    return optax.GradientTransformation(init, update)


def add_moving_average(window: int, amplification: Number, average: str, wait: bool) -> optax.GradientTransformation:
    """g + λ times the mean or sum of the last `window` gradients. State: (count int32, ring with a leading axis of w)."""

    def init(params: Any) -> tuple[Any, Any]:
        return jnp.zeros((), jnp.int32), jax.tree.map(lambda leaf: jnp.zeros((window, *leaf.shape), leaf.dtype), params)

    def update(gradient: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count, ring = state
        ring = jax.tree.map(lambda r, g: jax.lax.dynamic_update_index_in_dim(r, g, count % window, 0), ring, gradient)
        seen = jnp.minimum(count + 1, window)
        active = (seen == window) | (not wait)

        def filtered(g: Any, r: Any) -> Any:
            total = jnp.sum(r, axis=0)
            slow = total / seen.astype(g.dtype) if average == "mean" else total
            return g + jnp.where(active, amplification * slow, 0)

        return jax.tree.map(filtered, gradient, ring), (count + 1, ring)

    return optax.GradientTransformation(init, update)
