"""A run that is still being trained, followed through its metrics.jsonl."""

import os
from pathlib import Path

from framework.records import Outcome
from framework.storage import open_file, parse_json


class Followed:
    """How a run stands that another process writes: each look reads only what has been written since the one before."""

    def __init__(self, metrics: Path, headline: str):
        self._metrics, self._headline = metrics, headline
        self._begin(inode=None)

    def look(self) -> Outcome:
        """The outcome by the rows that are there now, up to a damaged one; the run itself explains damage."""
        try:
            with open_file(self._metrics) as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._read:  # written anew, as at the start of a session
                    self._begin(status.st_ino)
                file.seek(self._read)
                whole = file.read().rpartition(b"\n")[0]
        except OSError:  # there is none, or what is there is no file: the run itself says so
            self._begin(inode=None)
            return self._outcome
        for line in whole.split(b"\n") if whole else ():
            try:
                self._outcome.see(parse_json(line))
            except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
                break
            self._read += len(line) + 1
        return self._outcome

    def _begin(self, inode: int | None) -> None:
        self._inode, self._read, self._outcome = inode, 0, Outcome(self._headline)
