"""The optimizer my_optimizer: say in one line what is special about it."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from framework import Optimizer, field, register


@register("my_optimizer")
@dataclass(frozen=True, kw_only=True)
class MyOptimizer(Optimizer):
    """θ ← θ − η sign(m), m ← β m + (1 − β) g. State: m. Source: the paper, its year."""

    learning_rate: float = field(1e-3, "η", above=0)
    momentum: float = field(0.9, "β", at_least=0, below=1)

    def transform(self):
        """An optax chain; combine what optax has, or write (init, update) as here."""
        return optax.chain(self._signed_average(), optax.scale_by_learning_rate(self.learning_rate))

    def _signed_average(self):
        def init(params):
            return jax.tree.map(jnp.zeros_like, params)

        def update(gradient, average, params=None):
            average = jax.tree.map(lambda m, g: self.momentum * m + (1 - self.momentum) * g, average, gradient)
            return jax.tree.map(jnp.sign, average), average

        return optax.GradientTransformation(init, update)
