"""Figures for papers: any finished figure as a vector PDF as wide as a column, all words in one size, none across a curve."""

import io
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np

from framework.pictures.style import drawable

WIDTHS = {"single": 3.25, "double": 6.75}  # inches of one column and of two
POINTS = 8  # the size of all words
LEAST = 1.45  # inches of height for each row of panels
THIN = 0.65  # of the width of lines and of the size of marks on a screen
PLACES = (0.03, 0.97, 0.5, 0.28, 0.72)  # up an axis, where the words along a vertical line are tried


def as_pdf(figure: Any, width: float, about: str = "") -> bytes:
    """The figure as a PDF, so many inches wide, with TrueType fonts inside: the same bytes for the same figure.

    about: kept inside as its subject.
    """
    import matplotlib
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    with matplotlib.rc_context({"pdf.fonttype": 42}), drawable(figure):
        for_paper(figure, width)
        buffer = io.BytesIO()
        FigureCanvasPdf(figure).print_pdf(buffer, metadata={"CreationDate": None, "Subject": about})
    return buffer.getvalue()


def for_paper(figure: Any, width: float) -> None:
    """Makes a figure that was drawn for a screen fit a paper: width, 8 pt, thin lines, a tick at every decade, words beside curves."""
    from matplotlib.text import Text
    from matplotlib.ticker import MaxNLocator

    across, down = figure.get_size_inches()
    rows = max(1, _rows(figure))
    figure.set_size_inches(width, max(down * (width / across) ** 0.75, LEAST * rows))
    for text in figure.findobj(Text):
        text.set_fontsize(POINTS)
    for axes in figure.axes:
        axes.tick_params(which="both", labelsize=POINTS, width=0.6)
        for line in axes.lines:
            line.set_linewidth(THIN * line.get_linewidth())
            line.set_markersize(THIN * line.get_markersize())
        for spine in axes.spines.values():
            spine.set_linewidth(0.6)
        for axis in (axes.xaxis, axes.yaxis):
            _decades(axis)
            if axes.images and isinstance(axis.get_major_locator(), MaxNLocator):
                axis.get_major_locator().set_params(integer=True)  # rows and columns are counted
    figure.draw_without_rendering()
    for axes in figure.axes:
        _wrap(axes)
        _place_legend(axes)
    figure.set_figheight(figure.get_figheight() + sum(_reserved(figure).values()) * 1.3 * POINTS / 72)
    figure.draw_without_rendering()
    _say_once(figure)
    for axes in figure.axes:
        _thin_labels(axes)
        _place_words(axes)
    figure.draw_without_rendering()
    for axes in figure.axes:
        _keep_inside(axes)


def _rows(figure: Any) -> int:
    """How many rows of panels stand below one another."""
    own = [axes.get_subplotspec().get_gridspec().nrows for axes in figure.axes if axes.figure is figure and axes.get_subplotspec()]
    inside = [_rows(part) for part in figure.subfigs]
    return max(own, default=0) + sum(inside)


