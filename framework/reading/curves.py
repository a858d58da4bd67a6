"""Curves of runs, drawn from their files: losses and accuracies, train dashed, test solid, steps on a log axis."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from framework.config import to_dict
from framework.errors import UserError
from framework.pictures import NARROW, Curve, Panel, as_pdf, draw, literal, new_figure, plain_style, rendered
from framework.reading.milestones import milestones
from framework.run import Run
from framework.storage import csv_text, make_folder, write_atomically

MOST_CURVES = 40  # of one run in a panel
LONGEST_LABEL = 40  # characters of a name that fit beside a panel


@plain_style()
def draw_curves(runs: Sequence[Run], output: Path, metrics: Sequence[str] = (), paper: float | None = None) -> list[Path]:
    """Draws runs into one picture and writes the numbers beside it; returns both files.

    metrics: other columns to draw, one panel each, in place of accuracy and loss. paper: the width in inches of a figure for a
    paper, a PDF with words in place of the names of columns, and without a title. Raises UserError for a run without
    rows or a metric that no run has.
    """
    for run in runs:
        if len(run.metrics().get("step", ())) == 0:
            raise UserError(f"{run.path} has no rows to draw yet")
    panels = [[name] for name in metrics] or [pair_of(runs, quantity) for quantity in (runs[0].headline, "loss")]
    if paper is not None:
        return _for_paper(runs, output, panels, paper)
    titles, x_labels = [title_of(runs)] + [""] * len(panels), [""] * (len(panels) - 1) + ["step"]
    rows = [[panel_of(runs, names, title, x_label)] for names, title, x_label in zip(panels, titles, x_labels, strict=False)]
    figure = new_figure()
    draw(figure, rows, size=(8, 2.9), stacked=True)
    return save_figure(figure, runs, output, [name for names in panels for name in names])


def _for_paper(runs: Sequence[Run], output: Path, columns: Sequence[Sequence[str]], width: float) -> list[Path]:
    """The panels below one another in one column, beside one another in two."""
    panels = []
    for names in columns:
        panel = panel_of(runs, names, "", "training step")
        curves = [replace(curve, label=in_words(curve.label)) for curve in panel.curves]
        panels.append(replace(panel, curves=curves, y_label=in_words(panel.y_label)))
    across = 1 if width < NARROW else 2
    rows = [panels[first : first + across] for first in range(0, len(panels), across)]
    figure = new_figure(width)
    draw(figure, rows, size=(width / max(map(len, rows)), 2.1), stacked=True)
    return save_figure(figure, runs, output, [name for names in columns for name in names], width)


def in_words(column: str) -> str:
    """'test accuracy' for test/accuracy, 'test accuracy, first' for test/accuracy/first, 'fourier: ipr' for fourier/ipr."""
    before, colon, name = column.rpartition(": ")
    first, *rest = name.replace("_", " ").split("/")
    said = ", ".join([f"{first} {rest[0]}" if first in ("train", "test") else f"{first}: {rest[0]}", *rest[1:]]) if rest else first
    return before + colon + said


def save_figure(figure: Any, runs: Sequence[Run], output: Path, columns: Sequence[str], paper: float | None = None) -> list[Path]:
    """Writes the picture, with the configs inside, and the columns beside it as .csv; returns both files. paper: inches across, a PDF."""
    about = json.dumps([to_dict(run.config) for run in runs])
    picture = rendered(figure, "png", about) if paper is None else as_pdf(figure, paper, about)
    make_folder(output.parent)
    data = output.with_suffix(".csv")
    write_atomically(data, csv_text(["run", "step", *columns], [row for run in runs for row in _rows(run, columns)]))
    write_atomically(output, picture)  # last: where it lies, a run takes its curves as drawn
    return [output, data]


def and_more(columns: Sequence[str]) -> str:
    """Below the label of a panel, how many of its columns find no room in it."""
    left_out = len(columns) - MOST_CURVES
    return f"\n(and {left_out:,} more)" if left_out > 0 else ""


def milestones_of(run: Run, words: Sequence[str] = ("fitted", "grokked")) -> dict[str, int | float]:
    """The marks of a run's curves: the step from which it is fitted, and the one from which it has grokked, where there are any."""
    return {f"{word}: {step:,}": step for word, step in milestones(run).items() if step is not None and word in words}


