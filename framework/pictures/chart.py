"""Charts as data: what a claim shows beside its rows."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Num

Line = Num[np.ndarray, "_"]


@dataclass(frozen=True)
class Chart:
    """Lines over one axis: what is measured solid, what is predicted dashed, special places of the axis dotted.

    x [n]; measured, predicted: label → [n], NaN where there is nothing. marks: label → x. log: the axes that are logarithmic,
    "", "x", "y" or "xy"; there, what is not positive is not drawn. Raises ValueError for a line of another length.
    """

    title: str
    x_label: str
    y_label: str
    x: Line
    measured: Mapping[str, Line]
    predicted: Mapping[str, Line] = field(default_factory=dict)
    marks: Mapping[str, float] = field(default_factory=dict)
    log: str = ""

    def __post_init__(self) -> None:
        for label, line in self.lines.items():
            if len(line) != len(self.x):
                raise ValueError(f"chart {self.title!r}: the line {label!r} has {len(line)} values, x has {len(self.x)}")

    @property
    def lines(self) -> dict[str, Line]:
        """All lines, measured first."""
        return {**self.measured, **self.predicted}

    def table(self) -> str:
        """The numbers as CSV, a column a line, empty where there is nothing."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([self.x_label, *self.lines])
        for place, *values in zip(self.x, *self.lines.values(), strict=True):
            writer.writerow([place, *("" if np.isnan(value) else repr(float(value)) for value in values)])
        return text.getvalue()
