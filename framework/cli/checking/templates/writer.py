"""Whom my_writer tells of a run: say it in one line."""

from dataclasses import dataclass

from framework import Pen, Writer, field, register
from framework.storage import write_atomically


@register("my_writer")
@dataclass(frozen=True, kw_only=True)
class MyWriter(Writer):
    """A line of text per row, in a file that is written at the end. Source: whose format it is."""

    # If rows can leave about.folder, define destination(), and name the fields that decide it: leads_outside = ("address",)
    columns: tuple[str, ...] = field(("train/loss", "test/loss"), "which numbers are told")

    def begin(self, about, rows):
        """Begins a session with the rows so far. `about` has folder, name, config, step, …"""
        pen = Lines(about.folder / "rows.txt", self.columns)
        for row in rows:
            pen.row(row)
        return pen


class Lines(Pen):
    """The file. What is raised here is said once, and the run goes on."""

    def __init__(self, file, columns):
        self._file, self._columns, self._lines = file, columns, []

    def row(self, row):
        """A line more: row.step, row.seconds, and row.numbers by column."""
        self._lines.append(f"step {row.step}: {[row.numbers.get(column) for column in self._columns]}")

    def end(self, how):
        """Writes the file. how: finished, stopped or failed."""
        write_atomically(self._file, "\n".join([*self._lines, how]))
