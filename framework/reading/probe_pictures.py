"""Pictures of what one probe recorded: the default curves, and what the probes' own pictures share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import UserError, did_you_mean, one_of
from framework.pictures import (
    INK,
    NARROW,
    Curve,
    Panel,
    draw,
    draw_curve,
    literal,
    log_steps,
    mark_moments,
    mark_step,
    new_figure,
    plain_style,
    tidy,
)
from framework.reading.curves import LONGEST_LABEL, MOST_CURVES, and_more, milestones_of, moments_of, save_figure, title_of
from framework.reading.milestones import fitted_step
from framework.reading.stored import of_stored
from framework.run import Run

STYLES = {"train": "--", "test": "-", "population": ":"}  # as in the curves of accuracy
Panels = Mapping[str, Sequence[str]]  # what the vertical axis shows → columns
MOST_PANELS = 40  # of one picture: a probe of anybody's may record thousands of quantities


@plain_style()
def draw_probe(run: Run, name: str, output: Path, paper: float | None = None) -> list[Path]:
    """Draws the probe instance `name` of a run as the probe says, with its numbers beside it; returns both files.

    paper: the width in inches of a figure for a paper, a PDF without a title. Raises UserError when the run has no such probe, or
    nothing of it yet.
    """
    named_probe(run, name)
    figure = figure_of_probe(run, name, paper)
    if not figure.axes:
        raise UserError(f"probe {name!r} has recorded nothing to draw yet.{run.failure_of(name)}")
    if paper is None:
        figure.suptitle(f"{literal(name)}\n{title_of([run])}", fontsize=10, color=INK, x=0.01, ha="left")
    with of_stored(run, name):
        return save_figure(figure, [run], output, columns_of(run, name), paper)


def named_probe(run: Run, name: str) -> Any:
    """The probe instance `name` of a run. Raises UserError when there is none."""
    known = run.experiment.probes
    if name not in known:
        raise UserError(f"this run has no probe {name!r}.{did_you_mean(name, known)} Probes: {one_of(known)}.")
    return known[name]


@plain_style()
def figure_of_probe(run: Run, name: str, paper: float | None = None) -> Any:
    """The probe's own picture of what its instance `name` recorded, or a panel per quantity; without axes where there is nothing.

    Raises UserError where the probe fails at what is stored.
    """
    figure = new_figure(paper)
    with of_stored(run, name):
        run.experiment.probes[name].draw(figure, run, name)
        if not figure.axes:
            draw_columns(figure, run, name)
    return figure


def columns_of(run: Run, name: str) -> list[str]:
    """The columns of a probe instance that hold at least one number, in the order in which they were first recorded."""
    columns = run.metrics()
    return [column for column in columns if column.startswith(f"{name}/") and not np.all(np.isnan(columns[column]))]


def draw_columns(figure: Any, run: Run, name: str) -> None:
    """One panel per quantity, train dashed, test solid, population dotted, and a line at the step of interpolation.

    train_x and test_x share the panel x; W/x and V/x, of one matrix each, share it with x.
    """
    draw_panels(figure, run, quantities_of(run, name))


def quantities_of(run: Run, name: str) -> dict[str, list[str]]:
    """What a probe instance recorded: quantity in words → its columns, those of the whole before those of parts."""
    panels: dict[str, list[str]] = {}
    for column in sorted(columns_of(run, name), key=lambda column: column.count("/")):
        panels.setdefault(_words_of(column), []).append(column)
    return panels


def draw_panels(figure: Any, run: Run, panels: Panels, log: Sequence[str] = ()) -> list[Any]:
    """Panels of curves below one another, in two columns if there are more than four; returns their axes.

    A label that a plugin wrote may have formulas in it; one that is the name of a column is what it is. log: the panels whose values
    are drawn on a logarithmic axis. Of very many panels the first are drawn, and how many more there are is said below.
    """
    if not panels:
        return []
    if (left_out := len(panels) - MOST_PANELS) > 0:
        panels = dict(list(panels.items())[:MOST_PANELS])
        figure.supxlabel(f"and {left_out:,} more", fontsize=9, color=INK)
    across = 1 if len(panels) < 5 or figure.get_figwidth() < NARROW else 2
    down = -(-len(panels) // across)
    last = {down - 1, len(panels) - 1}
    said: dict[str, Any] = {"marks": milestones_of(run, ["fitted"]), "moments": moments_of([run])}
    made = [
        Panel("", "step" if number in last else "", label_of(label, columns), curves_of(run, columns), log_y=label in log, **said)
        for number, (label, columns) in enumerate(panels.items())
    ]
    axes = draw(figure, [made[row::down] for row in range(down)], size=(8 if across == 1 else 5.5, 2.6), stacked=True)
    return [axes[number % down][number // down] for number in range(len(made))]


def label_of(words: str, columns: Sequence[str]) -> str:
    """What stands beside the panel of these columns: the words of a plugin as they are, the name of a column as a name."""
    named = any(words == _words_of(column) for column in columns)
    return (literal(words, LONGEST_LABEL) if named else words) + and_more(columns)


def draw_lines(axes: Any, run: Run, columns: Sequence[str]) -> None:
    """The columns of a run against steps, step 0 at ½: one line style per split, one colour per quantity."""
    for curve in curves_of(run, columns):
        draw_curve(axes, curve)


def curves_of(run: Run, columns: Sequence[str]) -> list[Curve]:
    """The columns of a run as curves: one line style per split, one colour per quantity."""
    columns = columns[:MOST_CURVES]
    quantities = list(dict.fromkeys(_quantity_of(column) for column in columns))
    curves = []
    for column in columns:
        split, quantity = _split_of(column), _quantity_of(column)
        label = split if split and len(quantities) == 1 else f"{split} {quantity}".strip().replace("_", " ")
        curves.append(Curve(literal(label), *run.series(column), STYLES.get(split, "-"), quantities.index(quantity)))
    return curves


def finish(axes: Any, run: Run) -> None:
    """Log steps, the line of interpolation, grid, and a legend where there is more than one line to tell apart."""
    log_steps(axes)
    mark_step(axes, fitted_step(run), "fitted")
    mark_moments(axes, moments_of([run]))
    tidy(axes)
    _, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        axes.legend(frameon=False, fontsize=8, loc="best")


def moments(run: Run, steps: Sequence[int], count: int) -> list[int]:
    """At most `count` of the steps for a row of pictures: the first, and from where the training set is fitted to the last."""
    fitted = fitted_step(run)
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
    """'train' for 'margins/train_min' and for 'laziness/linearized/train/loss'; '' where there is none."""
    words = [part.partition("_")[0] for part in column.split("/")[1:]]
    return next((word for word in words if word in STYLES), "")


def _words_of(column: str) -> str:
    """'sum of squares' for probe/train_sum_of_squares: what a panel of it is called."""
    return _quantity_of(column).rpartition("/")[2].replace("_", " ")


def _quantity_of(column: str) -> str:
    """The column without the probe's name and the split's."""
    quantity, split = column.partition("/")[2], _split_of(column)
    return "/".join(part.removeprefix(f"{split}_") for part in quantity.split("/") if not split or part != split)
