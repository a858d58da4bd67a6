"""How far a run is: a bar on a terminal and in a notebook, and lines at growing intervals in a log file."""

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from framework.records.live import Pauses

UNWRITABLE = (OSError, ValueError, AttributeError, TypeError)  # a full disk, a closed stream, one that lacks a method, one for bytes
_SHOWN = {"train": ("train/pair_accuracy", "train/accuracy"), "test": ("test/pair_accuracy", "test/accuracy")}


class Progress:
    """Step, rate, time left and the accuracies of the last row, on standard error."""

    def __init__(self, steps: int):
        self._steps = steps
        self._shown: tqdm | Lines | None = None

    def start(self, step: int, rows: Sequence[dict[str, Any]]) -> None:
        """Begins at a restored step."""
        screen = StandardError()
        if screen.can_write_over:
            self._shown = tqdm(total=self._steps, initial=step, unit="step", dynamic_ncols=True, mininterval=0.2, file=screen)
        else:
            self._shown = Lines(self._steps, step)
        for row in rows[-1:]:
            self.row(row)

    def step(self, step: int) -> None:
        """Moves on to a step."""
        if self._shown is not None:
            self._shown.update(step - self._shown.n)

    def row(self, row: dict[str, Any]) -> None:
        """Shows the accuracies of a row."""
        if self._shown is not None:
            shown = {name: next((row[c] for c in columns if row.get(c) is not None), None) for name, columns in _SHOWN.items()}
            text = ", ".join(f"{name} {value:.3f}" for name, value in shown.items() if value is not None)
            self._shown.set_postfix_str(text, refresh=False)

    def close(self) -> None:
        """Leaves what is shown as it is."""
        if self._shown is not None:
            self._shown.close()


class Lines:
    """What a log file gets in the place of a bar: whole lines, the next one after a longer pause each time, and one at the end."""

    def __init__(self, steps: int, step: int):
        self.n = step
        self._steps, self._first, self._words, self._said = steps, step, "", -1
        self._start = time.monotonic()
        self._pauses = Pauses(self._start)

    def update(self, more: int) -> None:
        """So many steps are done; says so where a line is due."""
        self.n += more
        if self._pauses.is_over(time.monotonic()):
            self._say()

    def set_postfix_str(self, words: str, refresh: bool = False) -> None:
        """The last words of a line."""
        self._words = words

    def close(self) -> None:
        """Says where it ends, unless the last line did."""
        if self._said != self.n:
            self._say()

    def _say(self) -> None:
        seconds = time.monotonic() - self._start
        rate = (self.n - self._first) / seconds if seconds else 0.0
        left = f", {tqdm.format_interval((self._steps - self.n) / rate)} left" if rate and self.n < self._steps else ""
        words = f"; {self._words}" if self._words else ""
        share = self.n / self._steps if self._steps else 1.0
        print(f"step {self.n:,} of {self._steps:,} ({share:.0%}), {rate:.3g} steps/s{left}{words}", file=StandardError(), flush=True)
        self._said = self.n


class StandardError:
    """Standard error, whatever the program that trains has made of it: none, closed, on a full disk. What cannot be shown ends no run."""

    def __init__(self) -> None:
        self._stream: Any = sys.stderr

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)  # tqdm asks for its width and its encoding

    def write(self, text: str) -> int:
        """Writes what it can; after the first failure nothing more."""
        try:
            self._stream.write(text)
        except UNWRITABLE:
            self._stream = None
        return len(text)

    def flush(self) -> None:
        """Writes what it can."""
        try:
            self._stream.flush()
        except UNWRITABLE:
            self._stream = None

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        try:
            return bool(self._stream.isatty())
        except UNWRITABLE:
            return False

    @property
    def can_write_over(self) -> bool:
        """A line can be written over again: on a terminal that can do so, and in the output of a notebook's cell."""
        return (self.isatty() and os.environ.get("TERM") != "dumb") or type(self._stream).__module__.startswith("ipykernel")
