"""Figure 2: regression: the initialization scale α, and the kernel long after interpolation."""

from collections.abc import Sequence
from dataclasses import dataclass

from framework import Curve, Figure, Panel, Picture, Run, register
from plugins import shapes


@register("fig2")
@dataclass(frozen=True, kw_only=True)
class Figure2(Figure):
    """Regression: the initialization scale α, and the kernel long after interpolation (figure 2 of Mohamadi et al. 2024)."""

    config = "paper/fig2"

    def picture(self, runs: Sequence[Run]) -> Picture:
        """Left: accuracies for several α. Right: eNTK change of the same runs. One row per method, the printed one last.

        Each kernel's change is judged by the paper's sentence, orders of magnitude larger after fitting, and by a weaker one: it goes on.
        """
        rows, verdicts = [], []
        for method in sorted(set(map(shapes.method, runs)), key=lambda method: (method == "as printed", method)):
            members = [run for run in runs if shapes.method(run) == method]
            ordered = sorted(members, key=shapes.scale)
            setting = shapes.setting(ordered[0])
            rows.append([shapes.several(ordered, shapes.scale, "α", setting), _kernels(ordered, setting)])
            for seeds in shapes.by_setting(ordered):
                one = f"α = {shapes.scale(seeds[0]):g}, {setting}"
                verdicts += [shapes.generalizes(seeds, one), shapes.kernel_waits(seeds, one), shapes.kernel_goes_on(seeds, one)]
                if shapes.has_triples(seeds):
                    verdicts.append(shapes.triples_wait(seeds, one))
            verdicts += [shapes.gap_closes(ordered, shapes.scale, setting), shapes.slower_when_small(ordered, shapes.scale, setting)]
        return Picture(rows, verdicts)


def _kernels(runs: Sequence[Run], setting: str) -> Panel:
    curves: list[Curve] = []
    for i, seeds in enumerate(shapes.by_setting(runs)):
        label = f"α = {shapes.scale(seeds[0]):g}"
        curves += shapes.kernel_changes(seeds, label, i)
        if shapes.has_triples(seeds):
            curves += shapes.quantity(seeds, shapes.TRIPLES, f"{label}, random triples", ":", i)
    return Panel(f"eNTK change, {setting}", "step", "eNTK change", curves, log_y=True)
