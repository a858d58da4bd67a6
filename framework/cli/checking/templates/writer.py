"""Whom my_writer tells of a run: say it in one line."""

from dataclasses import dataclass

from framework import Pen, Writer, field, register
from framework.storage import append_to, remove_file


@register("my_writer")
@dataclass(frozen=True, kw_only=True)
class MyWriter(Writer):
    """A line of text per row, in a file in the run's folder. Source: whose format it is."""

    columns: tuple[str, ...] = field(("train/loss", "test/loss"), "which numbers are told")

    def begin(self, about, rows):
        """Begins a session: a file that has a line for each row so far. `about` has folder, name, config, step, …"""
        pen = Lines(about.folder / "rows.txt", self.columns)
        for row in rows:
            pen.row(row)
        return pen


class Lines(Pen):
    """The file that is written. What is raised here is said once, and the run goes on."""

    def __init__(self, file, columns):
        remove_file(file)
        self._file, self._columns = file, columns

    def row(self, row):
        """A line more: row.step, row.seconds, and row.numbers by column."""
        told = [f"{column} = {row.numbers[column]:.6g}" for column in self._columns if column in row.numbers]
        self._write(f"step {row.step}: {', '.join(told)}")

    def end(self, how):
        """how: finished, stopped or failed."""
        self._write(how)

    def _write(self, line):
        with append_to(self._file) as file:
            file.write(f"{line}\n".encode())
