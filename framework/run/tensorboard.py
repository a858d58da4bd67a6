"""TensorBoard events, written from the rows of metrics.jsonl and rebuilt from them at every start.

Rebuilding is why no step is ever doubled, and writing without tensorboardX's background thread is why a disk that
refuses cannot make training wait for ever. metrics.jsonl has every row at once, so that the events may follow a second later.
"""

import contextlib
import itertools
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from framework.records import NOTES
from framework.storage import make_new_folder, remove

log = logging.getLogger("whygrok")

FLUSH_SECONDS = 1.0  # how old events may be that are not on the disk yet: each flush waits for the disk

_starts = itertools.count()


class TensorBoard:
    """One event file in a folder of its own, each scalar of each row once."""

    def __init__(self, folder: Path, first_start: float):
        self._folder, self._first_start = folder, first_start
        self._writer: Any = None
        self._waiting, self._flushed = False, time.monotonic()  # whether events wait for the disk, and since when

    def start(self, step: int, rows: Iterable[dict[str, Any]]) -> None:
        """Starts the folder anew with these rows."""
        from tensorboardX.event_file_writer import EventsWriter

        try:
            if self._folder.is_dir():
                remove(self._folder)
            make_new_folder(self._folder)
            # Two writers opened within one second would otherwise share a file name, and the second would truncate the first.
            suffix = f".{os.getpid()}.{next(_starts)}"
            self._writer = EventsWriter(str(self._folder / "events"), filename_suffix=suffix)
        except OSError as error:
            self._give_up(error)
        self._write(rows)

    def row(self, row: dict[str, Any]) -> None:
        """Adds the scalars of a row."""
        self._write([row])

    def step(self, step: int) -> None:
        """Nothing is shown between rows; what has waited for a while goes to the disk."""
        self._flush_if_due()

    def _write(self, rows: Iterable[dict[str, Any]]) -> None:
        if self._writer is None:
            return
        from tensorboardX.proto.event_pb2 import Event

        try:
            for row in rows:
                event = Event(wall_time=self._first_start + row.get("seconds", 0.0), step=row["step"])
                for name, value in row.items():
                    if name not in ("step", "seconds", *NOTES) and value is not None:
                        event.summary.value.add(tag=name, simple_value=value)
                self._writer.write_event(event)
                self._waiting = True
        except OSError as error:
            self._give_up(error)
        self._flush_if_due()

    def _flush_if_due(self) -> None:
        if self._writer is None or not self._waiting or time.monotonic() - self._flushed < FLUSH_SECONDS:
            return
        try:
            self._writer.flush()
            self._flushed, self._waiting = time.monotonic(), False
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            try:
                self._writer.close()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(OSError):
                writer._py_recordio_writer.close()  # the writer's own close gives up at its flush
        log.warning("TensorBoard events are no longer written: %s; metrics.jsonl has every row", error)
