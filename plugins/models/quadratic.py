"""The paper's network: V (W x)^d on one-hot inputs, without ever forming them."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray

from framework import Model, Task, field, register
from plugins.models.width import hidden_neurons


class QuadraticNetwork(nnx.Module):
    """f(θ; x) = V (W x)^{⊙d} for one-hot x = (e_{a_1}, …, e_{a_k}); eq. 2.1 of Mohamadi et al. 2024 for d = 2.

    W [k, p, h]: row a of block i is what value a of summand i adds to the h pre-activations; a lookup reads, and a
    gradient writes, contiguous rows. V [h, p].
    """

    def __init__(self, W: Float[Array, "k p h"], V: Float[Array, "h p"], degree: int):
        self.W, self.V, self.degree = nnx.Param(W), nnx.Param(V), degree

    def __call__(self, inputs: Int[Array, "n k"]) -> Float[Array, "n p"]:
        """Outputs for integer tuples."""
        return self.hidden(inputs) @ self.V[...]

    def hidden(self, inputs: Int[Array, "n k"]) -> Float[Array, "n h"]:
        """Activations (W x)^d of the neurons."""
        W = self.W[...]
        z = sum(W[i, inputs[:, i]] for i in range(W.shape[0]))
        return z**self.degree


@register("quadratic")
@dataclass(frozen=True, kw_only=True)
class Quadratic(Model):
    """Two layers without biases, activation z^degree (paper.md, section 1; eq. 2.1 of Mohamadi et al. 2024).

    Degree k is what k summands need: a product of k terms must appear. Homogeneous of degree `degree` + 1.
    """

    width: str = field("4*p", "hidden neurons h: a number or a formula in p and k", expression=True)
    degree: int = field(0, "exponent of the activation; 0: k, the number of summands", at_least=0, at_most=16)
    init: str = field("uniform", "of the entries: uniform is PyTorch's linear layer", choices=("uniform", "normal"))
    init_std: float = field(0.0, "standard deviation of init=normal; 0: 1/sqrt(3 fan_in), as of uniform", at_least=0)
    init_scale: float = field(1.0, "α: all initial entries are multiplied by it", above=0)

    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """W [k, p, h] with fan-in kp, V [h, p] with fan-in h."""
        sizes = task.sizes
        h = self.hidden(task)
        W = self._entries(rngs.params(), (sizes.tokens, sizes.values, h), fan_in=sizes.tokens * sizes.values)
        V = self._entries(rngs.params(), (h, sizes.outputs), fan_in=h)
        return QuadraticNetwork(W, V, self.degree or sizes.tokens)

    def hidden(self, task: Task) -> int:
        """The number that `width` stands for. Raises FieldError below 1."""
        return hidden_neurons(self.width, task.sizes)

    def homogeneity(self, task: Task) -> int:
        """Degree + 1: the activation multiplies the exponents of W, V adds one."""
        return (self.degree or task.sizes.tokens) + 1

    def _entries(self, key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int) -> Float[Array, "..."]:
        dtype = jnp.result_type(float)
        if self.init == "uniform":
            return self.init_scale * jax.random.uniform(key, shape, dtype, -1, 1) / fan_in**0.5
        return self.init_scale * jax.random.normal(key, shape, dtype) * (self.init_std or (3 * fan_in) ** -0.5)
