"""The paper's model: two layers without biases, and how they are initialized."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from framework import Model, Task, field, register
from framework.errors import FieldError
from plugins.networks.layers import hidden_neurons
from plugins.networks.quadratic import QuadraticNetwork


@register("quadratic")
@dataclass(frozen=True, kw_only=True)
class Quadratic(Model):
    """Two layers without biases, activation z^degree (eq. 2.1 of Mohamadi et al. 2024).

    Degree k is what k summands need: a product of k terms must appear. Homogeneous of degree `degree` + 1. scaling
    mean_field is f / h (Mei et al. 2018; the 1/N of Gromov 2023), for initial entries that do not shrink with the width.
    """

    width: str = field("4*p", "hidden neurons h: a number or a formula in p and k", expression=True)
    degree: int = field(0, "exponent of the activation; 0: k, the number of summands", at_least=0, at_most=16)
    init: str = field("uniform", "what the entries are drawn from; uniform is PyTorch's linear layer", choices=("uniform", "normal"))
    init_std: float = field(0.0, "standard deviation of init=normal; 0: 1/sqrt(3 fan_in), as for uniform", at_least=0)
    init_scale: float = field(1.0, "α: all initial entries are multiplied by it", above=0)
    scaling: str = field("standard", "mean_field: the outputs are divided by the width h", choices=("standard", "mean_field"))
    shared: bool = field(False, "all summands share one block of W: f does not see their order")

    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """W [k, p, h], or [1, p, h] where it is shared, with fan-in kp; V [h, p] with fan-in h."""
        sizes = task.sizes
        h, blocks = self.hidden(task), 1 if self.shared else sizes.tokens
        W = self._entries(rngs.params(), (blocks, sizes.values, h), fan_in=sizes.tokens * sizes.values)
        V = self._entries(rngs.params(), (h, sizes.outputs), fan_in=h)
        scale = 1 / h if self.scaling == "mean_field" else 1
        if sizes.tokens > 16 and not self.degree:
            raise FieldError("degree", 0, f"stands for the number of tokens, here {sizes.tokens}; give one of at most 16")
        return QuadraticNetwork(W, V, self.degree or sizes.tokens, scale, sizes.tokens if self.shared else 0)

    def hidden(self, task: Task) -> int:
        """The number that `width` stands for. Raises FieldError below 1."""
        return hidden_neurons(self.width, task.sizes)

    def notices(self, experiment: Any) -> list[str]:
        """A sentence where the activation cannot multiply as many tokens as there are."""
        degree, tokens = self.degree, getattr(experiment.task, "k", 0)  # a task of k terms; sparse parity needs fewer
        if not 0 < degree < tokens:
            return []
        return [
            f"degree = {degree} with inputs of {tokens} tokens: z^{degree} makes no products of {tokens} terms, which a sum of {tokens} "
            f"summands mod p needs, so that no weights give it. degree=0 stands for {tokens}."
        ]

    def homogeneity(self, task: Task) -> int:
        """Degree + 1: the activation multiplies the exponents of W, V adds one."""
        return (self.degree or task.sizes.tokens) + 1

    def neuron_axes(self) -> Mapping[str, int]:
        """W [k, p, h] and V [h, p]."""
        return {"W": 2, "V": 0}

    def _entries(self, key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int) -> Float[Array, "..."]:
        dtype = jnp.result_type(float)
        if self.init == "uniform":
            return self.init_scale * jax.random.uniform(key, shape, dtype, -1, 1) / fan_in**0.5
        return self.init_scale * jax.random.normal(key, shape, dtype) * (self.init_std or (3 * fan_in) ** -0.5)
