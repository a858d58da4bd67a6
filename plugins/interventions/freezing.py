"""Parameters that stand still, from one step to another."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from framework import Intervention, Setting, Training, field, register
from framework.interfaces import Values, chosen


@register("freeze")
@dataclass(frozen=True, kw_only=True)
class Freeze(Intervention):
    """The parameters that are named stand still from here on, until `thaw`.

    The optimizer sees their gradients all the same, and remembers them: what it would add to them, decay too, is left out.
    Source: layers held still, as in Yosinski et al. 2014.
    """

    leaves: tuple[str, ...] = field((), 'dotted names of parameters, with * for any letters, such as "W"; empty: all')

    changes: ClassVar[tuple[str, ...]] = ("frozen",)

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Marks them."""
        return _marked(training, self.leaves, True), {}


@register("thaw")
@dataclass(frozen=True, kw_only=True)
class Thaw(Intervention):
    """The parameters that are named are trained again, from here on. Source: the opposite of `freeze`."""

    leaves: tuple[str, ...] = field((), 'dotted names of parameters, with * for any letters, such as "W"; empty: all')

    changes: ClassVar[tuple[str, ...]] = ("frozen",)

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Takes the marks away."""
        return _marked(training, self.leaves, False), {}


def _marked(training: Training, patterns: tuple[str, ...], stands: bool) -> Training:
    marks = {name: np.array(stands) for name in chosen("leaves", patterns, training.params)}
    return replace(training, frozen=training.frozen | marks)
