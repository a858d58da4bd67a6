"""The network my_model: say in one line what is special about it."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from framework import Model, field, register


class Network(nnx.Module):
    """tanh(Σ_i E[i, a_i]) V: tokens int32 [n, k] → outputs [n, p]."""

    def __init__(self, sizes, width, rngs):
        self.E = nnx.Param(jax.random.normal(rngs.params(), (sizes.tokens, sizes.values, width)))
        self.V = nnx.Param(jax.random.normal(rngs.params(), (width, sizes.outputs)) / width**0.5)

    def __call__(self, inputs):
        """Outputs of a batch."""
        hidden = jnp.sum(self.E[jnp.arange(inputs.shape[1]), inputs], axis=1)
        return jnp.tanh(hidden) @ self.V


@register("my_model")
@dataclass(frozen=True, kw_only=True)
class MyModel(Model):
    """tanh(Σ_i E[i, a_i]) V. Source: the paper, its year."""

    width: int = field(64, "number of hidden units", at_least=1)

    def build(self, task, *, rngs):
        """The network at its initialization, drawn from rngs."""
        return Network(task.sizes, self.width, rngs)
