"""Text in aligned columns."""

import re
from collections.abc import Sequence

from framework.cli.answers import screen_width

WORD = re.compile(r"(?<![A-Za-z0-9_])[a-z]+(?:_[a-z]+)+(?==)")  # a field of several words
SHORTEST = 20  # characters of a first column that is shortened


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line per row, two spaces between columns; the last column may be of any width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows]


def on_screen(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned rows of a name and other cells. On a terminal names that are too long have their fields by initials, which a line
    explains, and what is still too long loses its middle.
    """
    if (across := screen_width()) is None:
        return aligned(rows)
    room = max(across - width_of([row[1:] for row in rows]) - 2, SHORTEST)
    names, explained = [row[0] for row in rows], dict[str, str]()
    if max(map(len, names)) > room:
        names, explained = initialled(names)
    lines = aligned([[shortened(name, room), *row[1:]] for name, row in zip(names, rows, strict=True)])
    return [*lines, *([", ".join(f"{short}: {word}" for word, short in explained.items())] if explained else [])]


def initialled(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """(lr=0.1,wd=1.0 for learning_rate=0.1,weight_decay=1.0, what the initials stand for); as they are where two would be alike."""
    words = list(dict.fromkeys(word for name in names for word in WORD.findall(name)))
    initials = {word: "".join(part[0] for part in word.split("_")) for word in words}
    if len(set(initials.values())) < len(words):
        return list(names), {}
    return [WORD.sub(lambda found: initials[found[0]], name) for name in names], initials


def width_of(rows: Sequence[Sequence[str]]) -> int:
    """How many characters the longest of these rows takes when they are aligned."""
    return max(map(len, aligned(rows)), default=0)


def shortened(text: str, room: int) -> str:
    """The text, with its middle left out where it is too long."""
    return text if len(text) <= room else f"{text[: room // 2 - 1]}…{text[-(room - room // 2) :]}"


def cell(value: object) -> str:
    """A cell: four figures of a number, a dash for nothing."""
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
