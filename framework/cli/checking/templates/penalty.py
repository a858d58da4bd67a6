"""The penalty my_penalty: say in one line what it holds down."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from framework import Penalty, field, register


@register("my_penalty")
@dataclass(frozen=True, kw_only=True)
class MyPenalty(Penalty):
    """λ Σ_i log(1 + θ_i²): small entries are pulled as by ℓ2, large ones hardly. Source: the paper, its year."""

    coefficient: float = field(1e-4, "λ", at_least=0)

    def __call__(self, params):
        """The number that is added to the mean loss."""
        return self.coefficient * sum(jnp.sum(jnp.log1p(leaf**2)) for leaf in jax.tree.leaves(params))
