"""Optimizers of optax that need no module of their own: one adapter makes a plugin of each."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optax
import optax.contrib

from framework import Optimizer, field, register
from plugins.optimizers.rules.adam import decay_notices

LEARNING_RATE = 1e-3  # where the factory has none of its own
HELP = {
    "learning_rate": "η",
    "b1": "decay of the average of g",
    "b2": "decay of the average of g²",
    "weight_decay": "λ, decoupled: multiplied by η",
    "eps": "ε, for stability",
    "eps_root": "number added inside the root",
    "momentum": "μ",
    "nesterov": "look ahead along the momentum",
}
WEIGHT_DECAY_COUPLED = ("lars", "novograd")


def from_optax(name: str) -> Callable[[type], type]:
    """Makes a plugin of a class with a docstring: arguments of that factory of optax become its fields.

    These are the arguments with a number or a truth value as default. A rate without a default gets 1e-3.
    """
    place = "optax" if hasattr(optax, name) else "optax.contrib"
    factory = getattr(optax if place == "optax" else optax.contrib, name)
    defaults = _defaults(factory)

    def transform(self: Any) -> optax.GradientTransformation:
        """What the factory makes of the fields."""
        return factory(**{key: getattr(self, key) for key in defaults})

    def notices(self: Any, experiment: Any) -> list[str]:
        """A sentence where a decoupled decay is unusually fast or slow."""
        decoupled = hasattr(self, "weight_decay") and name not in WEIGHT_DECAY_COUPLED
        return decay_notices(self.learning_rate, self.weight_decay) if decoupled else []

    def decorate(cls: Any) -> type:
        cls.__annotations__ = {key: type(default) for key, default in defaults.items()}
        for key, default in defaults.items():
            setattr(cls, key, _field(name, key, default))
        cls.transform, cls.notices = transform, notices
        cls.__doc__ += f"\n\nThe same as {place}.{name}, whose arguments are the fields."
        return dataclass(frozen=True, kw_only=True)(cls)

    return decorate


def _defaults(factory: Callable) -> dict[str, Any]:
    defaults = {key: parameter.default for key, parameter in inspect.signature(factory).parameters.items()}
    if defaults.get("learning_rate") in (inspect.Parameter.empty, None):
        defaults["learning_rate"] = LEARNING_RATE
    fixed = getattr(factory, "keywords", {})  # those of a partial: optax.nadam is adam with nesterov=True
    left_out = {key for key in defaults if key in fixed or key.endswith("_mask")}  # masks are trees; see by_part
    return {key: default for key, default in defaults.items() if isinstance(default, bool | int | float) and key not in left_out}


def _field(optimizer: str, key: str, default: Any) -> Any:
    limits: dict[str, Any] = {}
    if key == "learning_rate" or (key == "eps" and default):  # without ε, a zero gradient would give 0/0
        limits = {"above": 0}
    elif not isinstance(default, bool):
        limits = {"at_least": 0} | ({"below": 1} if key.startswith("b") and key[1:].isdigit() else {})
    said = HELP.get(key, key.replace("_", " ") + ", as in optax")
    if key == "weight_decay" and optimizer in WEIGHT_DECAY_COUPLED:
        said = "λ, added to the gradient as λ θ"
    # The complement of a decay near 1 must not be taken in float32.
    return field(default, said, **limits, structural=limits.get("below") == 1 or key == "rho")


@register("adabelief")
@from_optax("adabelief")
class Adabelief(Optimizer):
    """Adam with the variance of g around its average in place of g² (Zhuang et al. 2020, arXiv 2010.07468)."""


@register("adadelta")
@from_optax("adadelta")
class Adadelta(Optimizer):
    """Steps in units of past steps (Zeiler 2012, arXiv 1212.5701)."""


@register("adagrad")
@from_optax("adagrad")
class Adagrad(Optimizer):
    """θ ← θ − η g/√(Σ g² + ε) (Duchi et al. 2011)."""


@register("adamax")
@from_optax("adamax")
class Adamax(Optimizer):
    """Adam with the largest past |g| in place of √v (Kingma & Ba 2015)."""


@register("amsgrad")
@from_optax("amsgrad")
class Amsgrad(Optimizer):
    """Adam with the largest v so far (Reddi et al. 2018)."""


@register("lamb")
@from_optax("lamb")
class Lamb(Optimizer):
    """Adam with a trust ratio ‖θ‖/‖u‖ per tensor (You et al. 2020, arXiv 1904.00962)."""


@register("lars")
@from_optax("lars")
class Lars(Optimizer):
    """Momentum with a trust ratio per tensor (You et al. 2017, arXiv 1708.03888)."""


@register("lion")
@from_optax("lion")
class Lion(Optimizer):
    """θ ← θ − η (sign(b₁ m + (1 − b₁) g) + λ θ) (Chen et al. 2023, arXiv 2302.06675)."""


@register("nadam")
@from_optax("nadam")
class Nadam(Optimizer):
    """Adam with Nesterov momentum (Dozat 2016)."""


@register("nadamw")
@from_optax("nadamw")
class Nadamw(Optimizer):
    """Nadam with decoupled weight decay (Dozat 2016; Loshchilov & Hutter 2019)."""


@register("novograd")
@from_optax("novograd")
class Novograd(Optimizer):
    """Adam with one second moment per tensor (Ginsburg et al. 2019, arXiv 1905.11286)."""


@register("radam")
@from_optax("radam")
class Radam(Optimizer):
    """Adam whose early steps are rectified (Liu et al. 2020, arXiv 1908.03265)."""


@register("sign_sgd")
@from_optax("sign_sgd")
class SignSgd(Optimizer):
    """Sign descent: θ ← θ − η sign(g) (Bernstein et al. 2018, arXiv 1802.04434)."""


@register("yogi")
@from_optax("yogi")
class Yogi(Optimizer):
    """Adam with a v that moves by bounded steps (Zaheer et al. 2018)."""


@register("ademamix")
@from_optax("ademamix")
class Ademamix(Optimizer):
    """Adam with a second, slow average of g (Pagliardini et al. 2024, arXiv 2409.03137)."""
