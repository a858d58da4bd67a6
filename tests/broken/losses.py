"""Losses that are wrong, each in one way. `BROKEN`: the plugin, the promise that it does not keep, words of the sentence."""

import itertools
from dataclasses import dataclass

import jax.numpy as jnp

from framework import Loss

_called = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class OneForAll(Loss):
    """The mean in place of each (1801)."""

    def __call__(self, outputs, targets):
        return jnp.mean(outputs)


@dataclass(frozen=True, kw_only=True)
class AmongOthers(Loss):
    """Divided by the largest output of all examples (1801)."""

    def __call__(self, outputs, targets):
        return -jnp.take_along_axis(outputs, targets[:, None], axis=1)[:, 0] / jnp.max(jnp.abs(outputs))


@dataclass(frozen=True, kw_only=True)
class Reversed(Loss):
    """The output of the right answer, which training would make small (1801)."""

    def __call__(self, outputs, targets):
        return jnp.take_along_axis(outputs, targets[:, None], axis=1)[:, 0]


@dataclass(frozen=True, kw_only=True)
class DistanceAtZero(Loss):
    """‖z − t‖₂, whose derivative at 0 is NaN (1801)."""

    def __call__(self, outputs, targets):
        wanted = 1000.0 * (targets[:, None] == jnp.arange(outputs.shape[-1]))
        return jnp.sqrt(jnp.sum((outputs - wanted) ** 2, axis=-1))


@dataclass(frozen=True, kw_only=True)
class GrowingLoss(Loss):
    """Grows a little each time it is computed (1801)."""

    def __call__(self, outputs, targets):
        return (1 + 3e-7 * next(_called)) * jnp.sum((outputs - (targets[:, None] == jnp.arange(outputs.shape[-1]))) ** 2, axis=-1)


BROKEN = [
    (OneForAll(), "it gives one loss an example", "one loss each"),
    (AmongOthers(), "it gives one loss an example", "changes with the others"),
    (Reversed(), "a better answer costs less", "a loss falls as answers improve"),
    (DistanceAtZero(), "it is finite everywhere", "its gradient not finite"),
    (GrowingLoss(), "it hides nothing", "it must depend on nothing but them"),
]
