"""Penalties that are wrong, each in one way. `BROKEN`: the plugin, the promise that it does not keep, words of the sentence."""

import itertools
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from framework import Penalty, field

_called = itertools.count(1)  # what a plugin may not do: remember outside of its state


@dataclass(frozen=True, kw_only=True)
class NormAtZero(Penalty):
    """‖θ‖₂, whose derivative at 0 is NaN (1801)."""

    coefficient: float = field(1.0, "λ")

    def __call__(self, params):
        return self.coefficient * jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)))


@dataclass(frozen=True, kw_only=True)
class NotOneNumber(Penalty):
    """One number a matrix (1801)."""

    def __call__(self, params):
        return jnp.stack([jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)])


@dataclass(frozen=True, kw_only=True)
class SquaredCoefficient(Penalty):
    """λ² for λ (1801)."""

    coefficient: float = field(1.0, "λ")

    def __call__(self, params):
        return self.coefficient**2 * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))


@dataclass(frozen=True, kw_only=True)
class GrowingPenalty(Penalty):
    """Grows each time it is computed (1801)."""

    def __call__(self, params):
        return next(_called) * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))


BROKEN = [
    (NotOneNumber(), "it is one number", "it gave float32[2]"),
    (NormAtZero(), "it is finite everywhere", "where parameters are all 0 its gradient is not finite"),
    (SquaredCoefficient(), "its coefficient is included", "the coefficient is a factor"),
    (GrowingPenalty(), "it hides nothing", "it must depend on nothing but them"),
]
