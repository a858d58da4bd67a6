"""Parameters multiplied by a number, or set to one."""

from dataclasses import dataclass, replace

import numpy as np

from framework import Intervention, Setting, Training, field, register
from framework.interfaces import Values, chosen, replaced


@register("scale")
@dataclass(frozen=True, kw_only=True)
class Scale(Intervention):
    """θ ← factor · θ, for the parameters that are named.

    Source: Liu et al. 2023 (arXiv 2210.01117) scale an initialization so; this does it at any step.

    Example: whygrok run --config=quickstart --config.interventions.x.name=scale --config.interventions.x.schedule="at 500"
    --config.interventions.x.factor=0.5 --config.interventions.x.leaves=V
    """

    factor: float = field(0.5, "what the parameters are multiplied by")
    leaves: tuple[str, ...] = field((), 'dotted names of parameters, with * for any letters, such as "W"; empty: all')

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Multiplies."""
        new = {name: leaf * self.factor for name, leaf in chosen("leaves", self.leaves, training.params).items()}
        return replace(training, params=replaced(training.params, new)), {}


@register("set_to")
@dataclass(frozen=True, kw_only=True)
class SetTo(Intervention):
    """θ ← value, for every entry of the parameters that are named: 0 takes them away. Source: ablation by zeros.

    Example: whygrok run --config=quickstart --config.interventions.x.name=set_to --config.interventions.x.schedule="at 500"
    --config.interventions.x.value=0 --config.interventions.x.leaves=V
    """

    value: float = field(0.0, "the number that every entry becomes")
    leaves: tuple[str, ...] = field((), 'dotted names of parameters, with * for any letters, such as "W"; empty: all')

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Fills."""
        new = {name: np.full_like(leaf, self.value) for name, leaf in chosen("leaves", self.leaves, training.params).items()}
        return replace(training, params=replaced(training.params, new)), {}
