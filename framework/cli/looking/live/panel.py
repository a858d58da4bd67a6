"""Curves over steps with their axes, in lines of characters: steps on a log axis with 0, values on a linear or a log one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from framework.cli.looking.live.canvas import Canvas

MARGIN = 7  # characters for the numbers at the left
LEAST_ROWS = 3  # of the canvas, below which a curve shows nothing
AROUND = 3  # lines of a panel beside its canvas: the title, the words of the marks, the steps
MARKED = "dim"


@dataclass(frozen=True)
class Line:
    """A curve. label: what the title says of it. letter: what draws it where there is no braille."""

    label: str
    steps: Sequence[int]
    values: Sequence[float]
    style: str
    letter: str
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves that share axes. steps: where the axis ends. marks: word → the step of an upright line. log_y: or from 0 to 1."""

    title: str
    lines: Sequence[Line]
    steps: int
    marks: Mapping[str, int]
    log_y: bool = False

    def drawn(self, width: int, rows: int, ascii_only: bool) -> list[Text]:
        """Lines of at most so many characters; the canvas has so many rows."""
        canvas = Canvas(max(width - MARGIN, 1), rows, ascii_only)
        low, high = self._range()
        for step in self.marks.values():
            canvas.upright(self._across(step), ":", MARKED)
        for line in self.lines:
            values = zip(line.steps, (self._height(value, low, high) for value in line.values), strict=True)
            points = [(self._across(step), height) for step, height in values if height is not None]
            canvas.line(points, line.letter, line.style, line.dashed)
        labels = _labels(low, high, rows, self.log_y)
        drawn = [
            Text().append(labels.get(row, "").rjust(MARGIN - 1) + " ", "dim").append_text(line) for row, line in enumerate(canvas.lines())
        ]
        return [self._titled(width, ascii_only), self._marked(width), *drawn, self._axis(width)]

    def _titled(self, width: int, ascii_only: bool) -> Text:
        said = Text().append(self.title, "bold")
        for line in self.lines:
            if line.label and said.cell_len + len(line.label) + 5 <= width:
                drawn = line.letter if ascii_only else "╌╌" if line.dashed else "──"
                said.append("  ").append(f"{drawn} {line.label}", line.style)
        return Text(" " * min(MARGIN, max(width - said.cell_len, 0))).append_text(said)

    def _marked(self, width: int) -> Text:
        """The words of the marks, each over its line, or as near as there is room; the last one counts most."""
        said, end = " " * width, width
        for word, step in sorted(self.marks.items(), key=lambda mark: -mark[1]):
            text = f"{word} {step:,}"
            place = min(MARGIN + round(self._across(step) * (width - MARGIN - 1)) - len(text) // 2, end - len(text))
            if place >= 0:
                said, end = said[:place] + text + said[place + len(text) :], place - 1
        return Text(said.rstrip(), MARKED)

    def _axis(self, width: int) -> Text:
        said = ""
        for step in [0, *(10**power for power in range(math.ceil(math.log10(self.steps + 1)) + 1))]:
            text = in_short(step)
            place = MARGIN + round(self._across(step) * (width - MARGIN - 1))
            if step <= self.steps and place + len(text) <= width and (place > len(said) or not said):
                said = f"{said:{place}}{text}"
        return Text(said + (" step" if len(said) + 5 <= width else ""), "dim")

    def _across(self, step: int) -> float:
        return min(math.log1p(step) / math.log1p(max(self.steps, 1)), 1.0)

    def _range(self) -> tuple[float, float]:
        """The lowest and the highest value on the axis: powers of ten on a logarithmic one."""
        if not self.log_y:
            return 0.0, 1.0
        there = [value for line in self.lines for value in line.values if value > 0] or [1.0]
        low, high = math.floor(math.log10(min(there))), math.ceil(math.log10(max(there)))
        return float(low), float(max(high, low + 1))

    def _height(self, value: float, low: float, high: float) -> float | None:
        if self.log_y and value <= 0:
            return None
        place = ((math.log10(value) if self.log_y else value) - low) / (high - low)
        return min(max(place, 0.0), 1.0)


def in_short(step: int) -> str:
    """1k for 1000, 20M for 20,000,000."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if step >= size:
            return f"{step / size:.4g}{letter}"
    return str(step)


def _labels(low: float, high: float, rows: int, log_y: bool) -> dict[int, str]:
    """Row from the top → the number that stands there: at both ends, and in the middle where there is one."""
    middle = {(rows - 1) // 2: (low + high) / 2} if rows % 2 and rows >= 5 else {}
    places = {0: high, rows - 1: low} | middle
    return {row: (f"1e{at:+.0f}" if at == round(at) else "") if log_y else f"{at:g}" for row, at in places.items()}
