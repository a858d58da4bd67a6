"""Cross-entropy, exact in float32 where it matters, and two relatives of it."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from framework import Loss, losses, register


@register("cross_entropy")
@dataclass(frozen=True, kw_only=True)
class CrossEntropy(Loss):
    """−log softmax(z)_y, computed without cancellation: right in float32 down to losses of 1e-37. Source: the logistic model, 1958."""

    tempered = True

    def __call__(self, outputs: Float[Array, "n p"], targets: Int[Array, " n"]) -> Float[Array, " n"]:
        """softplus(logsumexp_{j≠y} (z_j − z_y))."""
        return losses.cross_entropy(outputs, targets)


@register("log_cross_entropy")
@dataclass(frozen=True, kw_only=True)
class LogCrossEntropy(CrossEntropy):
    """Training minimizes the log of the mean cross-entropy, so that margins grow on where the loss is 0 in float32.

    Each example's loss, and what is recorded, is the cross-entropy itself. Source: Lyu and Li 2020, whose normalized margin follows
    from the same logarithm.
    """

    def mean(self, outputs: Float[Array, "n p"], targets: Int[Array, " n"]) -> Float[Array, ""]:
        """log((1/n) Σ w_y ℓ), right also where each ℓ underflows."""
        logarithms = losses.log_cross_entropy(outputs, targets)
        weighted = logarithms + jnp.log(self.weights_of(targets, logarithms.dtype)) if self.class_weights else logarithms
        return losses.log_mean(weighted)


@register("stablemax")
@dataclass(frozen=True, kw_only=True)
class Stablemax(Loss):
    """−log(s(z_y)/Σ_j s(z_j)), s(x) = x + 1 for x ≥ 0 and 1/(1 − x) below (Prieto et al. 2025, arXiv 2501.04697)."""

    tempered = True

    def __call__(self, outputs: Float[Array, "n p"], targets: Int[Array, " n"]) -> Float[Array, " n"]:
        """The cross-entropy of s in place of exp: no overflow, no cancellation."""
        return losses.stablemax(outputs, targets)
