"""Text in aligned columns."""

import shutil
import sys
from collections.abc import Sequence

SHORTEST = 20  # characters of a first column that is shortened


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line per row, two spaces between columns; the last column may be of any width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows]


def on_screen(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned rows; on a terminal the middle of the first column is left out where a line would be too long."""
    if not sys.stdout.isatty():
        return aligned(rows)
    room = shutil.get_terminal_size().columns - width_of([row[1:] for row in rows]) - 2
    return aligned([[shortened(row[0], max(room, SHORTEST)), *row[1:]] for row in rows])


def width_of(rows: Sequence[Sequence[str]]) -> int:
    """How many characters the longest of these rows takes when they are aligned."""
    return max(map(len, aligned(rows)), default=0)


def shortened(text: str, room: int) -> str:
    """The text, with its middle left out where it is too long."""
    return text if len(text) <= room else f"{text[: room // 2 - 1]}…{text[-(room - room // 2) :]}"


def said(value: object) -> str:
    """A cell: four figures of a number, a dash for nothing."""
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
