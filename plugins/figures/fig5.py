"""Figure 5: a transformer of one layer for several p: loss, accuracy and eNTK change."""

from collections.abc import Sequence
from dataclasses import dataclass

from framework import Figure, Panel, Picture, Run, register
from plugins import shapes


@register("fig5")
@dataclass(frozen=True, kw_only=True)
class Figure5(Figure):
    """A transformer of one layer for several p: loss, accuracy and eNTK change (figure 5 of Mohamadi et al. 2024)."""

    config = "paper/fig5"

    def picture(self, runs: Sequence[Run]) -> Picture:
        """Three panels of the runs as printed, by gradient descent, and three of those that grok."""
        rows, verdicts = [], []
        for printed in (True, False):
            members = sorted((run for run in runs if (run.config.optimizer.name == "gd") == printed), key=shapes.modulus)
            setting = "as printed" if printed else members[0].config.optimizer.name
            rows.append(_row(members, setting))
            for seeds in shapes.by_setting(members):
                one = f"{setting}, p = {shapes.modulus(seeds[0])}"
                verdicts += [shapes.kernel_waits(seeds, one), shapes.kernel_regime(seeds, one)]
            verdicts.append(shapes.generalizes(members, setting))
        return Picture(rows, verdicts)


def _row(runs: Sequence[Run], setting: str) -> list[Panel]:
    groups = [(f"p = {shapes.modulus(seeds[0])}", i, seeds) for i, seeds in enumerate(shapes.by_setting(runs))]
    loss = [curve for label, i, seeds in groups for curve in shapes.losses(seeds, label, i)]
    change = [curve for label, i, seeds in groups for curve in shapes.kernel_changes(seeds, label, i)]
    return [
        Panel(f"loss, {setting}", "step", "loss", loss, log_y=True),
        shapes.several(runs, shapes.modulus, "p", f"accuracy, {setting}"),
        Panel(f"eNTK change, {setting}", "step", "eNTK change", change, log_y=True),
    ]
