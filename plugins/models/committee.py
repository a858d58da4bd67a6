"""A committee: hidden neurons whose voices all count the same, with one number that says how far they are from linear."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from framework import Constant, Model, Task, field, register
from framework.interfaces import KINDS
from plugins.networks.layers import flattened, hidden_neurons


class CommitteeNetwork(nnx.Module):
    """f_c(x) = (1/N) Σ_i φ(w_ci · x) with φ(z) = z + ε z² / 2. weights [outputs, N, d]; values > 0: x are one-hot tokens."""

    def __init__(self, weights: Float[Array, "q h d"], epsilon: float, values: int):
        self.weights, self.epsilon, self.values = nnx.Param(weights), Constant(epsilon), values

    def __call__(self, inputs: Any) -> Float[Array, "n q"]:
        """Outputs for numbers, or for integer tuples."""
        weights = self.weights[...]
        x = flattened(jax.nn.one_hot(inputs, self.values, dtype=weights.dtype) if self.values else inputs)
        z = jnp.einsum("nd,qhd->nqh", x, weights)
        return jnp.mean(z + self.epsilon[...] / 2 * z**2, axis=2)


@register("committee")
@dataclass(frozen=True, kw_only=True)
class Committee(Model):
    """The mean of φ(w_i · x) over N neurons, φ(z) = z + ε z² / 2: the network of Kumar et al. 2024 (arXiv 2310.06110, section 5).

    Only the weights w are trained; they begin at N(0, α²). The smaller ε, the worse the initial kernel is aligned with a task that
    is a square, and the later it is learned. Their outputs are α times these, minus those at initialization: put it into `centered`,
    with rate N / α² of gradient descent. Each output has N neurons of its own. Tokens enter one-hot.
    """

    inputs = KINDS

    width: str = field("500", "N, neurons of each output: a number or a formula in p and k; of d numbers, p is d", expression=True)
    epsilon: float = field(0.02, "ε, the weight of the quadratic part; 0: the network is linear", at_least=0)
    init_scale: float = field(1.0, "α: all initial weights are multiplied by it", above=0)

    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """Weights [outputs, N, d] from N(0, α²)."""
        sizes = task.sizes
        shape = (sizes.outputs, hidden_neurons(self.width, sizes), sizes.entries)
        weights = self.init_scale * jax.random.normal(rngs.params(), shape, jnp.result_type(float))
        return CommitteeNetwork(weights, self.epsilon, 0 if sizes.shape else sizes.values)

    def neuron_axes(self) -> Mapping[str, int]:
        """Weights [outputs, N, d]."""
        return {"weights": 1}
