"""Figure 1: classification: the kernel before and after fitting, the initialization scale α, and how many samples are needed."""

from collections.abc import Sequence
from dataclasses import dataclass

from framework import Figure, Panel, Picture, Run, register
from plugins import shapes

PRINTED = 10.0  # η of appendix A
KERNEL = (shapes.kernel_waits, shapes.kernel_regime)
RIVALS = ("p^(3/2)", "p²/log p", "p²")  # laws beside the printed p^(5/3)


@register("fig1")
@dataclass(frozen=True, kw_only=True)
class Figure1(Figure):
    """Classification: the kernel before and after fitting, several α, the samples needed (figure 1 of Mohamadi et al. 2024)."""

    config = "paper/fig1"

    def picture(self, runs: Sequence[Run]) -> Picture:
        """Left: accuracies and eNTK change at α = 1. Middle: several α. Right: accuracy against n, several p. Below: as printed.

        The members that record the kernel are those of the first two panels, the others those of the third. Below at the right:
        the n at which accuracy is ½, and laws through it.
        """
        with_kernel = [run for run in runs if "ntk_drift" in run.config.probes]
        printed = [run for run in with_kernel if run.config.optimizer.learning_rate == PRINTED]
        scales = sorted((run for run in with_kernel if run not in printed), key=shapes.scale)
        ones = [run for run in scales if shapes.scale(run) == 1]
        sizes = [run for run in runs if run not in with_kernel]
        rate = f"η = {ones[0].config.optimizer.learning_rate:g}"
        above = [
            _with_kernel(ones, f"classification, p = {shapes.modulus(ones[0])}, {rate}"),
            shapes.several(scales, shapes.scale, "α", f"several α, {rate}"),
            shapes.sizes_panel(sizes, 5 / 3, "p^(5/3)", f"samples needed, {rate}"),
        ]
        below = [
            _with_kernel(printed, f"as printed: η = {PRINTED:g}"),
            *shapes.thresholds_panels(sizes, ("p^(5/3)", "p²/log p", "p²"), f"samples needed, {rate}"),
        ]
        verdicts = [
            *(verdict(printed, f"as printed, η = {PRINTED:g}") for verdict in (*KERNEL, shapes.generalizes)),
            *(verdict(ones, f"{rate}, α = 1") for verdict in KERNEL),
            shapes.generalizes(ones, rate),
            shapes.gap_closes(scales, shapes.scale, rate),
            shapes.exponent_is(sizes, 5 / 3, "p^(5/3)", rate),
            shapes.law_holds(sizes, "p^(5/3)", RIVALS, rate),
        ]
        return Picture([above, below], verdicts)


def _with_kernel(runs: Sequence[Run], title: str) -> Panel:
    curves = [*shapes.accuracies(runs, "", 0), *shapes.kernel_changes(runs, "", 1, second=True)]
    return Panel(title, "step", "accuracy", curves, second_label="eNTK change")
