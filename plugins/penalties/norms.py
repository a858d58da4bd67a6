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

    The subgradient shares λ equally among the entries of a matrix that attain the maximum.
    """

    coefficient: float = field(1e-4, "λ", at_least=0)

    def __call__(self, params: Any) -> Float[Array, ""]:
        """The largest absolute entry, times λ."""
        return self.coefficient * largest_entry(params)


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
