"""How every picture looks: colours, axes of steps, marks, grid; and pictures as bytes."""

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from framework.errors import CONTROLS, UserError

COLOURS = ("#1f5fa8", "#c8502d", "#2d8a57", "#8456a3", "#a8841f", "#4b5563")  # one per run or value, dark enough on white
NARROW = 4.0  # inches; a figure as wide as one column of a paper has less
LONGEST_NAME, LONGEST_WORDS = 80, 2_000  # characters: of a name out of a file, and of any words in a picture
LARGEST = 1e300  # that is drawn as it is: sums and products of a few larger numbers are infinite
INK, GRID, MOMENT = "#222222", "#dddddd", "#8a6d3b"


def colour_of(number: int | None) -> str:
    """The colour with that number, in turn; ink for None."""
    return INK if number is None else COLOURS[number % len(COLOURS)]


def literal(name: str, most: int = LONGEST_NAME) -> str:
    """A name out of a file as the words of a picture: in one line, not too long, and its dollars begin no formula."""
    said = name.replace("\n", " ").replace("\t", " ").translate(CONTROLS)
    half = (most - 1) // 2
    said = said if len(said) <= most else f"{said[:half]}…{said[-half:]}"
    return said.replace("$", r"\$")


def unescaped(words: str) -> str:
    """The words of a picture as text for a page, which knows no formulas."""
    return words.replace(r"\$", "$")


def finite(values: Any) -> np.ndarray:
    """The values within what can be drawn; NaN for infinities."""
    values = np.asarray(values, float)
    return np.where(np.isfinite(values), np.clip(values, -LARGEST, LARGEST), np.nan)


@contextlib.contextmanager
def drawable(figure: Any) -> Iterator[None]:
    """Inside, a figure can be rendered, whatever its words are: those that are no formula are text, and what has no glyph is a box."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        words = text.get_text().translate(CONTROLS)
        words = words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS]}…"
        if "$" in words and not all(map(_can_be_read, words.split("\n"))):
            text.set_parse_math(False)
            words = unescaped(words)
        if words != text.get_text():
            text.set_text(words)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ ")
        warnings.filterwarnings("ignore", "constrained_layout not applied")  # a picture with no room for its words: as it then is
        yield


def _can_be_read(line: str) -> bool:
    """Whether matplotlib can read the formulas in a line, if there are any: it takes an even number of dollars for some."""
    from matplotlib.mathtext import MathTextParser

    dollars = line.count("$") - line.count(r"\$")
    try:
        return not dollars or bool(dollars % 2) or MathTextParser("path").parse(line) is not None
    except ValueError:
        return False


@contextlib.contextmanager
def plain_style() -> Iterator[None]:
    """Inside, matplotlib has its own defaults, whatever a matplotlibrc or a notebook has set; at the end these are back. Also a decorator.

    Raises UserError when matplotlib cannot be imported, because of a setting or a file of settings that it does not understand.
    """
    try:
        import matplotlib.style
    except (ValueError, OSError) as error:
        raise UserError(f"matplotlib cannot start; look at MPLBACKEND, MATPLOTLIBRC and the file matplotlibrc: {error}") from error
    with matplotlib.style.context("default"):
        yield


def new_figure(width: float | None = None) -> Any:
    """An empty matplotlib Figure that needs no display and touches no global state.

    width: inches that it will have in a paper; what draws into a figure that comes narrower than NARROW puts panels below one another.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    if width is not None:
        figure.set_figwidth(width)
    return figure


@plain_style()
def rendered(figure: Any, kind: str, description: str = "") -> bytes:
    """The figure as "png" or "svg": the same bytes for the same figure. A PNG keeps the description inside."""
    import matplotlib

    metadata = {"png": {"Description": description}, "svg": {"Date": None}}[kind]
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "whygrok"}), drawable(figure):
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return buffer.getvalue()


def log_steps(axes: Any) -> None:
    """A logarithmic axis of steps. Step 0 has no place on it: draw it at ½ (np.maximum(steps, 0.5)); it is labelled 0."""
    from matplotlib.ticker import FuncFormatter

    axes.set_xscale("log")
    axes.set_xlim(left=0.45)
    _, high = axes.get_xlim()
    axes.set_xticks([0.5, *(10.0**i for i in range(int(np.log10(max(high, 1))) + 1))])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: "0" if x < 1 else f"{int(x):,}"))


def mark_step(axes: Any, step: int | None, word: str) -> None:
    """A dotted vertical line at a step, with its name; nothing for None."""
    if step is not None:
        mark(axes, max(step, 0.5), f"{word}: {step:,}")


def mark(axes: Any, place: int | float, words: str) -> None:
    """A dotted vertical line with words along it."""
    axes.axvline(place, color=INK, linewidth=0.8, linestyle=":")
    transform = axes.get_xaxis_transform()
    axes.text(place, 0.04, f" {words}", fontsize=8, color=INK, transform=transform, rotation=90, ha="right", va="bottom")


def mark_moments(axes: Any, moments: Mapping[str, Sequence[int | float]], steps: bool = True) -> None:
    """Thin vertical lines at the places of each name, with the name along the first; names that begin at one place stand together.

    steps: the axis is one of steps, on which 0 is at ½.
    """
    from matplotlib.collections import LineCollection

    first: dict[float, list[str]] = {}
    transform = axes.get_xaxis_transform()
    for name, places in moments.items():
        drawn = np.maximum(places, 0.5) if steps else np.asarray(places, float)
        lines = LineCollection([[(x, 0), (x, 1)] for x in drawn], colors=MOMENT, linewidths=0.6, transform=transform, zorder=0.5)
        axes.add_collection(lines, autolim=False)  # they say nothing of what the axes should hold
        first.setdefault(float(drawn[0]), []).append(name)
    for number, (place, names) in enumerate(sorted(first.items())):
        height = (0.97, 0.6)[number % 2]  # neighbours do not stand side by side
        looks: dict[str, Any] = {"fontsize": 7, "color": MOMENT, "rotation": 90, "ha": "right", "va": "top", "clip_on": True}
        axes.text(place, height, ", ".join(names), transform=transform, **looks)


def tidy(axes: Any) -> None:
    """Draws a grid, and no frame at the top and on the right."""
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
