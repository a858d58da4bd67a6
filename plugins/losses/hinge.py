"""The hinge loss of several classes: 0 once the right output leads by a margin."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from framework import Loss, field, register


@register("hinge")
@dataclass(frozen=True, kw_only=True)
class Hinge(Loss):
    """max(0, m + max_{j≠y} z_j − z_y)^q: 0, with gradient 0, once the right output leads by m (Crammer and Singer 2001).

    Training ends at a finite norm then, unlike that of a cross-entropy.
    """

    margin: float = field(1.0, "m, the lead of the right output from which the loss is 0", above=0)
    power: int = field(1, "q: 1, or 2 for the squared hinge, which has no kink", choices=(1, 2))

    def __call__(self, outputs: Float[Array, "n p"], targets: Int[Array, " n"]) -> Float[Array, " n"]:
        """The loss of the most dangerous wrong output; of p = 1 outputs there is none, and the loss is 0."""
        right = targets[:, None] == jnp.arange(outputs.shape[-1])
        correct = jnp.sum(jnp.where(right, outputs, 0), axis=-1)
        best_wrong = jnp.max(jnp.where(right, -jnp.inf, outputs), axis=-1)
        return jnp.maximum(self.margin + best_wrong - correct, 0) ** self.power
