"""Figure 4: classification for several p: accuracy, and ‖θ‖_∞ at the end."""

from collections.abc import Sequence
from dataclasses import dataclass

from framework import Figure, Picture, Run, register
from plugins import shapes
from plugins.figures.fig1 import PRINTED


@register("fig4")
@dataclass(frozen=True, kw_only=True)
class Figure4(Figure):
    """Classification for several p: accuracy, and ‖θ‖_∞ at the end (figure 4 of Mohamadi et al. 2024)."""

    config = "paper/fig4"

    def picture(self, runs: Sequence[Run]) -> Picture:
        """Left: accuracies. Right: ‖θ‖_∞ at the end against p. Below: both as printed."""
        rows, verdicts = [], []
        for rate in sorted({run.config.optimizer.learning_rate for run in runs}):
            members = sorted((run for run in runs if run.config.optimizer.learning_rate == rate), key=shapes.modulus)
            setting = f"as printed, η = {rate:g}" if rate == PRINTED else f"η = {rate:g}"
            rows.append([shapes.several(members, shapes.modulus, "p", setting), shapes.final_norms(members, setting)])
            verdicts += [shapes.generalizes(members, setting), shapes.flat(members, setting)]
        return Picture(rows, verdicts)
