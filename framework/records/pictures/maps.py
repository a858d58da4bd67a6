"""Heat maps of a value over two fields: the mean over seeds where it happened, or the share of seeds in which it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import UserError
from framework.pictures import Axis, HeatMap, draw_heat_map, new_figure, plain_style
from framework.records.pictures.points import EVENTS, Points, grouped, in_full, key_of, number, save
from framework.records.table import Row, Table


@dataclass(frozen=True)
class Cell:
    """The runs at one place: those in which the value happened, or was measured, and their mean; NaN where there are none."""

    runs: Sequence[Row]
    values: Sequence[float]

    @property
    def mean(self) -> float:
        """The mean over the runs in which it happened."""
        return float(np.mean(self.values)) if self.values else float("nan")

    @property
    def share(self) -> float:
        """The share of the runs in which it happened."""
        return len(self.values) / len(self.runs) if self.runs else float("nan")


@plain_style()
def draw_map(table: Table, x: str, y: str, value: str, output: Path, share: bool = False, paper: float | None = None) -> list[Path]:
    """Draws a value over two fields, with the numbers beside it; returns both files.

    A cell is hatched where the value happened in no run, empty where there is no run. share: the colours are the share of runs in
    which it happened, instead of its mean over those. Raises UserError for a value in words, and where nothing can be drawn.
    """
    if x == y:
        raise UserError(f"--x={x} and --y={y} are the same: a heat map needs two fields, or draw a curve with --value={value}")
    points = Points.of(table, value, [x, y], [x, y])
    across, up = _values(points.rows, x), _values(points.rows, y)
    groups = grouped(points.rows, [x, y])
    cells = [[_cell(points, groups.get((i, j), []), value) for i in across] for j in up]
    numbers = np.array([[cell.share if share else cell.mean for cell in row] for row in cells])
    never = np.array([[bool(cell.runs) and not cell.values for cell in row] for row in cells])
    words = [[f"{len(cell.values)}/{len(cell.runs)}" if 0 < len(cell.values) < len(cell.runs) else "" for cell in row] for row in cells]
    here = numbers[np.isfinite(numbers)]
    heat = HeatMap(
        title=_title(points, value, share, groups.values(), any(map(any, words))),
        x=Axis(points.label(x), across),
        y=Axis(points.label(y), up),
        values=numbers,
        value_label="share of runs" if share else _colour_label(points, value),
        hatched=never,
        words=words,
        caption=_caption(never, next(filter(None, sum(words, [])), ""), np.isnan(numbers) & ~never, value in EVENTS, points),
        limits=(0.0, 1.0) if share else (None, None),
        log=bool(not share and len(here) and here.min() > 0 and here.max() / 10 > here.min()),
    )
    figure = new_figure()
    draw_heat_map(figure, heat)
    lines = [
        [across[i], up[j], cell.mean, len(cell.runs), len(cell.values), cell.share]
        for j, row in enumerate(cells)
        for i, cell in enumerate(row)
        if cell.runs
    ]
    about = {"picture": "heat map", "x": x, "y": y, "color": value, "runs": len(points.rows)}
    return save(figure, output, [x, y, f"mean {value}", "runs", "happened", "share"], lines, about, paper)


def _cell(points: Points, runs: Sequence[Row], value: str) -> Cell:
    return Cell(runs, [points.number(row, value) for row in runs if row[value] is not None])


def _values(rows: Sequence[Row], name: str) -> list[Any]:
    """The values of a field, ascending where they are numbers."""
    found = list(dict.fromkeys(key_of(row[name]) for row in rows))
    numbers = [number(value) for value in found]
    return sorted(found, key=float) if None not in numbers else sorted(found, key=str)


def _title(points: Points, value: str, share: bool, groups: Any, partly: bool) -> str:
    runs = points.runs_in(groups)
    what = points.label(value)
    if share:
        happened = {"grokked": "grokked", "fitted": "fitted the training set"}.get(value, f"have {in_full(value)}")
        return f"Share of the runs that {happened}\n{runs} in each cell"
    where = " in which it happened" if value in EVENTS else " that finished" if partly else ""
    return f"{what[0].upper()}{what[1:]}\nmean over the runs{where}, {runs} in each cell"


def _colour_label(points: Points, value: str) -> str:
    return "step" if value in EVENTS else points.label(value)


def _caption(never: np.ndarray, partly: str, empty: np.ndarray, event: bool, points: Points) -> str:
    said = [f"hatched: {'it happened' if event else 'measured'} in none of the runs"] if never.any() else []
    said += [f"{partly}: in so many of the runs{'' if event else ', the others failed'}"] if partly else []
    said += ["white: no run"] if empty.any() else []
    said += [points.left_out] if points.left_out else []
    return f"{'; '.join(said)}\n{points.about}".strip()
