"""The square loss, of values or of labels as one-hot vectors."""

from dataclasses import dataclass

from jaxtyping import Array, Float, Num

from framework import Loss, losses, register


@register("square")
@dataclass(frozen=True, kw_only=True)
class Square(Loss):
    """Mean over the p outputs of (output − target)², labels as one-hot vectors (Gromov 2023; Kumar et al. 2024)."""

    of_values = True

    def __call__(self, outputs: Float[Array, "n p"], targets: Num[Array, "n ..."]) -> Float[Array, " n"]:
        """(1/p) Σ_j (z_j − t_j)²."""
        return losses.square(outputs, targets)
