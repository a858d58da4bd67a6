"""Singular directions of matrices, kept alone or taken away."""

from dataclasses import dataclass, replace

import jax
import numpy as np

from framework import Intervention, Setting, Training, field, register
from framework.errors import FieldError
from framework.interfaces import Values, chosen, replaced
from plugins.networks.parameters import matrix_axes


@register("singular_directions")
@dataclass(frozen=True, kw_only=True)
class SingularDirections(Intervention):
    """M = Σ_i σ_i u_i v_iᵀ ← the part of the `count` largest σ_i alone, which is the nearest matrix of that rank
    (Eckart and Young 1936), or the rest of it.

    A tensor is the matrix that it is in the network: W [k, p, h] is kp × h. Computed in float64. Records the array share, in
    the order of the names: how much of ΣΣ M² those directions have.

    Example: whygrok run --config=quickstart --config.interventions.x.name=singular_directions --config.interventions.x.schedule="at 500"
    --config.interventions.x.count=5 --config.interventions.x.leaves=W
    """

    mode: str = field("keep", "what is done with the largest directions: keep them alone, or remove them", choices=("keep", "remove"))
    count: int = field(5, "how many directions of each matrix", at_least=0)
    leaves: tuple[str, ...] = field((), 'dotted names of matrices, with * for any letters, such as "W"; empty: all')

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Decomposes and puts together again."""
        new, shares = {}, []
        for name, leaf in chosen("leaves", self.leaves, training.params).items():
            axes = matrix_axes((jax.tree_util.DictKey(name),), leaf)
            if axes is None:
                if name in self.leaves:
                    raise FieldError("leaves", name, f"this parameter of shape {list(np.shape(leaf))} is no matrix")
                continue
            u, sizes, v = np.linalg.svd(
                leaf.reshape(int(np.prod([leaf.shape[axis] for axis in axes[0]])), -1).astype(float), full_matrices=False
            )
            taken = np.arange(len(sizes)) < self.count
            kept = sizes * (taken if self.mode == "keep" else ~taken)
            new[name] = ((u * kept) @ v).reshape(leaf.shape).astype(leaf.dtype)
            shares.append(float(np.sum(sizes[taken] ** 2) / max(np.sum(sizes**2), np.finfo(float).tiny)))
        return replace(training, params=replaced(training.params, new)), {"share": np.array(shares)}
