"""The loss that the targets ask for."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from framework import Loss, losses, register


@register("by_targets")
@dataclass(frozen=True, kw_only=True)
class ByTargets(Loss):
    """The cross-entropy of labels, and the square loss of values: what a file of the user's own is learned with by default.

    Source: whygrok.
    """

    of_values = True

    def __call__(self, outputs: Float[Array, "n p"], targets: Num[Array, "n ..."]) -> Float[Array, " n"]:
        """Chosen by the dtype of the targets."""
        of_labels = jnp.issubdtype(targets.dtype, jnp.integer)
        return losses.cross_entropy(outputs, targets) if of_labels else losses.square(outputs, targets)
