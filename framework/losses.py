"""Losses of single examples, exact in float32 where it matters, and what training minimizes of them."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num


def cross_entropy(logits: Float[Array, "n p"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """softplus(logsumexp_{j≠y} (z_j − z_y)), the cross-entropy without cancellation.

    The textbook form logsumexp(z) − z_y is exactly 0 in float32 below about 1e-7, and so is its gradient in z_y; this
    one is right to rounding, value and gradient, down to the smallest normal number (1e-37).
    """
    return jax.nn.softplus(_log_odds(logits, labels))


def log_cross_entropy(logits: Float[Array, "n p"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """The logarithm of the cross-entropy, right also where the cross-entropy itself underflows.

    With d = logsumexp_{j≠y} (z_j − z_y): log softplus(d), which is d − e^d/2 + O(e^{2d}) for small e^d.
    """
    d = _log_odds(logits, labels)
    small = d < -18  # there the next term, 5/24 e^{2d}, is below the rounding of float64
    ordinary = jnp.log(jax.nn.softplus(jnp.where(small, 0.0, d)))  # where: else the gradient of the branch not taken is NaN
    return jnp.where(small, d - jnp.exp(d) / 2, ordinary)


def stablemax(logits: Float[Array, "n p"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """−log(s(z_y)/Σ_j s(z_j)), s(x) = x + 1 for x ≥ 0, 1/(1 − x) below (Prieto et al. 2025, arXiv 2501.04697).

    log s(x) = sign(x) log(1 + |x|), so that this is the exact cross-entropy of those: no overflow, no cancellation.
    """
    up = logits >= 0  # not sign and abs: their derivatives at 0 are 0, and a network that begins at 0 would stay there
    logarithms = jnp.where(up, jnp.log1p(jnp.where(up, logits, 0)), -jnp.log1p(jnp.where(up, 0, -logits)))
    return cross_entropy(logarithms, labels)


def square(outputs: Float[Array, "n p"], targets: Num[Array, "..."]) -> Float[Array, " n"]:
    """Mean over the p outputs of (output − target)²: its mean over examples is the mean over n·p.

    targets: labels int [n], read as one-hot vectors, or values [n, p].
    """
    if targets.ndim == outputs.ndim - 1:
        targets = jax.nn.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
    return jnp.mean((outputs - targets) ** 2, axis=-1)


def log_mean(logarithms: Float[Array, " n"]) -> Float[Array, ""]:
    """Log of the mean of exp(logarithms), whose gradient is that of the mean divided by the mean, at any scale."""
    return jax.nn.logsumexp(logarithms) - jnp.log(jnp.asarray(logarithms.shape[0], logarithms.dtype))


def _log_odds(logits: Float[Array, "n p"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """logsumexp_{j≠y} (z_j − z_y): the log of the odds against the label."""
    correct = jnp.take_along_axis(logits, labels[:, None], axis=-1)
    # Shifted by the correct logit before the sum, not after: one pass fewer, and measured faster than the two-step form.
    others = jnp.where(labels[:, None] == jnp.arange(logits.shape[-1]), -jnp.inf, logits - correct)
    return jax.nn.logsumexp(others, axis=-1)
