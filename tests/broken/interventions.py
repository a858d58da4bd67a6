"""Interventions that are wrong, each in one way. `BROKEN`: the plugin, the promise that it does not keep, words of the sentence."""

import itertools
from dataclasses import dataclass, replace

import jax
import numpy as np

from framework import Intervention

_called = itertools.count(1)  # what a plugin may not do: remember outside of its state


@dataclass(frozen=True, kw_only=True)
class Cut(Intervention):
    """Leaves half of each parameter away (1801)."""

    def apply(self, training, context):
        return replace(training, params=jax.tree.map(lambda leaf: leaf[:1], training.params)), {}


@dataclass(frozen=True, kw_only=True)
class Unnamed(Intervention):
    """Changes what it does not name (1801)."""

    changes = ("frozen",)

    def apply(self, training, context):
        return replace(training, params=jax.tree.map(np.zeros_like, training.params)), {}


@dataclass(frozen=True, kw_only=True)
class Growing(Intervention):
    """Adds more each time (1801)."""

    def apply(self, training, context):
        more = np.float32(next(_called))
        return replace(training, params=jax.tree.map(lambda leaf: leaf + more, training.params)), {}


@dataclass(frozen=True, kw_only=True)
class Single(Intervention):
    """Is for float32 alone (1801)."""

    def apply(self, training, context):
        if any(leaf.dtype != np.float32 for leaf in jax.tree.leaves(training.params)):
            raise ValueError("single precision only")
        return training, {}


BROKEN = [
    (Cut(), "it changes what it says", "after apply, and was float32"),
    (Unnamed(), "it changes what it says", "apply changed params: name it on the class"),
    (Growing(), "it hides nothing", "changed in another way the second time"),
    (Single(), "it works in float64", "single precision only"),
]
