"""Training at a fixed norm of the parameters."""

from dataclasses import dataclass
from typing import Any

import jax
import optax

from framework import Optimizer, part, register
from framework.numbers import euclidean_norm
from plugins.optimizers.adam import Adam


@register("fixed_norm")
@dataclass(frozen=True, kw_only=True)
class FixedNorm(Optimizer):
    """After each step of the optimizer inside, θ is scaled back to the norm ‖θ_0‖₂ it began with (Liu et al. 2023, Omnigrok).

    arXiv 2210.01117. The norm is over all parameters; model.init_scale sets it. State: ‖θ_0‖₂.
    """

    inner: Optimizer = part(Adam(), "the optimizer whose steps are followed by the projection")

    def transform(self) -> optax.GradientTransformation:
        """The optimizer inside, then the projection."""
        return optax.chain(self.inner.transform(), project_to_initial_norm())


def project_to_initial_norm() -> optax.GradientTransformation:
    """Turns a step u from θ into the step to (θ + u) ‖θ_0‖/‖θ + u‖."""

    def update(step: Any, norm: Any, params: Any = None) -> tuple[Any, Any]:
        arrived = optax.apply_updates(params, step)
        length = euclidean_norm(arrived)
        scale = jax.numpy.where(length == 0, 1, norm / jax.numpy.where(length == 0, 1, length))
        return jax.tree.map(lambda a, p: scale * a - p, arrived, params), norm

    return optax.GradientTransformation(euclidean_norm, update)
