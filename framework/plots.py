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
from framework.files import storage, write_atomically
from framework.milestones import fitted_step, grokked_step
from framework.runs import Run

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
    # Figure, not pyplot: no display and no global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.9 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for panel, names in zip(axes, panels, strict=True):
        _draw_panel(panel, runs, names)
    axes[0].set_title(_title(runs), fontsize=10, color=INK, loc="left")
    axes[-1].set_xlabel("step")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, metadata={"Description": json.dumps([to_dict(run.config) for run in runs])})
    with storage("making the folder", output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
    data = output.with_suffix(".csv")
    write_atomically(output, buffer.getvalue())
    write_atomically(data, _table(runs, [name for names in panels for name in names]))
    return [output, data]


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
    panel.set_xscale("log")
    _label_log_steps(panel)
    if all(name.endswith("loss") for name in names):
        panel.set_yscale("log")
    elif all("accuracy" in name for name in names):
        panel.set_ylim(-0.02, 1.04)
    panel.set_ylabel(names[0] if len(names) == 1 else names[0].partition("/")[2].replace("_", " "))
    panel.grid(True, color=GRID, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=8, loc="best")


def _label_log_steps(panel: Any) -> None:
    """Step 0 has no place on a logarithmic axis: it is drawn at ½ and labelled 0."""
    from matplotlib.ticker import FuncFormatter

    panel.set_xlim(left=0.45)
    low, high = panel.get_xlim()
    decades = [10.0**i for i in range(int(np.log10(high)) + 1)]
    panel.set_xticks([0.5, *decades])
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: "0" if x < 1 else f"{int(x):,}"))


def _mark_milestones(panel: Any, run: Run) -> None:
    headline = _headline(run)
    for found, word in ((fitted_step(run, headline), "fitted"), (grokked_step(run, headline), "grokked")):
        if found is not None:
            panel.axvline(max(found, 0.5), color=INK, linewidth=0.8, linestyle=":")
            place = panel.get_xaxis_transform()
            panel.text(found, 0.04, f" {word}: {found:,}", fontsize=8, color=INK, transform=place, rotation=90, ha="right", va="bottom")


def _title(runs: Sequence[Run]) -> str:
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
