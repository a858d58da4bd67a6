"""Curves of runs, drawn from their files: losses and accuracies, train dashed, test solid, steps on a log axis."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framework.config import to_dict
from framework.errors import UserError
from framework.reading.milestones import fitted_step, grokked_step
from framework.run.loading import Run
from framework.storage.files import storage, write_atomically

COLOURS = ("#1f5fa8", "#c8502d", "#2d8a57", "#8456a3", "#a8841f", "#4b5563")  # one a run, dark enough on white
INK, GRID = "#222222", "#dddddd"


def draw_curves(runs: Sequence[Run], output: Path, metrics: Sequence[str] = ()) -> list[Path]:
    """Draws runs into one picture and writes the numbers beside it; returns both files.

    metrics: other columns to draw, one panel each, in place of accuracy and loss. Raises UserError for a run without
    rows or a metric that no run has.
    """
    for run in runs:
        if len(run.metrics().get("step", ())) == 0:
            raise UserError(f"{run.path} has no rows to draw yet")
    panels = [[name] for name in metrics] or [_pair(runs[0], quantity) for quantity in (_headline(runs[0]), "loss")]
    figure = new_figure()
    figure.set_size_inches(8, 2.9 * len(panels))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for panel, names in zip(axes, panels, strict=True):
        _draw_panel(panel, runs, names)
    axes[0].set_title(title_of(runs), fontsize=10, color=INK, loc="left")
    axes[-1].set_xlabel("step")
    return save_figure(figure, runs, output, [name for names in panels for name in names])


def new_figure() -> Any:
    """An empty matplotlib Figure that needs no display and touches no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, runs: Sequence[Run], output: Path, columns: Sequence[str]) -> list[Path]:
    """Writes the picture, with the configs inside, and the columns beside it as .csv; returns both files."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, metadata={"Description": json.dumps([to_dict(run.config) for run in runs])})
    with storage("making the folder", output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
    data = output.with_suffix(".csv")
    write_atomically(output, buffer.getvalue())
    write_atomically(data, _table(runs, columns))
    return [output, data]


def log_steps(axes: Any) -> None:
    """A logarithmic axis of steps. Step 0 has no place on it: draw it at ½ (np.maximum(steps, 0.5)); it is labelled 0."""
    from matplotlib.ticker import FuncFormatter

    axes.set_xscale("log")
    axes.set_xlim(left=0.45)
    _, high = axes.get_xlim()
    axes.set_xticks([0.5, *(10.0**i for i in range(int(np.log10(max(high, 1))) + 1))])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: "0" if x < 1 else f"{int(x):,}"))


def mark_fitted(axes: Any, run: Run) -> None:
    """A dotted vertical line at the step from which the training set is fitted; nothing if it never is."""
    mark_step(axes, fitted_step(run, _headline(run)), "fitted")


def mark_step(axes: Any, step: int | None, word: str) -> None:
    """A dotted vertical line at a step, with its name; nothing for None."""
    if step is not None:
        axes.axvline(max(step, 0.5), color=INK, linewidth=0.8, linestyle=":")
        place = axes.get_xaxis_transform()
        text = f" {word}: {step:,}"
        axes.text(max(step, 0.5), 0.04, text, fontsize=8, color=INK, transform=place, rotation=90, ha="right", va="bottom")


def tidy(axes: Any) -> None:
    """Grid, and no frame above and on the right."""
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _headline(run: Run) -> str:
    return run.experiment.task.headline


def _pair(run: Run, quantity: str) -> list[str]:
    there = [name for name in (f"train/{quantity}", f"test/{quantity}") if name in run.metrics()]
    if not there:
        raise UserError(f"{run.path or 'the run'} has no {quantity} to draw; name columns with --metrics")
    return there


def _draw_panel(panel: Any, runs: Sequence[Run], names: Sequence[str]) -> None:
    for number, run in enumerate(runs):
        colour = COLOURS[number % len(COLOURS)]
        for name in names:
            steps, values = run.series(name)
            style = "--" if name.startswith("train/") else "-"
            label = name if len(runs) == 1 else f"{run.path.name if run.path else number}: {name}"
            panel.plot(np.maximum(steps, 0.5), values, style, color=colour, linewidth=1.6, label=label)
        if len(runs) == 1:
            _mark_milestones(panel, run)
    log_steps(panel)
    if all(name.endswith("loss") for name in names):
        panel.set_yscale("log")
    elif all("accuracy" in name for name in names):
        panel.set_ylim(-0.02, 1.04)
    panel.set_ylabel(names[0] if len(names) == 1 else names[0].partition("/")[2].replace("_", " "))
    tidy(panel)
    panel.legend(frameon=False, fontsize=8, loc="best")


def _mark_milestones(panel: Any, run: Run) -> None:
    mark_fitted(panel, run)
    mark_step(panel, grokked_step(run, _headline(run)), "grokked")


def title_of(runs: Sequence[Run]) -> str:
    """Task, model and optimizer of a run in a line; of several, how many."""
    if len(runs) > 1:
        return f"{len(runs)} runs"
    config = runs[0].config
    fields = {key: value for key, value in config.optimizer.items() if key in ("learning_rate", "weight_decay")}
    said = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in fields.items())
    task = ", ".join(f"{key} = {config.task[key]}" for key in ("p", "k") if key in config.task)
    return f"{config.task.name} ({task}), {config.model.name}, {config.optimizer.name}: {said}"


def _table(runs: Sequence[Run], names: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "step", *names])
    for run in runs:
        columns = run.metrics()
        for row, step in enumerate(columns["step"]):
            cells = [columns[name][row] if name in columns else np.nan for name in names]
            writer.writerow([run.path.name if run.path else "memory", step, *("" if np.isnan(x) else repr(float(x)) for x in cells)])
    return text.getvalue()
