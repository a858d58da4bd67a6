"""The rows of a run that another process writes: each look reads only what has been written since the one before."""

import os
from pathlib import Path
from typing import Any, BinaryIO

from framework.records.files import is_row
from framework.storage import open_file, parse_json

LONGEST = 10**8  # bytes of a line: what is longer is no row, but may be a file that claims to have any size


class Growing:
    """metrics.jsonl as it grows, up to a line that is torn or damaged.

    is_damaged: whether a line before the last holds no row; the last one a resume cuts.
    """

    def __init__(self, metrics: Path):
        self._metrics, self.is_damaged = metrics, False
        self._inode: int | None = None
        self._read, self._last, self._line = 0, -1, b""  # how many bytes are known; the step of the last row, and the row itself

    def look(self) -> tuple[bool, list[dict[str, Any]]]:
        """(whether the file was begun anew, so that rows from earlier looks are void; the rows that are new)."""
        try:
            with open_file(self._metrics) as file:
                inode = os.fstat(file.fileno()).st_ino
                anew = inode != self._inode or not self._goes_on(file)
                if anew:
                    self._begin(inode)
                return anew, self._read_on(file)
        except OSError:  # there is none, or what is there is no file
            self._begin(inode=None)
            return True, []

    def _goes_on(self, file: BinaryIO) -> bool:
        """Whether the last row that was read is still in its place: a copy may be written over the file, which keeps its inode."""
        file.seek(self._read - len(self._line))
        return file.read(len(self._line)) == self._line

    def _read_on(self, file: BinaryIO) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        file.seek(self._read)
        while (line := file.readline(LONGEST)).endswith(b"\n"):
            row = _parsed(line)
            if row is None or row["step"] <= self._last:
                self.is_damaged = file.readline(LONGEST).endswith(b"\n")
                return rows
            rows.append(row)
            self._read, self._last, self._line = self._read + len(line), row["step"], line
        self.is_damaged = len(line) == LONGEST
        return rows

    def _begin(self, inode: int | None) -> None:
        self._inode, self._read, self._last, self._line = inode, 0, -1, b""
        self.is_damaged = False


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = parse_json(line)
    except ValueError:
        return None
    return row if is_row(row) else None
