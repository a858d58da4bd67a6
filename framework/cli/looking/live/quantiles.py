"""Many curves as three: what a tenth, half and nine tenths of them lie below, at each step."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from framework.cli.looking.live.panel import Line

SHARES = (("slowest tenth", 0.1, True), ("median", 0.5, False), ("fastest tenth", 0.9, True))  # label, share, dashed
COLUMNS = 80  # steps at which the curves are looked at
LEAST = 5  # curves that reach a step, below which no share of them is drawn


def quantiles(curves: Sequence[tuple[Sequence[int], Sequence[float]]], steps: int) -> list[Line]:
    """(steps, values) of each → a line for each share, at each step over the curves that have come that far.

    A curve has the value that was measured last. steps: where the axis ends.
    """
    at = sorted({round(math.expm1(math.log1p(steps) * column / (COLUMNS - 1))) for column in range(COLUMNS)})
    found: dict[int, list[float]] = {step: [] for step in at}
    for its_steps, values in curves:
        for step in at[: bisect_right(at, its_steps[-1])]:
            if place := bisect_right(its_steps, step):
                found[step].append(values[place - 1])
    there = [(step, sorted(values)) for step, values in found.items() if len(values) >= min(LEAST, len(curves))]
    lines = []
    for label, share, dashed in SHARES:
        middle = [values[round(share * (len(values) - 1))] for _, values in there]
        style, letter = ("cyan", ".") if dashed else ("magenta", "o")
        lines.append(Line(label, [step for step, _ in there], middle, style, letter, dashed))
    return lines
