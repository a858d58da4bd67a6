"""How the tangent kernel of a run moves: its curve, and the verdicts on when it does."""

import numpy as np

from framework import Curve, Run, Verdict
from framework.reading import last_value
from plugins.shapes.runs import first_step, interpolated_step, until_divergence

DRIFT = "ntk_drift/absolute"  # ‖Θ_t − Θ_0‖_F, what the paper draws
ORDERS = 0.01  # "negligible" is two orders of magnitude below
NEARLY = 0.95  # share of the training examples: the last of them may take long, and be lost again
LATER = 0.1  # share of the kernel's change that counts as going on


def kernel_change(run: Run, label: str, colour: int, second: bool = False) -> Curve:
    """‖Θ_t − Θ_0‖_F; dotted where it shares a panel with accuracies."""
    said = f"{label} eNTK change".strip() if second else label
    return Curve(said, *until_divergence(run, DRIFT), ":" if second else "-", colour, second)


def kernel_waits(run: Run, setting: str) -> Verdict:
    """Whether the kernel is where it was when the training set is fitted, and far from there at the end."""
    fitted = interpolated_step(run)
    then, end = kernel_at(run, fitted), last_value(run, DRIFT)
    share = then / end if then is not None and end else None
    nearly = kernel_at(run, first_step(run, "train/accuracy", NEARLY))
    measured = {"step fitted": fitted, "change when fitted": then, "change at the end": end, "ratio": share}
    measured[f"ratio when {NEARLY:.0%} are fitted"] = nearly / end if nearly is not None and end else None
    seen = share is not None and share <= ORDERS
    return Verdict(f"{setting}: the eNTK changes only after the training set is fitted", measured, f"ratio ≤ {ORDERS}", seen)


def kernel_goes_on(run: Run, setting: str) -> Verdict:
    """Whether much of the kernel's change comes after the training set is interpolated."""
    fitted = interpolated_step(run)
    then, end = kernel_at(run, fitted), last_value(run, DRIFT)
    later = 1 - then / end if then is not None and end else None
    measured = {"step fitted": fitted, "change when fitted": then, "change at the end": end, "share after": later}
    seen = later is not None and later >= LATER
    return Verdict(f"{setting}: the eNTK keeps changing after interpolation", measured, f"share after ≥ {LATER}", seen)


def kernel_at(run: Run, step: int | None) -> float | None:
    """The eNTK change at a step, between measurements by a power law in 1 + step; None where the step is, or before the first change."""
    if step is None:
        return None
    steps, values = run.series(DRIFT)
    steps, values = steps[values > 0], values[values > 0]
    if not len(steps) or step < steps[0]:
        return None
    return float(np.exp(np.interp(np.log1p(step), np.log1p(steps), np.log(values))))
