"""Figure 2: regression: the initialization scale α, and the kernel long after interpolation."""

from collections.abc import Sequence

from framework.evidence.figures import Panel, Picture
from framework.run.loading import Run
from plugins.figures import shapes


def picture(runs: Sequence[Run]) -> Picture:
    """Left: accuracies for several α. Right: eNTK change of the same runs. A row a method, the printed one last."""
    rows, verdicts = [], []
    for method in sorted(set(map(shapes.method, runs)), key=lambda method: (method == "as printed", method)):
        members = [run for run in runs if shapes.method(run) == method]
        ordered = sorted(members, key=shapes.scale)
        setting = shapes.setting(ordered[0])
        rows.append([shapes.several(ordered, shapes.scale, "α", setting), _kernels(ordered, setting)])
        for run in ordered:
            one = f"α = {shapes.scale(run):g}, {setting}"
            verdicts += [shapes.generalizes([run], one), shapes.kernel_goes_on(run, one)]
        verdicts += [shapes.gap_closes(ordered, shapes.scale, setting), shapes.slower_when_small(ordered, shapes.scale, setting)]
    return Picture(rows, verdicts)


def _kernels(runs: Sequence[Run], setting: str) -> Panel:
    curves = [shapes.kernel_change(run, f"α = {shapes.scale(run):g}", i) for i, run in enumerate(runs)]
    return Panel(f"eNTK change, {setting}", "step", "eNTK change", curves, log_y=True)
