"""A quantity after and before, and its change, so that near-equal numbers are never subtracted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Moved:
    """A quantity after and before, and its change, which is never computed as the difference of two products."""

    new: Any
    old: Any
    change: Any

    def __add__(self, other: "Moved") -> "Moved":
        """The sum, entrywise."""
        return jax.tree.map(jnp.add, self, other)

    def __mul__(self, other: "Moved") -> "Moved":
        """The product, entrywise."""
        return self.times(other, jnp.multiply)

    def times(self, other: "Moved", product: Callable[[Any, Any], Any]) -> "Moved":
        """A product that is linear in both: its change is mean times change plus change times mean, exactly."""
        change = product(self.mean, other.change) + product(self.change, other.mean)
        return Moved(product(self.new, other.new), product(self.old, other.old), change)

    def of(self, function: Callable[[Any], Any]) -> "Moved":
        """A linear function of it."""
        return jax.tree.map(function, self)

    @property
    def mean(self) -> Any:
        """Half-way."""
        return (self.new + self.old) / 2

    @property
    def halves(self) -> Any:
        """Mean and change side by side, [n, 2h]."""
        return jnp.concatenate([self.mean, self.change], axis=1)


def moved(new: Any, old: Any) -> Moved:
    """Of two arrays."""
    return Moved(new, old, new - old)
