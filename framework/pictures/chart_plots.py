"""Pictures of charts."""

import io
from typing import Any

import numpy as np

from framework.pictures.chart import Chart, Line
from framework.reading.curves import COLOURS, INK, new_figure, tidy

SPARSE = 12  # points of a line up to which each is marked


def svg_of(chart: Chart) -> str:
    """The picture, the same bytes for the same numbers."""
    import matplotlib

    figure = new_figure()
    draw_chart(figure, chart)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "whygrok"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def draw_chart(figure: Any, chart: Chart) -> None:
    """Draws it into an empty matplotlib Figure."""
    figure.set_size_inches(7.5, 4.2)
    axes = figure.subplots()
    if "x" in chart.log:
        axes.set_xscale("log")
    if "y" in chart.log:
        axes.set_yscale("log")
    for number, (label, line) in enumerate(chart.measured.items()):
        _draw_line(axes, chart, label, line, "-", COLOURS[number % len(COLOURS)])
    for number, (label, line) in enumerate(chart.predicted.items()):
        _draw_line(axes, chart, label, line, ("--", "-.", ":")[number % 3], INK)
    for label, place in chart.marks.items():
        axes.axvline(place, color=INK, linewidth=0.8, linestyle=":")
        axes.text(
            place, 0.02, f" {label}", transform=axes.get_xaxis_transform(), fontsize=8, color=INK, rotation=90, ha="right", va="bottom"
        )
    axes.set_title(chart.title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    tidy(axes)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _draw_line(axes: Any, chart: Chart, label: str, line: Line, style: str, colour: str) -> None:
    there = ~np.isnan(line) & ((line > 0) | ("y" not in chart.log))
    marker = "o" if style == "-" and there.sum() <= SPARSE else ""
    axes.plot(chart.x[there], line[there], style, color=colour, linewidth=1.5, marker=marker, markersize=4, label=label)
