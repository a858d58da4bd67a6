"""Figures made of the runs of a sweep: panels of curves, the verdicts beside them, and the files of both."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framework.config import to_dict
from framework.reading.curves import COLOURS, INK, log_steps, new_figure, tidy
from framework.run.loading import Run
from framework.storage.files import storage, write_atomically, write_json

Numbers = Sequence[int | float] | np.ndarray


@dataclass(frozen=True)
class Curve:
    """One line of a panel: x and y of equal length; NaN is a gap. colour: one number a value that is compared."""

    label: str
    x: Numbers
    y: Numbers
    style: str = "-"
    colour: int = 0
    second: bool = False  # on the axis at the right


@dataclass(frozen=True)
class Panel:
    """Curves that share axes. x_axis: "steps" (logarithmic, 0 included), "log" or "linear"; a second axis is logarithmic."""

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    x_axis: str = "steps"
    log_y: bool = False
    from_zero: bool = False  # the axis of y begins at 0: what is flat then looks so
    second_label: str = ""


@dataclass(frozen=True)
class Verdict:
    """One expected shape: the numbers that were measured, what the figure is expected to show, whether they show it."""

    claim: str
    measured: Mapping[str, int | float | None]
    expected: str
    seen: bool


@dataclass(frozen=True)
class Picture:
    """What a figure makes of its runs."""

    rows: Sequence[Sequence[Panel]]
    verdicts: Sequence[Verdict]


def write_picture(picture: Picture, runs: Sequence[Run], folder: Path, name: str) -> list[Path]:
    """Writes NAME.png and NAME.pdf, NAME.csv with the data drawn, and verdict.json; returns the files.

    Equal runs give equal bytes of all four on one machine. The PNG holds the configs of the runs.
    """
    with storage("making the folder", folder):
        folder.mkdir(parents=True, exist_ok=True)
    figure = draw(picture.rows)
    configs = json.dumps([to_dict(run.config) for run in runs])
    files = [folder / f"{name}.{ending}" for ending in ("png", "pdf", "csv")]
    for file, metadata in zip(files, ({"Description": configs}, {"CreationDate": None}), strict=False):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=file.suffix[1:], dpi=150, metadata=metadata)
        write_atomically(file, buffer.getvalue())
    write_atomically(files[2], as_csv([panel for row in picture.rows for panel in row]))
    write_json(folder / "verdict.json", as_json(picture.verdicts, name))
    return [*files, folder / "verdict.json"]


def as_json(verdicts: Sequence[Verdict], figure: str) -> list[dict[str, Any]]:
    """One object a verdict, as contract.md has it; numbers that JSON does not have are null."""
    return [
        {
            "figure": figure,
            "claim": verdict.claim,
            "measured": {key: _number(value) for key, value in verdict.measured.items()},
            "expected": verdict.expected,
            "seen": bool(verdict.seen),
        }
        for verdict in verdicts
    ]


def in_words(measured: Mapping[str, float | None]) -> str:
    """'exponent: 1.65; standard error: 0.0755'; a dash for a number that is not there."""
    return "; ".join(f"{key}: {'–' if value is None else f'{value:.4g}'}" for key, value in measured.items())


def as_csv(panels: Sequence[Panel]) -> str:
    """One line a point that is drawn: panel, quantity, curve, x, y. A value that is not finite is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["panel", "quantity", "curve", "x", "y"])
    for panel in panels:
        for curve in panel.curves:
            quantity = panel.second_label if curve.second else panel.y_label
            for x, y in zip(curve.x, curve.y, strict=True):
                writer.writerow([panel.title, quantity, curve.label, repr(float(x)), repr(float(y)) if np.isfinite(y) else ""])
    return text.getvalue()


def draw(rows: Sequence[Sequence[Panel]]) -> Any:
    """The rows of panels, one above the other, as a matplotlib Figure."""
    figure = new_figure()
    columns = max(map(len, rows))
    figure.set_size_inches(5.2 * columns, 4.1 * len(rows))
    for places, panels in zip(figure.subplots(len(rows), columns, squeeze=False), rows, strict=True):
        for axes, panel in zip(places, panels, strict=False):
            _draw_panel(axes, panel)
        for axes in places[len(panels) :]:
            axes.remove()
    return figure


def _draw_panel(axes: Any, panel: Panel) -> None:
    twin: Any = axes.twinx() if any(curve.second for curve in panel.curves) else None
    for curve in panel.curves:
        x = np.maximum(np.asarray(curve.x, float), 0.5) if panel.x_axis == "steps" else np.asarray(curve.x, float)
        y = np.asarray(curve.y, float)
        there = np.isfinite(y) & ((y > 0) | (not (curve.second or panel.log_y)))
        target = twin if curve.second else axes
        colour = COLOURS[curve.colour % len(COLOURS)]
        target.plot(x[there], y[there], curve.style, color=colour, linewidth=1.3, markersize=4, label=curve.label)
    _scale(axes, panel)
    axes.set_title(panel.title, fontsize=9.5, color=INK, loc="left")
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    tidy(axes)
    if twin:
        twin.set_yscale("log")
        twin.set_ylabel(panel.second_label)
        twin.spines["top"].set_visible(False)
    _legend(axes, twin)


def _scale(axes: Any, panel: Panel) -> None:
    if panel.x_axis == "steps":
        log_steps(axes)
    elif panel.x_axis == "log":
        axes.set_xscale("log")
    elif all(float(x).is_integer() for curve in panel.curves for x in curve.x):
        axes.xaxis.get_major_locator().set_params(integer=True)
    if panel.log_y:
        axes.set_yscale("log")
    elif panel.from_zero:
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    elif "accuracy" in panel.y_label:
        axes.set_ylim(-0.02, 1.04)


def _legend(axes: Any, twin: Any) -> None:
    """Below the panel, where no curve is."""
    handles, labels = axes.get_legend_handles_labels()
    if twin:
        more, said = twin.get_legend_handles_labels()
        handles, labels = handles + more, labels + said
    if handles:
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17)}
        axes.legend(handles, labels, frameon=False, fontsize=7, ncols=2, **place)


def _number(value: int | float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
