"""Pictures of what one probe recorded: the default curves, and what the probes' own pictures share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import UserError, did_you_mean, one_of
from framework.reading.curves import COLOURS, INK, log_steps, mark_fitted, new_figure, save_figure, tidy, title_of
from framework.reading.milestones import fitted_step
from framework.run.loading import Run

STYLES = {"train": "--", "test": "-", "population": ":"}  # as in the curves of accuracy
Panels = Mapping[str, Sequence[str]]  # what the vertical axis shows → columns


def draw_probe(run: Run, name: str, output: Path) -> list[Path]:
    """Draws the probe instance `name` of a run as the probe says, numbers beside it; returns both files.

    Raises UserError when the run has no such probe, or nothing of it yet.
    """
    if name not in run.experiment.probes:
        known = run.experiment.probes
        raise UserError(f"this run has no probe {name!r}.{did_you_mean(name, known)} Probes: {one_of(known)}.")
    figure = new_figure()
    run.experiment.probes[name].draw(figure, run, name)
    if not figure.axes:
        draw_columns(figure, run, name)
    if not figure.axes:
        raise UserError(f"probe {name!r} has recorded nothing to draw yet")
    figure.suptitle(f"{name}\n{title_of([run])}", fontsize=10, color=INK, x=0.01, ha="left")
    return save_figure(figure, [run], output, columns_of(run, name))


def columns_of(run: Run, name: str) -> list[str]:
    """The columns of a probe instance that hold at least one number, in the order in which they were first recorded."""
    columns = run.metrics()
    return [column for column in columns if column.startswith(f"{name}/") and not np.all(np.isnan(columns[column]))]


def draw_columns(figure: Any, run: Run, name: str) -> None:
    """One panel a quantity, train dashed, test solid, population dotted, and a line at the step of interpolation.

    train_x and test_x share the panel x; W/x and V/x, of one matrix each, share it with x.
    """
    panels: dict[str, list[str]] = {}
    for column in sorted(columns_of(run, name), key=lambda column: column.count("/")):  # the whole before its parts
        panels.setdefault(_quantity_of(column).rpartition("/")[2].replace("_", " "), []).append(column)
    draw_panels(figure, run, panels)


def draw_panels(figure: Any, run: Run, panels: Panels, log: Sequence[str] = ()) -> list[Any]:
    """Panels of curves under one another, in two columns from the fifth on; returns their axes.

    log: the panels whose values are drawn on a logarithmic axis.
    """
    if not panels:
        return []
    across = 1 if len(panels) < 5 else 2
    down = -(-len(panels) // across)
    figure.set_size_inches(8 if across == 1 else 11, 0.4 + 2.5 * down)
    grid = figure.subplots(down, across, sharex=True, squeeze=False)
    axes = list(grid.T.flat)
    for panel, (label, columns) in zip(axes, panels.items(), strict=False):
        draw_lines(panel, run, columns)
        panel.set_ylabel(label)
        if label in log:
            panel.set_yscale("log")
        finish(panel, run)
    for unused in axes[len(panels) :]:
        unused.set_visible(False)
    for last in [*grid[-1], axes[len(panels) - 1]]:
        last.set_xlabel("step")
        last.xaxis.set_tick_params(labelbottom=True)
    return axes[: len(panels)]


def draw_lines(axes: Any, run: Run, columns: Sequence[str]) -> None:
    """The columns of a run against steps, step 0 at ½: a line style a split, a colour a quantity."""
    quantities = list(dict.fromkeys(_quantity_of(column) for column in columns))
    for column in columns:
        steps, values = run.series(column)
        split, quantity = _split_of(column), _quantity_of(column)
        colour = COLOURS[quantities.index(quantity) % len(COLOURS)]
        label = split if split and len(quantities) == 1 else f"{split} {quantity}".strip().replace("_", " ")
        axes.plot(np.maximum(steps, 0.5), values, STYLES.get(split, "-"), color=colour, linewidth=1.6, label=label)


def finish(axes: Any, run: Run) -> None:
    """Log steps, the line of interpolation, grid, and a legend where there is more than one line to tell apart."""
    log_steps(axes)
    mark_fitted(axes, run)
    tidy(axes)
    _, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        axes.legend(frameon=False, fontsize=8, loc="best")


def moments(run: Run, steps: Sequence[int], count: int) -> list[int]:
    """At most `count` of the steps for a row of pictures: the first, and from where the training set is fitted to the last."""
    fitted = fitted_step(run, run.experiment.task.headline)
    if fitted is None or not steps:
        return pick_events(steps, count)
    nearest = min(steps, key=lambda step: abs(step - fitted))
    return sorted({steps[0], *pick_events([step for step in steps if step >= nearest], count - 1)})


def pick_events(steps: Sequence[int], count: int) -> list[int]:
    """At most `count` of the steps, the first and the last among them, evenly spaced on a logarithmic axis."""
    if not steps:
        return []
    places = np.log10(np.maximum(steps, 0.5))
    wanted = np.linspace(places[0], places[-1], count)
    return sorted({steps[int(np.argmin(np.abs(places - place)))] for place in wanted})


def _split_of(column: str) -> str:
    """'train' of 'margins/train_min' and of 'laziness/linearized/train/loss'; '' where there is none."""
    words = [part.partition("_")[0] for part in column.split("/")[1:]]
    return next((word for word in words if word in STYLES), "")


def _quantity_of(column: str) -> str:
    """The column without the probe's name and the split's."""
    quantity, split = column.partition("/")[2], _split_of(column)
    return "/".join(part.removeprefix(f"{split}_") for part in quantity.split("/") if not split or part != split)
