"""Optimizers that are wrong, each in one way. `BROKEN`: the plugin, the promise that it does not keep, words of the sentence."""

import itertools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from framework import Optimizer

_called = itertools.count(1)  # what a plugin may not do: remember outside of its state


def stateless(update):
    return optax.stateless(lambda gradient, params: jax.tree.map(update, gradient))


@dataclass(frozen=True, kw_only=True)
class OnlyAPair(Optimizer):
    """A tuple in place of a transformation (1801)."""

    def transform(self):
        return tuple(optax.sgd(0.1))


@dataclass(frozen=True, kw_only=True)
class DividesByZero(Optimizer):
    """Divides by the gradient's own entries (1801)."""

    def transform(self):
        return stateless(lambda g: -0.1 * g / jnp.max(jnp.abs(g)))


@dataclass(frozen=True, kw_only=True)
class Underflows(Optimizer):
    """Squares before it divides (1801)."""

    def transform(self):
        return stateless(lambda g: jnp.where(jnp.any(g != 0), -0.1 * g / jnp.sqrt(jnp.sum(g**2)), 0))


@dataclass(frozen=True, kw_only=True)
class Uphill(Optimizer):
    """The minus sign is missing (1801)."""

    def transform(self):
        return optax.scale(0.1)


@dataclass(frozen=True, kw_only=True)
class SingleSteps(Optimizer):
    """Steps that are always float32 (1801)."""

    def transform(self):
        return stateless(lambda g: -0.1 * g.astype(jnp.float32))


@dataclass(frozen=True, kw_only=True)
class GrowingState(Optimizer):
    """A count that is an integer, then a float (1801)."""

    def transform(self):
        def update(gradient, count, params=None):
            return jax.tree.map(lambda g: -0.1 * g, gradient), count + 0.5

        return optax.GradientTransformation(lambda params: jnp.int32(0), update)


@dataclass(frozen=True, kw_only=True)
class HiddenCount(Optimizer):
    """Counts its calls outside of its state (1801)."""

    def transform(self):
        return stateless(lambda g: -0.1 / next(_called) * g)


BROKEN = [
    (OnlyAPair(), "it is a gradient transformation", "transform gave a tuple"),
    (DividesByZero(), "a zero gradient gives a finite step", "a gradient of 0 gives a NaN"),
    (Underflows(), "any gradient gives a finite step", "entries near 1e-30"),
    (Uphill(), "it goes downhill", "the first step goes uphill"),
    (SingleSteps(), "its steps are like the parameters", "is float32[8, 5], the parameter float64[8, 5]"),
    (GrowingState(), "its state keeps its form", "int32[] after init and float32[] after a step"),
    (HiddenCount(), "it hides nothing", "gave other steps the second time"),
]
