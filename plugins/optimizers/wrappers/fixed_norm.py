"""Training at a fixed norm of the parameters."""

from dataclasses import dataclass
from typing import Any

import jax
import optax

from framework import Optimizer, part, register
from framework.errors import UserError
from framework.numbers import euclidean_norm
from plugins.optimizers.rules.adam import Adam


@register("fixed_norm")
@dataclass(frozen=True, kw_only=True)
class FixedNorm(Optimizer):
    """After each step of the optimizer inside, θ is scaled back to the norm ‖θ_0‖₂ it began with (Liu et al. 2023, Omnigrok).

    arXiv 2210.01117. The norm is over all parameters; model.init_scale sets it. It must be the outermost optimizer:
    what scales its steps leaves the sphere. State: ‖θ_0‖₂. Raises UserError where the parameters begin at 0.
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

    return optax.GradientTransformation(_initial_norm, update)


def _initial_norm(params: Any) -> Any:
    norm = euclidean_norm(params)
    if not isinstance(norm, jax.core.Tracer) and norm == 0:
        raise UserError(
            "optimizer.name = 'fixed_norm': the parameters begin at 0, as the displacements of the kernel model do, and a norm of 0 "
            "would hold them there"
        )
    return norm
