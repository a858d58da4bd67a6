"""The logistic loss of each output by itself: is this the class, or not?"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from framework import Loss, register


@register("logistic")
@dataclass(frozen=True, kw_only=True)
class Logistic(Loss):
    """(1/p) Σ_j log(1 + exp(−s_j z_j)), s_j = 1 for the class y and −1 for all others: one against the rest (Cox 1958).

    PyTorch's BCEWithLogitsLoss of one-hot targets.
    """

    tempered = True

    def __call__(self, outputs: Float[Array, "n p"], targets: Int[Array, " n"]) -> Float[Array, " n"]:
        """The mean over outputs of softplus(−s_j z_j)."""
        right = targets[:, None] == jnp.arange(outputs.shape[-1])
        return jnp.mean(jax.nn.softplus(jnp.where(right, -outputs, outputs)), axis=-1)