def _decades(axis: Any) -> None:
    """On a logarithmic axis a tick at every decade, and where steps are counted one for step 0."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogFormatterSciNotation, LogLocator, NullFormatter

    if axis.get_scale() != "log" or not len(axis.get_majorticklocs()):
        return
    low, high = axis.get_view_interval()
    if axis.get_major_formatter()(0.5, 0) == "0":
        axis.set_major_locator(FixedLocator([0.5, *(10.0**power for power in range(int(np.floor(np.log10(high))) + 1))]))
        axis.set_major_formatter(FuncFormatter(lambda x, _: "0" if x < 1 else "1" if x == 1 else f"$10^{{{round(np.log10(x))}}}$"))
    elif isinstance(axis.get_major_locator(), LogLocator) and np.floor(np.log10(high)) - np.ceil(np.log10(low)) >= 1:
        axis.set_major_locator(LogLocator(base=10, numticks=100))
        axis.set_major_formatter(LogFormatterSciNotation())
    else:
        return  # the values themselves are marked, or there is less than a decade
    axis.set_minor_locator(LogLocator(base=10, subs=tuple(range(2, 10)), numticks=1000))
    axis.set_minor_formatter(NullFormatter())


def _thin_labels(axes: Any) -> None:
    """Leaves out every second number, third, … along an axis where they would touch; the ticks stay."""
    for axis, side in ((axes.xaxis, 0), (axes.yaxis, 1)):
        low, high = sorted(axis.get_view_interval())
        shown = [tick for tick in axis.get_major_ticks() if tick.label1.get_text() and low <= tick.get_loc() <= high]
        boxes = [tick.label1.get_window_extent() for tick in shown]
        ends = [(box.x0, box.x1) if side == 0 else (box.y0, box.y1) for box in boxes]
        for every in range(1, len(shown)):
            kept = sorted(ends[::-1][::every])  # the last one is kept
            if all(after[0] > before[1] + 2 for before, after in zip(kept, kept[1:], strict=False)):
                break
        else:
            every = 1
        for number, tick in enumerate(shown[::-1]):
            tick.label1.set_alpha(1.0 if number % every == 0 else 0.0)


def _wrap(axes: Any) -> None:
    """Breaks titles and labels into lines no longer than the axes."""
    box = axes.get_window_extent()
    across, up = box.width / axes.figure.dpi, box.height / axes.figure.dpi
    for text, length in (
        (axes.title, across),
        (axes._left_title, across),
        (axes._right_title, across),
        (axes.xaxis.label, across),
        (axes.yaxis.label, up),
    ):
        if "$" in text.get_text():
            continue
        characters = max(10, int(length * 72 / (0.54 * POINTS)))
        text.set_text("\n".join(textwrap.fill(line, characters) for line in text.get_text().split("\n")))


def _place_legend(axes: Any) -> None:
    """Leaves a legend where it is free of curves, and else puts it above the axes, or below them where a title is above."""
    from matplotlib.transforms import ScaledTranslation

    legend = axes.get_legend()
    if legend is None:
        return
    if _within(axes, legend.get_window_extent()) and not _crossed(axes, legend.get_window_extent()):
        return
    handles, labels = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
    widest = max(text.get_window_extent().width for text in legend.get_texts()) + 34 * axes.figure.dpi / 72
    columns = max(1, min(len(labels), int(axes.get_window_extent().width / widest)))
    looks = {"fontsize": POINTS, "handlelength": 1.8, "columnspacing": 1.2, "borderaxespad": 0.2, "labelspacing": 0.25}
    if any(title.get_text() for title in (axes.title, axes._left_title, axes._right_title)):
        lines = 1 + axes.xaxis.label.get_text().count("\n") + bool(axes.xaxis.label.get_text())  # numbers and label below the axes
        below = axes.transAxes + ScaledTranslation(0, -(6 + 1.3 * POINTS * lines) / 72, axes.figure.dpi_scale_trans)
        where = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "bbox_transform": below}
        axes.legend(handles, labels, frameon=False, ncols=columns, **where, **looks)
        return
    made = axes.legend(handles, labels, frameon=False, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1), **looks)
    made.set_in_layout(False)  # long words make no panel narrow
    _reserve(axes, -(-len(labels) // columns))


def _reserve(axes: Any, lines: int) -> None:
    """Keeps room for so many lines above the axes."""
    axes.set_title("\n".join(" " * lines), fontsize=POINTS)


def _reserved(figure: Any) -> dict[float, int]:
    """How many lines are kept above each row of panels, by its height in the figure."""
    lines: dict[float, int] = {}
    for axes in figure.axes:
        said, row = axes.title.get_text(), round(axes.get_position().y0, 2)
        lines[row] = max(lines.get(row, 0), 0 if said.strip() else said.count(" "))
    return lines


def _keep_inside(axes: Any) -> None:
    """Moves a legend above the axes to the left where it would leave the figure."""
    legend = axes.get_legend()
    over = legend.get_window_extent().x1 - axes.figure.figure.bbox.x1 if legend and not legend.get_in_layout() else 0
    if over > 0:
        box = legend.get_bbox_to_anchor().transformed(axes.transAxes.inverted())
        legend.set_bbox_to_anchor((box.x0 - (over + 2) / axes.get_window_extent().width, box.y0), axes.transAxes)


def _say_once(figure: Any) -> None:
    """Of panels below one another, the first says what a vertical line is; the others have the line."""
    said = set()
    for axes in figure.axes:
        for text in [text for text in axes.texts if text.get_rotation() == 90]:
            place = (text.get_text(), round(axes.get_position().x0, 2), axes.figure)
            if place in said:
                text.remove()
            said.add(place)


def _place_words(axes: Any) -> None:
    """Moves the words along vertical lines to where no curve, no legend and no other word is; those that fit nowhere stand above."""
    legend = axes.get_legend()
    taken = [legend.get_window_extent()] if legend else []
    for text in axes.texts:
        if text.get_rotation() != 90:
            continue
        text.set_in_layout(False)
        if not any(_is_free(axes, text, taken) for _ in _tries(text)):
            text.set(rotation=0, ha="center", va="bottom", y=1.01)
            above = legend is not None and not legend.get_in_layout()
            _reserve(axes, axes.title.get_text().count(" ") + 1) if above or not axes.title.get_text() else None
            if above:
                legend.set_bbox_to_anchor((0, 1 + 1.4 * POINTS / 72 * axes.figure.dpi / axes.get_window_extent().height), axes.transAxes)
        taken.append(text.get_window_extent())


def _tries(text: Any) -> Iterator[None]:
    """Puts words at one place after another: left of their line and right of it, low, high and between."""
    for side in ("right", "left"):
        for place in PLACES:
            text.set(ha=side, va="bottom" if place < 0.1 else "top" if place > 0.9 else "center", y=place)
            yield


def _is_free(axes: Any, text: Any, taken: list[Any]) -> bool:
    box = text.get_window_extent()
    return _within(axes, box) and not _crossed(axes, box) and not any(box.overlaps(other) for other in taken)


def _within(axes: Any, box: Any) -> bool:
    frame = axes.get_window_extent()
    return bool(box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1)


def _crossed(axes: Any, box: Any) -> bool:
    """Whether a curve of these axes, or of those that share their place, runs through the box; a vertical line may."""
    beside = [other for other in axes.figure.axes if other is axes or other.bbox.bounds == axes.bbox.bounds]
    for line in (line for other in beside for line in other.lines):
        x = np.asarray(line.get_xdata(), float)
        if len(x) == 2 and x[0] == x[1]:
            continue
        path = line.get_transform().transform_path(line.get_path())
        if len(path.vertices) and path.intersects_bbox(box, filled=False):
            return True
    return False
