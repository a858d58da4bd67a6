"""Figure 2: regression: the initialization scale α, and the kernel long after interpolation."""

from collections.abc import Sequence
from dataclasses import dataclass

from framework import Figure, Panel, Picture, Run, register
from plugins import shapes


@register("fig2")
@dataclass(frozen=True, kw_only=True)
class Figure2(Figure):
    """Regression: the initialization scale α, and the kernel long after interpolation (figure 2 of Mohamadi et al. 2024)."""

    config = "paper/fig2"

    def picture(self, runs: Sequence[Run]) -> Picture:
        """Left: accuracies for several α. Right: eNTK change of the same runs. One row per method, the printed one last."""
        rows, verdicts = [], []
        for method in sorted(set(map(shapes.method, runs)), key=lambda method: (method == "as printed", method)):
            members = [run for run in runs if shapes.method(run) == method]
            ordered = sorted(members, key=shapes.scale)
            setting = shapes.setting(ordered[0])
            rows.append([shapes.several(ordered, shapes.scale, "α", setting), _kernels(ordered, setting)])
            for run in ordered:
                one = f"α = {shapes.scale(run):g}, {setting}"
                verdicts += [shapes.generalizes([run], one), shapes.kernel_goes_on([run], one)]
            verdicts += [shapes.gap_closes(ordered, shapes.scale, setting), shapes.slower_when_small(ordered, shapes.scale, setting)]
        return Picture(rows, verdicts)


def _kernels(runs: Sequence[Run], setting: str) -> Panel:
    curves = [curve for i, run in enumerate(runs) for curve in shapes.kernel_changes([run], f"α = {shapes.scale(run):g}", i)]
    return Panel(f"eNTK change, {setting}", "step", "eNTK change", curves, log_y=True)
