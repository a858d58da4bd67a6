"""A value against a field: the mean over seeds with its 95 % interval, and each seed faint behind it."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from framework.config import word_of
from framework.errors import UserError
from framework.pictures import COLOURS, Curve, Panel, draw, new_figure, plain_style
from framework.records.names import short_fields
from framework.records.pictures.points import Points, count_of, grouped, in_full, save, scale_of
from framework.records.table import Row, Table

MOST = 12  # curves that are told apart
LABEL = 44  # characters of a label that fit beside the picture


@plain_style()
def draw_bands(table: Table, x: str, value: str, output: Path, paper: float | None = None) -> list[Path]:
    """Draws the mean of a value over seeds against a field, one colour per setting of the other fields; returns picture and data.

    Raises UserError where x or the value is in words, for too many settings, and where nothing can be drawn.
    """
    points = Points.of(table, value, [x], [x, value])
    settings = grouped(points.rows, points.others)
    if len(settings) > MOST:
        raise UserError(
            f"the runs also differ in {', '.join(points.others)}: {len(settings)} curves are too many; name a folder with fewer"
        )
    curves: list[Curve] = []
    lines: list[list[float | str]] = []
    for colour, rows in enumerate(settings.values()):
        label = _label(points, rows[0])
        at = _by_x(points, rows, x, value)
        curves += _seeds(points, rows, x, value, colour)
        mean, half = (np.array(column) for column in zip(*(interval(values) for values in at.values()), strict=True))
        style = "o-" if colour < len(COLOURS) else "o--"
        curves.append(Curve(in_full(label), list(at), mean, style, colour, low=mean - half, high=mean + half))
        lines += [[label, place, m, m - h, m + h, len(at[place])] for place, m, h in zip(at, mean, half, strict=True)]
    flat = np.array([points.number(row, value) for row in points.rows])
    count = count_of((group for rows in settings.values() for group in grouped(rows, [x]).values()), "seed")
    said = [f"mean and 95 % interval over {count} (Student's t); pale: each seed", points.about, points.left_out]
    title = "\n".join(filter(None, said))
    log_y = bool(flat.min() > 0 and flat.max() / 100 > flat.min())
    y_label = "\n".join(textwrap.wrap(points.label(value), LABEL))
    panel = Panel(title, points.label(x), y_label, curves, scale_of(place for curve in curves for place in curve.x), log_y)
    figure = new_figure()
    ((axes,),) = draw(figure, [[panel]], size=(7.2, 4.8))
    places = sorted({float(place) for curve in curves for place in curve.x})
    if len(places) <= MOST:
        axes.set_xticks(places, [f"{place:g}" for place in places])
        axes.set_xticks([], minor=True)
    header = ["curve", x, f"mean {value}", "low", "high", "runs"]
    return save(figure, output, header, lines, {"picture": "bands", "x": x, "value": value, "runs": len(points.rows)}, paper)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """(mean, half the width of its 95 % interval by Student's t); the width is NaN for one value."""
    if len(values) < 2:
        return float(np.mean(values)), float("nan")
    from scipy.special import stdtrit

    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values)), float(stdtrit(len(values) - 1, 0.975) * error)


def _by_x(points: Points, rows: Sequence[Row], x: str, value: str) -> dict[float, list[float]]:
    found: dict[float, list[float]] = {}
    for row in rows:
        found.setdefault(points.number(row, x), []).append(points.number(row, value))
    return dict(sorted(found.items()))


def _seeds(points: Points, rows: Sequence[Row], x: str, value: str, colour: int) -> list[Curve]:
    """One faint curve per seed."""
    made = []
    for (seed,), runs in grouped(rows, ["seed"]).items():
        ordered = sorted((points.number(row, x), points.number(row, value)) for row in runs)
        places, values = zip(*ordered, strict=True)
        made.append(Curve(f"seed {seed}", places, values, ".-", colour, faint=True))
    return made


def _label(points: Points, row: Row) -> str:
    short = short_fields(points.others)
    return ", ".join(f"{short[name].replace('_', ' ')} {word_of(row[name])}" for name in points.others) or "mean"
