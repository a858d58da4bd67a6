"""Draws panels: one function for figures, claims, curves of runs, and probes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from framework.pictures.heat_map import HeatMap, draw_cells
from framework.pictures.panel import Curve, Panel
from framework.pictures.style import INK, colour_of, finite, log_steps, mark, mark_moments, new_figure, plain_style, rendered, tidy

Size = tuple[int | float, int | float]  # inches, across and down
TITLE_CHARACTERS_PER_INCH = 11


@plain_style()
def svg_of(panel: Panel) -> str:
    """The picture of one panel, the same text for the same numbers."""
    figure = new_figure()
    draw(figure, [[panel]], size=(7.5, 4.6))
    return rendered(figure, "svg").decode()


def draw(figure: Any, rows: Sequence[Sequence[Panel | HeatMap]], size: Size = (5.2, 4.1), stacked: bool = False) -> list[list[Any]]:
    """Draws the rows, one above the other, into an empty matplotlib Figure; returns their axes.

    size: inches of one panel. stacked: panels of one column share their x axis, and legends are inside; else legends stand
    below the panels. A heat map among them has no caption.
    """
    columns = max(map(len, rows))
    figure.set_size_inches(size[0] * columns, size[1] * len(rows))
    grid = figure.subplots(len(rows), columns, squeeze=False, sharex=stacked)
    for places, panels in zip(grid, rows, strict=True):
        for axes, panel in zip(places, panels, strict=False):
            if isinstance(panel, HeatMap):
                draw_cells(axes, panel, round(TITLE_CHARACTERS_PER_INCH * size[0]))
            else:
                _draw_panel(axes, panel, stacked)
        for axes in places[len(panels) :]:
            axes.remove()
    return [list(places[: len(panels)]) for places, panels in zip(grid, rows, strict=True)]


def draw_curve(axes: Any, curve: Curve, steps: bool = True, log_y: bool = False) -> None:
    """Draws one curve. steps: x counts steps, and 0 is drawn at ½."""
    x, y = np.asarray(curve.x, float), np.asarray(curve.y, float)
    there = np.isfinite(y) & ((y > 0) | (not log_y))
    x, y = finite(np.maximum(x, 0.5) if steps else x), finite(y)
    looks: dict[str, Any] = {"linewidth": 0.8, "markersize": 2, "alpha": 0.35} if curve.faint else {"linewidth": 1.5, "markersize": 4}
    if curve.low is not None and curve.high is not None:
        low, high = (finite(end)[there] for end in (curve.low, curve.high))
        axes.fill_between(x[there], low, high, color=colour_of(curve.colour), alpha=0.15, linewidth=0)
    label = None if curve.faint else f" {curve.label}" if curve.label.startswith("_") else curve.label  # a legend leaves out _names
    axes.plot(x[there], y[there], curve.style, color=colour_of(curve.colour), label=label, **looks)


def _draw_panel(axes: Any, panel: Panel, stacked: bool) -> None:
    twin: Any = axes.twinx() if any(curve.second for curve in panel.curves) else None
    log_y, log_second = (_has_positive(panel, second) for second in (False, True))
    for curve in panel.curves:
        draw_curve(twin if curve.second else axes, curve, panel.x_axis == "steps", log_second if curve.second else panel.log_y and log_y)
    for words, place in panel.marks.items():
        mark(axes, max(place, 0.5) if panel.x_axis == "steps" else place, words)
    mark_moments(axes, panel.moments, panel.x_axis == "steps")
    _scale(axes, panel, log_y)
    axes.set_title(panel.title, fontsize=10, color=INK, loc="left")
    axes.set_ylabel(panel.y_label)
    tidy(axes)
    if panel.x_label:
        axes.set_xlabel(panel.x_label)
        axes.xaxis.set_tick_params(labelbottom=True)
    if twin:
        if log_second:
            twin.set_yscale("log")
        twin.set_ylabel(panel.second_label)
        twin.spines["top"].set_visible(False)
    _legend(axes, twin, inside=stacked)


def _has_positive(panel: Panel, second: bool) -> bool:
    """Whether a logarithmic axis would show anything: a loss of one's own may be 0 or negative throughout."""
    return any(np.any(np.asarray(curve.y, float) > 0) for curve in panel.curves if curve.second == second)


def _at_most_one(panel: Panel) -> bool:
    """Whether the values may be accuracies: "step from which test accuracy stays at 0.99" is none."""
    return all(not np.any(np.asarray(curve.y, float) > 1) for curve in panel.curves if not curve.second)


def _scale(axes: Any, panel: Panel, log_y: bool) -> None:
    if panel.x_axis == "steps":
        log_steps(axes)
    elif panel.x_axis == "log":
        axes.set_xscale("log")
    elif all(float(x).is_integer() for curve in panel.curves for x in curve.x):
        axes.xaxis.get_major_locator().set_params(integer=True)
    if panel.log_y and log_y:
        axes.set_yscale("log")
    elif panel.from_zero:
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    elif "accuracy" in panel.y_label and _at_most_one(panel):
        axes.set_ylim(-0.02, 1.04)


def _legend(axes: Any, twin: Any, inside: bool) -> None:
    """Draws the legend: inside, and only for several curves; or below the panel, where there are no curves."""
    handles, labels = axes.get_legend_handles_labels()
    if twin:
        more, said = twin.get_legend_handles_labels()
        handles, labels = handles + more, labels + said
    if inside and len(labels) > 1:
        axes.legend(frameon=False, fontsize=8, loc="best")
    elif handles and not inside:
        axes.legend(handles, labels, frameon=False, fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17))
