"""Muon: steps along the orthogonalized momentum of each weight matrix."""

from dataclasses import dataclass
from typing import Any

import jax
import optax
from optax.contrib import MuonDimensionNumbers, muon

from framework import Optimizer, field, register
from plugins.networks.parameters import matrix_axes
from plugins.optimizers.rules.adam import decay_notices


@register("muon")
@dataclass(frozen=True, kw_only=True)
class Muon(Optimizer):
    """θ ← θ − η (O(m) + λ θ), O(m) the nearest orthogonal matrix by Newton–Schulz; AdamW for vectors (optax.contrib.muon).

    A tensor counts as the matrix that it is in a network: W [k, p, h] as kp × h, an attention kernel [d, heads, d_head] as
    d × d. The step is scaled by √max(1, fan_out/fan_in). Source: Jordan 2024, Muon; applied to grokking by Tveit et al. 2025,
    arXiv 2504.16041.
    """

    learning_rate: float = field(2e-2, "η", above=0)
    beta: float = field(0.95, "decay of the momentum", at_least=0, below=1, structural=True)
    nesterov: bool = field(True, "look ahead along the momentum")
    iterations: int = field(5, "number of Newton–Schulz iterations", at_least=1)
    weight_decay: float = field(0.0, "λ, multiplied by η", at_least=0)
    adam_learning_rate: float = field(1e-3, "η of AdamW, for vectors", above=0)

    def transform(self) -> optax.GradientTransformation:
        """optax.contrib.muon with these fields."""
        return muon(
            self.learning_rate,
            beta=self.beta,
            nesterov=self.nesterov,
            ns_steps=self.iterations,
            weight_decay=self.weight_decay,
            adam_weight_decay=self.weight_decay,
            adam_learning_rate=self.adam_learning_rate,
            muon_weight_dimension_numbers=matrices,
        )

    def notices(self, experiment: Any) -> list[str]:
        """A sentence where the decay is unusually fast or slow."""
        return decay_notices(self.learning_rate, self.weight_decay)


def matrices(params: Any) -> Any:
    """How each tensor is a matrix: input axes, output axes; None for vectors."""
    return jax.tree_util.tree_map_with_path(_matrix, params)


def _matrix(path: tuple, leaf: Any) -> MuonDimensionNumbers | None:
    axes = matrix_axes(path, leaf)
    return axes and MuonDimensionNumbers(reduction_axis=axes[0], output_axis=axes[1])
