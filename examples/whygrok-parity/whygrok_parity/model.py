"""One hidden layer of sines: sin(π (x_i + …) + b) is a parity by itself."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from framework import Model, field, register


class Sines(nnx.Module):
    """Sines of linear functions of the tokens, then a linear layer: int32 [n, k] → [n, outputs]."""

    def __init__(self, sizes, width, scale, rngs):
        self.W = nnx.Param(scale * jax.random.normal(rngs.params(), (sizes.tokens, width)))
        self.b = nnx.Param(jax.random.uniform(rngs.params(), (width,), minval=-jnp.pi, maxval=jnp.pi))
        self.V = nnx.Param(jax.random.normal(rngs.params(), (width, sizes.outputs)) / width**0.5)

    def __call__(self, inputs):
        """Outputs of a batch."""
        return jnp.sin(inputs.astype(self.W.dtype) @ self.W + self.b) @ self.V


@register("sine_network")
@dataclass(frozen=True, kw_only=True)
class SineNetwork(Model):
    """V sin(Wx + b) with tokens as numbers (sinusoidal networks: Sitzmann et al. 2020, arXiv 2006.09661)."""

    width: int = field(64, "number of sines", at_least=1)
    init_scale: float = field(1.0, "standard deviation of the entries of W at the start", above=0)

    def build(self, task, *, rngs):
        """The network at its initialization."""
        return Sines(task.sizes, self.width, self.init_scale, rngs)
