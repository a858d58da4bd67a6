"""How large the parameters are."""

from dataclasses import dataclass
from typing import Any

import jax

from framework import Context, Probe, field, register
from framework.numbers import euclidean_norm, largest_entry
from framework.state import leaf_name


@register("norms")
@dataclass(frozen=True, kw_only=True)
class Norms(Probe):
    """Norms of the parameters: linf = ‖θ‖_∞ = max |θ_i| (eq. 2.2 of Mohamadi et al. 2024) and l2 = ‖θ‖₂.

    No state. Both are right for entries whose squares underflow.
    """

    per_matrix: bool = field(False, "also linf and l2 of each matrix, as W/linf")

    def measure(self, params: Any, context: Context, state: tuple) -> tuple[dict, tuple]:
        """Scalars linf, l2, and with per_matrix NAME/linf, NAME/l2."""
        values = {"linf": largest_entry(params), "l2": euclidean_norm(params)}
        if self.per_matrix:
            for path, leaf in jax.tree_util.tree_leaves_with_path(params):
                values |= {f"{leaf_name(path)}/linf": largest_entry(leaf), f"{leaf_name(path)}/l2": euclidean_norm(leaf)}
        return values, state
