"""Gradients at other places or with noise, in front of any optimizer: SAM and gradient noise."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PRNGKeyArray

from framework import Optimizer, field, part, register
from framework.errors import UserError
from framework.fields import parts
from framework.numbers import Number
from framework.training import leaf_name
from plugins.optimizers.rules.adam import AdamW
from plugins.optimizers.rules.normalized_gd import scale_to_unit_norm
from plugins.optimizers.wrappers.fixed_norm import FixedNorm
from plugins.optimizers.wrappers.scheduled import Scheduled


@register("sam")
@dataclass(frozen=True, kw_only=True)
class SharpnessAware(Optimizer):
    """The optimizer inside gets the gradient at θ + ρ g/‖g‖ in place of g = ∇ℓ(θ) (Foret et al. 2021, arXiv 2010.01412).

    Two gradients per step, on the same examples. Exact for gradients of any size; with a zero gradient, that at θ. No state.
    """

    inner: Optimizer = part(AdamW(), "the optimizer that gets the gradient from uphill")
    radius: float = field(0.05, "ρ, how far uphill", at_least=0)

    def notices(self, experiment: Any) -> list[str]:
        """Refuses to stand inside a filter or a part: the gradient from uphill is that of all parameters, and replaces a filtered one."""
        places = dict(parts(experiment.optimizer, "optimizer"))
        here = next(path for path, plugin in places.items() if plugin is self)
        for path, outer in places.items():
            if here.startswith(f"{path}.") and not isinstance(outer, Scheduled | FixedNorm):
                raise UserError(
                    f"{here}.name = 'sam': stands inside {path}, whose gradient it would replace by the one from uphill; "
                    "put sam outside, as in optimizer=sam+grokfast"
                )
        return []

    def transform(self) -> optax.GradientTransformation:
        """Another gradient, then the optimizer inside."""
        return optax.chain(gradient_uphill(self.radius), self.inner.transform())


@register("noisy")
@dataclass(frozen=True, kw_only=True)
class Noisy(Optimizer):
    """The optimizer inside gets g + N(0, σ²/(1 + t)^γ), t = 0 at the first step (Neelakantan et al. 2015, arXiv 1511.06807).

    The noise follows from the run's seed and the step. State: the count of steps.
    """

    inner: Optimizer = part(AdamW(), "the optimizer that gets the noisy gradient")
    noise_std: float = field(1e-3, "σ, standard deviation of each entry at the first step", at_least=0)
    annealing: float = field(0.0, "γ; 0: the noise stays as it is, 0.55 in the paper", at_least=0)

    def transform(self) -> optax.GradientTransformation:
        """Noise, then the optimizer inside."""
        return optax.chain(add_noise(self.noise_std, self.annealing), self.inner.transform())


def gradient_uphill(radius: Number) -> optax.GradientTransformationExtraArgs:
    """The gradient at θ + ρ g/‖g‖. Needs the extra argument grad_fn(params, i)."""
    unit = scale_to_unit_norm()

    def update(gradient: Any, state: Any, params: Any = None, *, grad_fn: Callable, **_: Any) -> tuple[Any, Any]:
        direction, _ = unit.update(gradient, optax.EmptyState())
        uphill = jax.tree.map(lambda p, d: p + radius * d, params, direction)
        return grad_fn(uphill, 0), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


def add_noise(noise_std: Number, annealing: Number) -> optax.GradientTransformationExtraArgs:
    """g plus independent normal noise. Needs the extra argument key. State: count int32."""

    def update(gradient: Any, count: Any, params: Any = None, *, key: PRNGKeyArray, **_: Any) -> tuple[Any, Any]:
        std = noise_std / (1.0 + count) ** (annealing / 2)

        def drawn(path: tuple, g: Any) -> Any:
            own = jax.random.fold_in(key, zlib.crc32(leaf_name(path).encode()))  # by name: parts of a network never share noise
            return g + std.astype(g.dtype) * jax.random.normal(own, g.shape, g.dtype)

        return jax.tree_util.tree_map_with_path(drawn, gradient), count + 1

    return optax.GradientTransformationExtraArgs(lambda params: jnp.zeros((), jnp.int32), update)
