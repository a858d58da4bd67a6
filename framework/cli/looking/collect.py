"""whygrok collect: all runs below folders in one table."""

import logging
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from framework.cli import Parser
from framework.cli.answers import answer, screen_width

if TYPE_CHECKING:
    from framework.records import Table

log = logging.getLogger("whygrok")

EXAMPLES = """\
  whygrok collect runs
  whygrok collect runs/scales --columns norms/linf gradient_norm
  whygrok collect runs ../others/runs --output=all.csv
"""
MOST_SAID = 20  # lines on what is left out
NAME_ROOM = 40  # characters that a name may take before columns do
SHOWN = ("state", "step", "train", "test", "fitted", "grokked")


def main(arguments: Sequence[str]) -> int:
    """Prints one line per run, or writes the table; names what has no row."""
    parser = Parser("collect", EXAMPLES)
    parser.add_argument("roots", nargs="+", metavar="ROOT", help="runs, sweeps, or folders in which there are some at any depth")
    said = "columns of metrics.jsonl, of which the last value is shown, or config fields"
    parser.add_argument("--columns", nargs="+", default=(), metavar="COLUMN", help=said)
    parser.add_argument("--output", metavar="FILE", help="write all columns into a .csv, .json or .parquet instead of printing some")
    options = parser.parse(arguments)
    from framework.records import collect  # after the arguments are read: nothing is imported for --help

    table = collect(*options.roots, columns=options.columns)
    say_left_out(table)
    if options.output:
        table.write(options.output)
        answer(options.output)
    elif len(table):
        answer("\n".join(lines_of(table, options.columns)))
    return 0


def say_left_out(table: "Table") -> None:
    """Names what has no row: all of it, up to a screenful."""
    for folder, why in list(table.left_out.items())[:MOST_SAID]:
        log.warning("left out: %s: %s", folder, why)
    if (more := len(table.left_out) - MOST_SAID) > 0:
        log.warning("left out: %d more; framework.collect(…).left_out has all of them", more)


def lines_of(table: "Table", columns: Sequence[str]) -> list[str]:
    """A line per run, named by what it differs in; what is the same in all, or finds no room, is said below."""
    from framework.cli.tables import cell, on_screen

    names = table.names()
    cells = {name: [cell(row[name]) for row in table] for name in dict.fromkeys([*columns, *SHOWN])}
    same = {name: values[0] for name, values in cells.items() if len(table) > 1 and len(set(values)) == 1 and name not in columns}
    shown = [name for name in cells if name not in same]
    hidden: list[str] = []
    while len(shown) > len(columns) + 1 and _width(names, cells, shown) > _room():
        hidden.insert(0, shown.pop())
    lines = on_screen([["run", *shown], *([name, *(cells[one][i] for one in shown)] for i, name in enumerate(names))])
    below = [
        f"{len(table)} run{'s' * (len(table) > 1)}"
        + (f", all with {', '.join(f'{name} {value}' for name, value in same.items())}" if same else "")
    ]
    below += [f"not shown: {', '.join(hidden)}"] if hidden else []
    below += [f"train and test: {_headlines(table)}; all columns: --output=FILE.csv"]
    return [*lines, *(part for line in below for part in textwrap.wrap(line, _room()))]


def _headlines(table: "Table") -> str:
    return " or ".join(sorted({row["headline"].replace("_", " ") for row in table}))


def _width(names: Sequence[str], cells: dict[str, list[str]], shown: Sequence[str]) -> int:
    from framework.cli.tables import initialled

    widths = [max(map(len, [name, *cells[name]])) + 2 for name in shown]
    return min(max(map(len, initialled(names)[0])), NAME_ROOM) + sum(widths)


def _room() -> int:
    """How many characters a line may have: as many as it likes where no terminal shows it."""
    return screen_width() or sys.maxsize
