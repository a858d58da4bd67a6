"""A penalty on whole neurons: the norm whose largest margin theory knows."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from framework import Penalty, field, register
from framework.errors import UserError
from plugins.networks.parameters import neuron_norms, two_layer


@register("group")
@dataclass(frozen=True, kw_only=True)
class GroupNorm(Penalty):
    """λ Σ_j ‖(W_1j, …, W_kj, V_j)‖₂^q over the neurons j of a two-layer network, λ ‖θ‖_{2,q}^q.

    q = 3 is the L_{2,3} penalty of Morwani et al. 2024 (arXiv 2311.07568) for two summands, q = k + 1 that for k
    (arXiv 2402.09469). The gradient of a neuron is λ q ‖·‖^{q−2} times the neuron, and 0 where the neuron is 0.
    Raises UserError for networks that are not W [k, p, h], V [h, q].
    """

    coefficient: float = field(1e-5, "λ", at_least=0)
    order: float = field(3.0, "q: k + 1 for k summands; 1 is the group lasso", at_least=1)

    def __call__(self, params: Any) -> Float[Array, ""]:
        """The sum over neurons, times λ."""
        layers = two_layer(params)
        if layers is None:
            raise UserError("penalty.name = 'group': needs a two-layer network, W [k, p, h] and V [h, q], such as model.name=quadratic")
        return self.coefficient * jnp.sum(neuron_norms(*layers) ** self.order)
