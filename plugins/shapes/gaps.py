"""How far test accuracy lags behind training accuracy, and what the initialization's scale does to it."""

import math
from collections.abc import Sequence

import numpy as np

from framework import Run, Verdict
from framework.reading import grokked_step
from framework.records import GROKKED
from plugins.shapes.runs import Value, diverged, final_accuracy, interpolated_step


def gap_closes(runs: Sequence[Run], value: Value, setting: str) -> Verdict:
    """Whether a smaller α closes the gap between training and test accuracy.

    Judged by the area between them, where the run of the smallest α generalizes: one that learns nothing has a small area too.
    log10(grokked step / fitted step), which is null where a run has not grokked, is reported beside it.
    """
    ordered = sorted(runs, key=value)
    areas = [area(run) for run in ordered]
    measured: dict[str, int | float | None] = {f"area at α = {value(run):g}": one for run, one in zip(ordered, areas, strict=True)}
    measured |= {f"decades from fitted to grokked at α = {value(run):g}": _delay(run) for run in ordered}
    measured |= {"test accuracy at the smallest α": (end := final_accuracy(ordered[0]))}
    seen = len(areas) > 1 and all(a < b for a, b in zip(areas, areas[1:], strict=False)) and end >= GROKKED
    expected = f"area ascending in α, test accuracy ≥ {GROKKED}"
    return Verdict(f"{setting}: a smaller α closes the gap between training and test", measured, expected, seen)


def slower_when_small(runs: Sequence[Run], value: Value, setting: str) -> Verdict:
    """Whether a smaller α delays fitting."""
    ordered = sorted(runs, key=value)
    steps = [interpolated_step(run) for run in ordered]
    measured = {f"step fitted at α = {value(run):g}": step for run, step in zip(ordered, steps, strict=True)}
    known = [step for step in steps if step is not None]
    seen = len(known) == len(steps) > 1 and all(a >= b for a, b in zip(known, known[1:], strict=False)) and known[0] > known[-1]
    return Verdict(f"{setting}: a smaller α slows training", measured, "descending in α", seen)


def area(run: Run) -> float:
    """∫ (training − test accuracy) d log₁₀ step from step 1 on by trapezoids, in decades; NaN for a run that diverged."""
    if diverged(run):
        return math.nan
    (steps, train), (_, test) = (run.series(f"{split}/{run.headline}") for split in ("train", "test"))
    there = steps >= 1
    return float(np.trapezoid((train - test)[there], np.log10(steps[there])))


def _delay(run: Run) -> float:
    """log10(grokked / fitted); NaN where the run never fits or never groks."""
    fitted, grokked = interpolated_step(run), grokked_step(run)
    return math.nan if fitted is None or grokked is None else math.log10(max(grokked, 1) / max(fitted, 1))
