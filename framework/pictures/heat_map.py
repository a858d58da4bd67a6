"""A heat map as data, and how it is drawn: a colour per cell, words in it, and hatches where there is no number."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from framework.pictures.style import INK, finite, literal

Kind = Literal["log", "linear", "words"]
EVEN = 0.6  # how much gaps may vary, as a share of their mean, on an axis that is drawn to scale
TITLE_CHARACTERS, CAPTION_CHARACTERS = 80, 110  # of a line, at the width of the picture
HATCHES = "#9a9a9a"


@dataclass(frozen=True)
class Axis:
    """The values along one side, ascending where they are numbers; drawn to scale where they are evenly spaced, or their logarithms."""

    label: str
    values: Sequence[Any]

    @property
    def kind(self) -> Kind:
        """Whether the axis is logarithmic, linear, or gives each value a cell of one width."""
        return spacing(self.values)

    @property
    def centres(self) -> np.ndarray:
        """Where the values stand [n]."""
        return np.arange(len(self.values), dtype=float) if self.kind == "words" else np.array(self.values, float)

    @property
    def edges(self) -> np.ndarray:
        """Where cells begin and end [n + 1]: half way between two values, by their logarithms on a logarithmic axis."""
        places = np.log(self.centres) if self.kind == "log" else self.centres
        middles = (places[1:] + places[:-1]) / 2
        ends = (
            (places[0] - (middles[0] - places[0]), places[-1] + (places[-1] - middles[-1]))
            if len(middles)
            else (places[0] - 0.5, places[0] + 0.5)
        )
        edges = np.array([ends[0], *middles, ends[1]])
        return np.exp(edges) if self.kind == "log" else edges


@dataclass(frozen=True)
class HeatMap:
    """Values over two axes, [len(y.values), len(x.values)]; NaN where there is no number.

    hatched: cells of the same shape that are hatched. words: what is written into cells, "" for nothing. log: the colours are
    logarithmic. caption: what stands below the picture.
    """

    title: str
    x: Axis
    y: Axis
    values: np.ndarray
    value_label: str
    hatched: np.ndarray
    words: Sequence[Sequence[str]]
    caption: str = ""
    log: bool = False
    limits: tuple[float | None, float | None] = (None, None)  # of the colours; None: those of the values

    def points(self) -> list[tuple[str, str, str, Any, float]]:
        """One row per cell for the table of what is drawn: title, quantity, the place up, the place across, the value."""
        cells = [(self.y.values[row], self.x.values[column], value) for (row, column), value in np.ndenumerate(self.values)]
        return [(self.title, self.value_label, f"{self.y.label} = {_said(up)}", across, float(value)) for up, across, value in cells]


def spacing(values: Sequence[Any]) -> Kind:
    """The axis for ascending values: "log" or "linear" where their logarithms or they themselves are evenly spaced, else "words"."""
    if not all(isinstance(value, int | float) for value in values) or len(values) < 2:
        return "words"
    numbers = np.array(values, float)
    if len(numbers) == 2:
        return "log" if numbers[0] > 0 and numbers[1] / numbers[0] >= 4 else "linear"
    linear, logarithmic = _unevenness(numbers), _unevenness(np.log(numbers)) if numbers[0] > 0 else math.inf
    return "words" if min(linear, logarithmic) > EVEN else "log" if logarithmic < linear else "linear"


def draw_heat_map(figure: Any, heat: HeatMap) -> Any:
    """Draws a heat map into an empty matplotlib Figure, its caption below; returns its axes."""
    figure.set_size_inches(7.2, 5.6)
    axes = figure.subplots()
    draw_cells(axes, heat, TITLE_CHARACTERS)
    figure.supxlabel(_wrapped(heat.caption, CAPTION_CHARACTERS), fontsize=8, color=INK, x=0.01, ha="left")
    return axes


def draw_cells(axes: Any, heat: HeatMap, characters: int) -> None:
    """Draws the cells, axes, title and colours of a heat map into empty axes. characters: of a line of the title."""
    from matplotlib.colors import LogNorm, Normalize

    shown = np.ma.masked_invalid(finite(heat.values))
    norm = LogNorm(*heat.limits) if heat.log else Normalize(*heat.limits)
    mesh = axes.pcolormesh(heat.x.edges, heat.y.edges, shown, cmap="viridis", norm=norm)
    for row, column in zip(*np.nonzero(heat.hatched), strict=True):
        _hatch(axes, heat.x.edges[column : column + 2], heat.y.edges[row : row + 2])
    for row, words in enumerate(heat.words):
        for column, word in ((column, word) for column, word in enumerate(words) if word):
            pale = not heat.hatched[row, column] and float(mesh.norm(heat.values[row, column])) < 0.6
            looks = {"ha": "center", "va": "center", "fontsize": 7, "color": "white" if pale else INK}
            axes.text(heat.x.centres[column], heat.y.centres[row], word, **looks)
    _scale(axes.xaxis, axes.set_xscale, heat.x)
    _scale(axes.yaxis, axes.set_yscale, heat.y)
    axes.set_xlabel(heat.x.label)
    axes.set_ylabel(heat.y.label)
    axes.set_title(_wrapped(heat.title, characters), fontsize=10, color=INK, loc="left")
    if not np.all(np.isnan(heat.values)):
        axes.figure.colorbar(mesh, ax=axes, label=heat.value_label)


def _wrapped(text: str, characters: int) -> str:
    return "\n".join(textwrap.fill(line, characters) for line in text.split("\n"))


def _hatch(axes: Any, across: np.ndarray, up: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    size = across[1] - across[0], up[1] - up[0]
    axes.add_patch(Rectangle((across[0], up[0]), *size, fill=False, hatch="////", edgecolor=HATCHES, linewidth=0))


def _scale(axis: Any, set_scale: Any, side: Axis) -> None:
    """Marks each value, or every second, third, … where there are many."""
    if side.kind == "log":
        set_scale("log")
    every = -(-len(side.values) // 12)
    said = [_said(value) for value in side.values]
    axis.set_ticks(side.centres[::every], said[::every])
    axis.set_ticks([], minor=True)


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else literal(str(value))


def _unevenness(places: np.ndarray) -> float:
    gaps = np.diff(places)
    return float(gaps.std() / gaps.mean()) if gaps.mean() > 0 else math.inf
