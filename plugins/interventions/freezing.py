"""Parameters that stand still, from one step to another."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from framework import Intervention, Setting, Training, field, register
from framework.interfaces import Values, chosen


@register("freeze")
@dataclass(frozen=True, kw_only=True)
class Freeze(Intervention):
    """The parameters that are named stand still from here on, until `thaw`: θ_{t+1} = θ_t, whatever the update.

    The optimizer sees their gradients all the same, and remembers them: what it would add to them, decay too, is left out.
    Source: layers held still, as in Yosinski et al. 2014 (arXiv 1411.1792).

    Example: whygrok run --config=quickstart --config.interventions.x.name=freeze --config.interventions.x.schedule="at 500"
    --config.interventions.x.leaves=W
    """

    leaves: tuple[str, ...] = field((), 'dotted names of parameters, with * for any letters, such as "W"; empty: all')

    changes: ClassVar[tuple[str, ...]] = ("frozen",)

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Marks them."""
        return _marked(training, self.leaves, True), {}


@register("thaw")
@dataclass(frozen=True, kw_only=True)
class Thaw(Intervention):
    """The parameters that are named are trained again, from here on: θ_{t+1} = θ_t + update. Source: the opposite of `freeze`.

    Example: whygrok run --config=quickstart --config.interventions.x.name=thaw --config.interventions.x.when="train/accuracy == 1"
    --config.interventions.x.leaves=W
    """

    leaves: tuple[str, ...] = field((), 'dotted names of parameters, with * for any letters, such as "W"; empty: all')

    changes: ClassVar[tuple[str, ...]] = ("frozen",)

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Takes the marks away."""
        return _marked(training, self.leaves, False), {}


def _marked(training: Training, patterns: tuple[str, ...], stands: bool) -> Training:
    marks = {name: np.array(stands) for name in chosen("leaves", patterns, training.params)}
    return replace(training, frozen=training.frozen | marks)
