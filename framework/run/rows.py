"""Rows of a run: metrics.jsonl is the truth; the writers and the progress bar follow it."""

import io
import json
import logging
import os
import time
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO, runtime_checkable

import jax
import numpy as np

from framework.errors import Damage, StorageError
from framework.records import FAILURES, NONFINITE, NOTES, read_lines
from framework.run.directory import RunDirectory
from framework.storage import (
    IN_THE_WAY,
    append_to,
    is_under_its_name,
    json_number,
    make_folder,
    npz_bytes,
    read_npz,
    remove_file,
    set_aside,
    storage,
    write_atomically,
)
from framework.training import owner_of

log = logging.getLogger("whygrok")

RowDict = dict[str, Any]


@runtime_checkable
class Follower(Protocol):
    """Who listens to the rows of a run, such as a progress bar."""

    def start(self, step: int, rows: Sequence[RowDict]) -> None:
        """Training begins at this step; the rows up to there."""

    def row(self, row: RowDict) -> None:
        """One row more."""

    def step(self, step: int) -> None:
        """How far training is."""

    def close(self) -> None:
        """Nothing more will come."""


class Recorder:
    """Where the loop's rows go. This one, for notebooks and tests, keeps rows and arrays in memory."""

    def __init__(self, followers: Sequence[Follower] = ()):
        self.rows: list[RowDict] = []
        self.arrays: dict[int, dict[str, np.ndarray]] = {}
        self._followers, self._seconds, self._start = followers, 0.0, time.monotonic()

    def rewind(self, step: int, due: Iterable[str] | None, probes: Iterable[str]) -> None:
        """Forgets what was recorded after `step`, and at `step` what is not `due` there; here a run always begins at the beginning."""
        self._seconds, self._start = self.rows[-1].get("seconds", 0.0) if self.rows else 0.0, time.monotonic()
        for follower in self._followers:
            follower.start(max(step, 0), self.rows)

    def row(self, step: int, values: dict[str, Any]) -> RowDict:
        """Records scalars as a row and arrays beside it; returns the row. Under FAILURES, `values` may say which probes failed."""
        arrays = {name: _storable(np.asarray(value)) for name, value in values.items() if np.ndim(value)}
        if arrays:
            self._keep_arrays(step, arrays)
        scalars = {name: value for name, value in values.items() if name not in arrays and name != FAILURES}
        row = make_row(step, self._seconds + time.monotonic() - self._start, scalars)
        row |= {FAILURES: values[FAILURES]} if FAILURES in values else {}
        self._keep(row)
        for follower in self._followers:
            follower.row(row)
        return self.rows[-1]

    def missing(self, step: int, due: Iterable[str], probes: Iterable[str]) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def progress(self, step: int) -> None:
        """Tells how far training is."""
        for follower in self._followers:
            follower.step(step)

    def close(self) -> None:
        """Nothing more will come."""
        for follower in self._followers:
            follower.close()

    def _keep(self, row: RowDict) -> None:
        """A row of the same step completes the last one: it was measured only because the run ends."""
        if self.rows and self.rows[-1]["step"] == row["step"]:
            self.rows[-1] = completed(self.rows[-1], row)
        else:
            self.rows.append(row)

    def _keep_arrays(self, step: int, arrays: dict[str, np.ndarray]) -> None:
        self.arrays[step] = self.arrays.get(step, {}) | arrays


class FollowingRecorder(Recorder):
    """For a host that only computes with the one that records: the rows that are there, and what is measured, in memory."""

    def __init__(self, directory: RunDirectory):
        super().__init__()
        self._directory = directory

    def rewind(self, step: int, due: Iterable[str] | None, probes: Iterable[str]) -> None:
        """Reads the rows as they are, or will be, when the host that records has cut them."""
        self.rows = rewound(read_lines(self._directory.metrics)[0], step, due, probes)
        super().rewind(step, due, probes)


