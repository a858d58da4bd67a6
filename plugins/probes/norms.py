"""How large the parameters are."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from framework import Context, Probe, field, register
from framework.numbers import Number, euclidean_norm, largest_entry, share
from framework.reading import draw_panels, quantities_of
from framework.training import leaf_name


@register("norms")
@dataclass(frozen=True, kw_only=True)
class Norms(Probe):
    """Norms of the parameters: linf = ‖θ‖_∞ = max |θ_i| (eq. 2.2 of Mohamadi et al. 2024) and l2 = ‖θ‖₂.

    at_linf is the share of entries with |θ_i| ≥ (1 − tolerance) ‖θ‖_∞: a max-entry penalty pushes entries against their
    bound. No state. All are right for entries whose squares underflow.
    """

    per_matrix: bool = field(False, "also record linf, l2 and the spectral norm of each matrix, as W/linf")
    tolerance: float = field(0.01, "how close to the largest entry counts as at it, relative", at_least=0, below=1)

    def measure(self, params: Any, context: Context, state: tuple) -> tuple[dict, tuple]:
        """Scalars linf, l2, at_linf, and with per_matrix NAME/linf, NAME/l2, NAME/spectral."""
        values = {"linf": largest_entry(params), "l2": euclidean_norm(params), "at_linf": share_at_bound(params, self.tolerance)}
        if self.per_matrix:
            for path, leaf in jax.tree_util.tree_leaves_with_path(params):
                found = {"linf": largest_entry(leaf), "l2": euclidean_norm(leaf), "spectral": spectral_norm(leaf)}
                values |= {f"{leaf_name(path)}/{norm}": value for norm, value in found.items()}
        return values, state

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """A panel for each norm, those of the matrices with that of all parameters."""
        draw_panels(figure, run, {_WORDS.get(quantity, quantity): columns for quantity, columns in quantities_of(run, name).items()})


_WORDS = {
    "linf": "largest parameter\n" r"$\|\theta\|_\infty$",
    "l2": "Euclidean norm\n" r"$\|\theta\|_2$",
    "spectral": "spectral norm",
    "at linf": "share of parameters\nas large as the largest",
}


def spectral_norm(array: Float[Array, "..."]) -> Float[Array, ""]:
    """The largest singular value of the matrix whose columns are the last axis, all other axes merged into its rows.

    For W [k, p, h] that is the kp × h matrix of the paper, transposed. The 2-norm of a vector; |x| of a number.
    """
    matrix = array.reshape(-1, array.shape[-1] if array.ndim > 1 else 1)
    largest = largest_entry(matrix)
    safe = jnp.where(largest > 0, largest, 1)
    return safe * jnp.linalg.norm(matrix / safe, 2)


def share_at_bound(params: Any, tolerance: Number = 0.01) -> Float[Array, ""]:
    """The share of all entries with |θ_i| ≥ (1 − tolerance) ‖θ‖_∞; 1 where all are zero."""
    bound = (1 - tolerance) * largest_entry(params)
    there = [jnp.sum(jnp.abs(leaf) >= bound) for leaf in jax.tree.leaves(params)]
    return share(jnp.sum(jnp.stack(there)), sum(leaf.size for leaf in jax.tree.leaves(params)))