def moments_of(runs: Sequence[Run]) -> dict[str, list[int]]:
    """Name of an intervention → the steps at which it was made; of several runs, of those that were made at the same steps in all."""
    made = [_made(run) for run in runs]
    return {literal(name): steps for name, steps in made[0].items() if all(other.get(name) == steps for other in made)}


def title_of(runs: Sequence[Run]) -> str:
    """Task, model and optimizer of a run in one line; for several runs, how many there are."""
    if len(runs) > 1:
        return f"{len(runs)} runs"
    config = runs[0].config
    fields = {key: value for key, value in config.optimizer.items() if key in ("learning_rate", "weight_decay")}
    said = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in fields.items())
    task = ", ".join(f"{key} = {config.task[key]}" for key in ("p", "k") if key in config.task)
    return f"{config.task.name}{f' ({task})' if task else ''}, {config.model.name}, {config.optimizer.name}: {said}"


def pair_of(runs: Sequence[Run], quantity: str) -> list[str]:
    """The columns of a quantity on train and test, and of one run those of each task in it, such as test/accuracy/first."""
    known, wholes = runs[0].metrics(), [f"train/{quantity}", f"test/{quantity}"]
    there = [name for name in wholes if name in known]
    if not there:
        raise UserError(f"{runs[0].path or 'the run'} has no {quantity} to draw; name columns with --metrics")
    return there + ([name for whole in wholes for name in known if name.startswith(f"{whole}/")] if len(runs) == 1 else [])


def panel_of(runs: Sequence[Run], names: Sequence[str], title: str, x_label: str) -> Panel:
    """The columns of runs as one panel: of one run a colour per part, of several a colour per run."""
    curves, parts = [], list(dict.fromkeys(map(_part_of, names)))
    for number, run in enumerate(runs):
        for name in names[:MOST_CURVES]:
            label, style = f"{run.path.name if run.path else number}: {name}", "--" if name.startswith("train/") else "-"
            colour = parts.index(_part_of(name)) if len(runs) == 1 else number
            curves += [Curve("", *before, style, colour, faint=True) for before in _before(run, name)]
            curves.append(Curve(literal(name if len(runs) == 1 else label), *run.series(name), style, colour))
    what = literal(names[0] if len(names) == 1 else names[0].partition("/")[2].replace("_", " "), LONGEST_LABEL) + and_more(names)
    marks = milestones_of(runs[0]) if len(runs) == 1 else {}
    log_y = all("loss" in name.split("/")[1:] or name.endswith("loss") for name in names)
    return Panel(title, x_label, what, curves, log_y=log_y, marks=marks, moments=moments_of(runs))


def _part_of(column: str) -> str:
    """'first' for 'test/accuracy/first'."""
    return "/".join(column.split("/")[2:])


def _made(run: Run) -> dict[str, list[int]]:
    """Name of an intervention → the steps at which it was made, in the run that this one is a fork of as well."""
    found: dict[str, list[int]] = {}
    if run.origin is not None:
        origin, fork = run.origin
        found = {name: before for name, steps in _made(origin).items() if (before := [step for step in steps if step <= fork])}
    for row in run.rows:
        for name in run.experiment.interventions:
            if f"{name}/distance" in row:
                found.setdefault(name, []).append(row["step"])
    return found


def _before(run: Run, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """(steps, values) of a metric in the run that this one is a fork of, and in the one before that, each up to its fork."""
    if run.origin is None:
        return []
    origin, fork = run.origin
    steps, values = origin.series(name) if name in origin.metrics() else (np.empty(0), np.empty(0))
    return [*_before(origin, name), (steps[steps <= fork], values[steps <= fork])]


def _rows(run: Run, names: Sequence[str]) -> list[list[Any]]:
    columns = run.metrics()
    missing = np.full(len(columns["step"]), np.nan)
    name = run.path.name if run.path else "memory"
    return [[name, *cells] for cells in zip(columns["step"], *(columns.get(one, missing) for one in names), strict=True)]
