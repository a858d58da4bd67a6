"""The rows of a run that another process writes: each look reads only what has been written since the one before."""

import os
from pathlib import Path
from typing import Any

from framework.records.files import is_row
from framework.storage import open_file, parse_json


class Growing:
    """metrics.jsonl as it grows, up to a line that is torn or damaged.

    is_damaged: whether a line before the last holds no row; the last one a resume cuts.
    """

    def __init__(self, metrics: Path):
        self._metrics, self.is_damaged = metrics, False
        self._inode: int | None = None
        self._read, self._last = 0, -1  # how many bytes of it are known, and the step of the last row

    def look(self) -> tuple[bool, list[dict[str, Any]]]:
        """(whether the file was begun anew, so that rows from earlier looks are void; the rows that are new)."""
        anew = False
        try:
            with open_file(self._metrics) as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._read:  # written anew, as at the start of a session
                    anew = self._begin(status.st_ino)
                file.seek(self._read)
                whole = file.read().rpartition(b"\n")[0]
        except OSError:  # there is none, or what is there is no file
            return self._begin(inode=None), []
        rows: list[dict[str, Any]] = []
        self.is_damaged = False
        lines = whole.split(b"\n") if whole else []
        for number, line in enumerate(lines, 1):
            row = _parsed(line)
            if row is None or row["step"] <= self._last:
                self.is_damaged = number < len(lines)
                break
            rows.append(row)
            self._read, self._last = self._read + len(line) + 1, row["step"]
        return anew, rows

    def _begin(self, inode: int | None) -> bool:
        self._inode, self._read, self._last = inode, 0, -1
        self.is_damaged = False
        return True


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = parse_json(line)
    except ValueError:
        return None
    return row if is_row(row) else None
