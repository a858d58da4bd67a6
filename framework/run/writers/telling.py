"""Tells the writers of a run what is recorded. One that fails or hangs is named once, and then told no more: the run goes on."""

import contextlib
import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from framework.errors import UserError, first_words
from framework.interfaces import About, Pen, Recorded, Writer
from framework.records import NOTES
from framework.run.directory import RunDirectory
from framework.run.rows import RowDict
from framework.run.writers.apart import Apart, Unanswered
from framework.run.writers.histograms import Histograms
from framework.storage import make_folder

BETWEEN = 1.0  # seconds, at least, from one flush between rows to the next

log = logging.getLogger("whygrok")


class Told(Sequence[Recorded]):
    """Rows as a writer is told of them, each made when it is asked for: of a long run all at once would be as much memory as the rows."""

    def __init__(self, rows: Sequence[RowDict], recorded: Callable[[RowDict], Recorded]):
        self._rows, self._recorded = tuple(rows), recorded

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        """One row, or those of a slice."""
        return Told(self._rows[at], self._recorded) if isinstance(at, slice) else self._recorded(self._rows[at])


@dataclasses.dataclass
class Listener:
    """One of the writers of a run. pen: None before it begins, and once it has failed or ended. apart: where its calls are made."""

    writer: Writer
    pen: Pen | None = None
    apart: Apart | None = None

    def ask(self, call: Callable, *arguments: Any, rows: int = 0) -> Any:
        """What a call gives that is made in the writer's own thread."""
        if self.apart is None:
            self.apart = Apart(f"writer {type(self.writer).__name__}")
        return self.apart.ask(call, *arguments, rows=rows)

    def forget(self, drops: bool = False) -> None:
        """Asks it no more. drops: whether what it holds open is given up."""
        pen, apart, self.pen, self.apart = self.pen, self.apart, None, None
        if apart is not None and pen is not None and drops:
            apart.let_go(pen.drop)
        elif apart is not None:
            apart.close()


class Writers:
    """All writers of a run, as one that listens to its rows."""

    def __init__(
        self, directory: RunDirectory, writers: Mapping[str, Writer], about: Callable[[str, int], About], parameters: Callable[[], Any]
    ):
        """about: what the writer of a name is told once, where training begins at a step. parameters: as they are now."""
        self._listeners = {name: Listener(writer) for name, writer in writers.items()}
        self._about = about
        self._histograms = Histograms(directory, parameters)
        self._last = -1  # the step of the last row
        self._flushed = time.monotonic()

    @property
    def want_pictures(self) -> bool:
        """Whether any of them is there to be given pictures."""
        return any(one.writer.pictures for one in self._there.values())

    def start(self, step: int, rows: Sequence[RowDict]) -> None:
        """Begins with the rows up to this step."""
        self._last = rows[-1]["step"] if rows else -1
        for name, one in self._listeners.items():
            with _excused(name, one):
                about = self._about(name, step)
                make_folder(about.folder)
                if one.writer.histograms:
                    self._histograms.forget({row["step"] for row in rows})
                told = Told(rows, functools.partial(self._recorded, writer=one.writer, histograms=self._histograms.at))
                one.pen = one.ask(one.writer.begin, about, told, rows=len(told))

    def row(self, row: RowDict) -> None:
        """Tells of a row; one that completes the last has no histograms again."""
        completes, self._last = row["step"] == self._last, row["step"]
        for name, one in self._there.items():
            with _excused(name, one) as pen:
                one.ask(pen.row, self._recorded(row, one.writer, (lambda step: {}) if completes else self._histograms.look))

    def step(self, step: int) -> None:
        """Between rows, what waits may go to the disk, once in a while."""
        if time.monotonic() - self._flushed < BETWEEN:
            return
        for name, one in self._there.items():
            with _excused(name, one) as pen:
                one.ask(pen.flush)
        self._flushed = time.monotonic()

    def pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        """Gives pictures to those that want them."""
        for name, one in self._there.items():
            if one.writer.pictures and pictures:
                with _excused(name, one) as pen:
                    one.ask(pen.pictures, step, pictures)

    def close(self) -> None:
        """Nothing: who knows how the session has ended calls `end`."""

    def end(self, how: str) -> None:
        """Ends all that are there."""
        for name, one in self._there.items():
            with _excused(name, one) as pen:
                one.ask(pen.end, how)
            one.forget()

    @property
    def _there(self) -> dict[str, Listener]:
        return {name: one for name, one in self._listeners.items() if one.pen is not None}

    def _recorded(self, row: RowDict, writer: Writer, histograms: Callable[[int], Any]) -> Recorded:
        words = ("step", "seconds", *NOTES)
        numbers = {name: float(value) for name, value in row.items() if name not in words and value is not None}
        return Recorded(row["step"], row.get("seconds", 0.0), numbers, histograms(row["step"]) if writer.histograms else {})


@contextlib.contextmanager
def _excused(name: str, one: Listener) -> Iterator[Any]:
    """Gives the pen; whatever is raised inside becomes one warning, and the pen is dropped, unless its thread hangs."""
    try:
        yield one.pen
    except KeyboardInterrupt:  # nobody's mistake
        raise
    except BaseException as error:  # a writer is anybody's code, and the library behind it too
        one.forget(drops=not isinstance(error, Unanswered))
        first = first_words(error) or "no reason given"
        why = first if isinstance(error, UserError | OSError) else f"{type(error).__name__}: {first}"
        log.warning("the writer %s is told no more: %s; the run goes on, and metrics.jsonl has every row", name, why)
