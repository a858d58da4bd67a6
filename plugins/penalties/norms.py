"""Penalties on the size of the parameters."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from framework import Penalty, field, register
from framework.numbers import largest_entry


@register("none")
@dataclass(frozen=True, kw_only=True)
class NoPenalty(Penalty):
    """Nothing is added to the mean loss (λ = 0 in eq. 2.2 of Mohamadi et al. 2024)."""

    def __call__(self, params: Any) -> Float[Array, ""]:
        """0."""
        return jnp.zeros(())


@register("linf")
@dataclass(frozen=True, kw_only=True)
class LargestEntry(Penalty):
    """λ ‖θ‖_∞ = λ max |θ_i| over all parameters together (eq. 2.2 of Mohamadi et al. 2024).

    The subgradient shares λ equally among the entries of a matrix that attain the maximum, and is 0 at θ = 0.
    """

    coefficient: float = field(1e-4, "λ", at_least=0)

    def __call__(self, params: Any) -> Float[Array, ""]:
        """The largest absolute entry, times λ."""
        return self.coefficient * largest_entry(jax.tree.map(sizes, params))


@register("l2")
@dataclass(frozen=True, kw_only=True)
class SquaredNorm(Penalty):
    """λ ‖θ‖₂² = λ Σ θ_i², gradient 2 λ θ. Coupled decay of λ' in PyTorch's SGD and Adam is coefficient λ'/2 here.

    Source: Tikhonov regularization; used by Gromov 2023 and Lyu et al. 2024 as weight decay.
    """

    coefficient: float = field(1e-4, "λ", at_least=0)

    def __call__(self, params: Any) -> Float[Array, ""]:
        """The sum of squares, times λ."""
        return self.coefficient * sum((jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)), jnp.zeros(()))


@register("l1")
@dataclass(frozen=True, kw_only=True)
class SumOfSizes(Penalty):
    """λ ‖θ‖₁ = λ Σ |θ_i| over all parameters, subgradient λ sign θ_i, 0 at 0 (the lasso, Tibshirani 1996)."""

    coefficient: float = field(1e-4, "λ", at_least=0)

    def __call__(self, params: Any) -> Float[Array, ""]:
        """The sum of absolute entries, times λ."""
        return self.coefficient * sum((jnp.sum(sizes(leaf)) for leaf in jax.tree.leaves(params)), jnp.zeros(()))


@register("lq")
@dataclass(frozen=True, kw_only=True)
class SumOfPowers(Penalty):
    """λ ‖θ‖_q^q = λ Σ |θ_i|^q over all parameters (bridge regression, Frank and Friedman 1993).

    Gradient λ q |θ_i|^{q−1} sign θ_i, 0 at 0. An order below 1, whose gradient has no bound near 0, is refused.
    """

    coefficient: float = field(1e-4, "λ", at_least=0)
    order: float = field(1.5, "q", at_least=1)

    def __call__(self, params: Any) -> Float[Array, ""]:
        """The sum of absolute entries to the power q, times λ."""
        return self.coefficient * sum((jnp.sum(sizes(leaf) ** self.order) for leaf in jax.tree.leaves(params)), jnp.zeros(()))


def sizes(leaf: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """|θ_i| with derivative sign θ_i, 0 at 0, where that of jnp.abs is 1 and would move a parameter that has arrived."""
    return leaf * jax.lax.stop_gradient(jnp.sign(leaf))