class RunRecorder(Recorder):
    """metrics.jsonl and arrays/ of a run directory."""

    def __init__(self, directory: RunDirectory, followers: Sequence[Follower] = ()):
        super().__init__(followers)
        self._directory = directory
        self._file: TextIO | None = None

    def rewind(self, step: int, due: Iterable[str] | None, probes: Iterable[str]) -> None:
        """Cuts metrics.jsonl and arrays/ back to what an uninterrupted run would hold at `step`, and says what was cut."""
        lines, torn = read_lines(self._directory.metrics)
        self.rows = rewound(lines, step, due, probes)
        if torn or len(self.rows) < len(lines):
            said = ", a torn line was cut" if torn else ""
            log.info("metrics.jsonl: %d rows from step %d on are recorded again%s", len(lines) - len(self.rows), max(step, 0), said)
        if torn or self.rows != lines:
            self._rewrite()
        for at, file in self._directory.array_files().items():
            if at > step or (at == step and due is None):
                remove_file(file)
            elif at == step:
                self._rewind_arrays(file, due or (), set(probes))
        self._open()
        super().rewind(step, due, probes)

    def missing(self, step: int, due: Iterable[str], probes: Iterable[str]) -> tuple[str, ...]:
        """The names in `due` that have left neither a number nor an array at a step, the last one recorded, nor failed there."""
        last = self.rows[-1] if self.rows and self.rows[-1]["step"] == step else {}
        names = (last.keys() - {"step", "seconds", *NOTES}) | self._arrays_at(step).keys()
        found = {owner_of(name, set(probes)) for name in names} | last.get(FAILURES, {}).keys()
        return tuple(name for name in due if name not in found)

    def close(self) -> None:
        """Closes the file as well."""
        super().close()
        self._close_file()

    def _keep(self, row: RowDict) -> None:
        """Appends the row and flushes it: what is written survives kill −9."""
        completes = bool(self.rows) and self.rows[-1]["step"] == row["step"]
        if not completes:
            self._append(row)
        super()._keep(row)
        if completes:
            self._close_file()
            self._rewrite()
            self._open()

    def _keep_arrays(self, step: int, arrays: dict[str, np.ndarray]) -> None:
        self._write_arrays(step, self._arrays_at(step) | arrays)

    def _close_file(self) -> None:
        if self._file is not None:
            with storage("closing", self._directory.metrics):  # a full disk again, at the flush that closing does
                self._file.close()

    def _append(self, row: RowDict) -> None:
        assert self._file is not None, "rewind comes first"
        with storage("writing", self._directory.metrics):
            self._file.write(line_of(row))
            self._file.flush()
        if not is_under_its_name(self._file, self._directory.metrics):
            remedy = "Put the folder back to where it was and give the same command again, or use a new --workdir"
            raise Damage(f"{self._directory.metrics} was removed or replaced while the run writes it", self._directory.path, remedy)

    def _rewrite(self) -> None:
        write_atomically(self._directory.metrics, "".join(line_of(row) for row in self.rows))

    def _open(self) -> None:
        with storage("writing", self._directory.metrics):
            self._file = io.TextIOWrapper(append_to(self._directory.metrics), encoding="utf-8")

    def _arrays_at(self, step: int) -> dict[str, np.ndarray]:
        return self._sound_arrays(self._directory.arrays_of(step))

    def _sound_arrays(self, file: Path) -> dict[str, np.ndarray]:
        """What is in a file of arrays; where it is damaged, it is set aside, which is said."""
        if not os.path.lexists(file):
            return {}
        try:
            with storage("reading", file):
                return read_npz(file)
        except (ValueError, StorageError) as error:
            if isinstance(error, StorageError) and getattr(error.__cause__, "errno", None) not in IN_THE_WAY:
                raise
            aside = set_aside(file, "damaged").name
            log.warning("%s is damaged, and is now %s: the arrays of that step are lost (%s)", file, aside, error)
            return {}

    def _write_arrays(self, step: int, arrays: dict[str, np.ndarray]) -> None:
        make_folder(self._directory.arrays)
        write_atomically(self._directory.arrays_of(step), npz_bytes(arrays), durable=False)

    def _rewind_arrays(self, file: Path, due: Iterable[str], probes: set[str]) -> None:
        stored = self._sound_arrays(file)
        kept = {name: array for name, array in stored.items() if owner_of(name, probes) in set(due)}
        if kept and len(kept) < len(stored):
            self._write_arrays(int(file.stem), kept)
        elif not kept:
            remove_file(file)


def make_row(step: int, seconds: float, scalars: dict[str, Any]) -> RowDict:
    """A row that standard JSON can hold, columns by name: null for NaN and infinities, which are named in `nonfinite`."""
    numbers = {name: json_number(scalars[name]) for name in sorted(scalars)}
    strange = {name: value for name, value in numbers.items() if isinstance(value, str)}
    row: RowDict = {"step": step, "seconds": round(seconds, 6)}
    row |= {name: None if name in strange else value for name, value in numbers.items()}
    return row | _noted(NONFINITE, strange)


def completed(row: RowDict, more: RowDict) -> RowDict:
    """One row of two of the same step, as if all had been measured at once."""
    merged = row | more
    numbers = {name: merged[name] for name in sorted(merged) if name not in ("step", "seconds", *NOTES)}
    made: RowDict = {"step": more["step"], "seconds": more["seconds"]} | numbers
    for note in NOTES:
        made |= _noted(note, dict(sorted((row.get(note, {}) | more.get(note, {})).items())))
    return made


def line_of(row: RowDict) -> str:
    """The row as a line of metrics.jsonl."""
    return json.dumps(row, allow_nan=False) + "\n"


def rewound(rows: Sequence[RowDict], step: int, due: Iterable[str] | None, probes: Iterable[str]) -> list[RowDict]:
    """The rows before a step and, where something is due there, what is due of its row."""
    kept = [row for row in rows if row["step"] < step]
    return kept + [only_due(row, due, set(probes)) for row in rows if row["step"] == step and due]


def only_due(row: RowDict, due: Iterable[str] | None, probes: Container[str]) -> RowDict:
    """The row without the columns of what is not due."""
    owners = set(due or ())
    kept = {name: value for name, value in row.items() if name in ("step", "seconds") or owner_of(name, probes) in owners}
    for note in NOTES:
        kept.pop(note, None)
    kept |= _noted(NONFINITE, {name: value for name, value in row.get(NONFINITE, {}).items() if name in kept})
    return kept | _noted(FAILURES, {name: why for name, why in row.get(FAILURES, {}).items() if name in owners})


def _noted(note: str, said: RowDict) -> RowDict:
    """A note for a row; nothing where it would be empty."""
    return {note: said} if said else {}


def _storable(array: np.ndarray) -> np.ndarray:
    """An array that NumPy's files keep as it is: the small types of JAX, such as bfloat16, as the numbers of NumPy that hold them."""
    if array.dtype.kind != "V" or array.dtype.names or array.dtype.type is np.void:  # NumPy's own structures, or bytes
        return array
    return array.astype(np.float32 if jax.dtypes.issubdtype(array.dtype, np.floating) else np.int32)
