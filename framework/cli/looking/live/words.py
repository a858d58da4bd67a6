"""What screens say: in characters that any terminal can show, in lines of a width."""

from collections.abc import Iterable

from rich import get_console
from rich.cells import set_cell_size
from rich.text import Text
from tqdm import tqdm

from framework.errors import CONTROLS

FOREVER = 1e10  # seconds
BAR = 20  # characters of a bar, at most
MORE = " ..."  # after a sentence of which there is more
STYLES = {"finished": "green", "running": "bold cyan", "failed": "bold red", "killed": "bold red", "stopped": "yellow", "starting": "cyan"}


def printable(text: object) -> str:
    """In one line, without what would move the cursor of a terminal: folders and sentences may be a stranger's."""
    return str(text).replace("\n", " ").replace("\t", " ").translate(CONTROLS)


def broken(text: str, width: int, style: str = "", most: int = 3) -> list[Text]:
    """A sentence in lines of a width, at most so many."""
    width = max(width, 10)
    lines = [line.plain.rstrip() for line in Text(printable(text)).wrap(get_console(), width, overflow="fold")]
    if len(lines) > most:
        lines = [*lines[: most - 1], set_cell_size(lines[most - 1], width - len(MORE)).rstrip() + MORE]
    return [Text(line, style) for line in lines]


def duration(seconds: float) -> str:
    """01:05 or 2:00:01, as in bars of progress; with days where there are some."""
    if seconds >= FOREVER:
        return "centuries"
    days, rest = divmod(round(seconds), 86400)
    return (f"{days} day{'s' * (days > 1)} " if days else "") + str(tqdm.format_interval(rest))


def pace(rate: float) -> Text:
    """1,194 steps/s, or 3.25 steps/s."""
    return Text(f"{rate:,.0f} steps/s" if rate >= 100 else f"{rate:.3g} steps/s")


def bar(done: int, whole: int, width: int, ascii_only: bool) -> Text:
    """How much of the whole is done."""
    room = max(min(BAR, width), 4)
    filled = min(room * done // whole, room) if whole else 0
    full, empty = ("#", ".") if ascii_only else ("━", "╌")
    return Text().append(full * filled, "green").append(empty * (room - filled), "dim")


def flowing(parts: Iterable[Text], width: int) -> list[Text]:
    """Parts side by side, two spaces between them, in as many lines as they need."""
    lines: list[Text] = []
    for part in parts:
        if lines and lines[-1].cell_len + 2 + part.cell_len <= width:
            lines[-1] = lines[-1].append("  ").append_text(part)
        else:
            lines.append(Text().append_text(part))  # a line has no style of its own, which would be that of all parts
    return lines


def beside(left: list[Text], right: list[Text], width: int) -> list[Text]:
    """Two blocks of as many lines beside one another; the left one has the width."""
    for line in left:
        line.pad_right(max(width - line.cell_len, 0))
    return [one.append_text(other) for one, other in zip(left, right, strict=True)]
