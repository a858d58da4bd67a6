"""The memory of the optimizer, forgotten."""

from dataclasses import dataclass, replace
from typing import ClassVar

from framework import Intervention, Setting, Training, register
from framework.interfaces import Values


@register("reset_optimizer")
@dataclass(frozen=True, kw_only=True)
class ResetOptimizer(Intervention):
    """The optimizer begins anew at the parameters as they are: moments 0, counts of steps 0, warm-up and decay from their start.

    s ← init(θ), with s what the rule remembers. Source: what `init_from` does at step 0 of a run.

    Example: whygrok run --config=quickstart --config.interventions.x.name=reset_optimizer
    --config.interventions.x.when="train/accuracy == 1"
    """

    changes: ClassVar[tuple[str, ...]] = ("opt_state",)

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """What the rule remembers before its first step."""
        return replace(training, opt_state=context.optimizer.transform().init(training.params)), {}
