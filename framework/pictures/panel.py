"""Pictures as data: curves that share axes, for figures, claims and probes alike, and the table of what is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from framework.pictures.heat_map import HeatMap
from framework.storage import csv_text

Numbers = Sequence[int | float] | np.ndarray


@dataclass(frozen=True)
class Curve:
    """One line of a panel: x and y of equal length; a point that is NaN is left out.

    colour: one number per value that is compared; None is ink, for predictions. low, high: the ends of an interval around y,
    which is shaded. faint: drawn thin and pale, without a line in the legend. Raises ValueError where the lengths differ.
    """

    label: str
    x: Numbers
    y: Numbers
    style: str = "-"
    colour: int | None = 0
    second: bool = False  # on the axis at the right
    low: Numbers | None = None
    high: Numbers | None = None
    faint: bool = False

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(f"the curve {self.label!r} has {len(self.y)} values, x has {len(self.x)}")


@dataclass(frozen=True)
class Panel:
    """Curves that share axes.

    x_axis: "steps" (logarithmic, 0 included), "log" or "linear"; a second axis is logarithmic, and on a logarithmic
    axis only positive values are drawn. marks: words → the place on the x axis of a dotted line. moments: name → the places of
    thin lines, such as the steps of an intervention.
    """

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    x_axis: str = "steps"
    log_y: bool = False
    from_zero: bool = False  # the y axis begins at 0: what is flat then looks flat
    second_label: str = ""
    marks: Mapping[str, int | float] = field(default_factory=dict)
    moments: Mapping[str, Sequence[int | float]] = field(default_factory=dict)

    @classmethod
    def of_lines(
        cls,
        title: str,
        x_label: str,
        y_label: str,
        x: Numbers,
        measured: Mapping[str, Numbers],
        predicted: Mapping[str, Numbers] | None = None,
        marks: Mapping[str, int | float] | None = None,
        log: str = "",
    ) -> "Panel":
        """A panel of lines over one axis: measured ones solid and in colour, predicted ones dashed and in ink.

        measured, predicted: label → values [n], NaN where there are none. log: the axes that are logarithmic, "", "x", "y"
        or "xy".
        """
        marked = [np.isfinite(np.asarray(line, float)).sum() <= SPARSE for line in measured.values()]
        curves = [Curve(label, x, line, "o-" if marked[i] else "-", i) for i, (label, line) in enumerate(measured.items())]
        dashes = ("--", "-.", ":")
        curves += [Curve(label, x, line, dashes[number % 3], None) for number, (label, line) in enumerate((predicted or {}).items())]
        return cls(title, x_label, y_label, curves, "log" if "x" in log else "linear", "y" in log, marks=marks or {})

    def points(self) -> list[tuple[str, str, str, Any, float]]:
        """One row per point for the table of what is drawn: title, quantity, curve, x, y."""
        return [
            (self.title, self.second_label if curve.second else self.y_label, curve.label, float(x), float(y))
            for curve in self.curves
            for x, y in zip(curve.x, curve.y, strict=True)
        ]


SPARSE = 12  # curves of at most this many points mark each one


def as_csv(panels: Sequence[Panel | HeatMap]) -> str:
    """One row per point or cell that is drawn: panel, quantity, curve, x, y. A value that is not finite is left empty."""
    rows = [point for panel in panels for point in panel.points()]
    return csv_text(["panel", "quantity", "curve", "x", "y"], rows)
