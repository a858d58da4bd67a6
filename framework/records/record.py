"""One run as its three files say it: its config, how far it is, what it reached, the last value of every column."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from framework.config import flatten, newer
from framework.errors import Damage
from framework.records.files import (
    COMPLETE,
    CONFIG,
    ENVIRONMENT,
    KILLED,
    LOCK,
    METRICS,
    NOTES,
    STOPPED,
    read_environment,
    read_lines,
)
from framework.records.outcome import Outcome
from framework.storage import holder, read_json

FILES = (CONFIG, ENVIRONMENT, METRICS)
NO_COLUMNS = ("step", *NOTES)

FINISHED, FAILED, RUNNING, STOPS = "finished", "failed", "running", "stopped"


class Damaged(Exception):
    """A folder of a run whose files cannot be read; the message says which one, and why."""


@dataclass(frozen=True, slots=True)
class Record:
    """A run. fields: dotted field → the value it ran with; last: column → the value that was measured last.

    state: empty where the files do not know whether the run still goes on.
    """

    fields: Mapping[str, Any]
    state: str = ""
    step: int | None = None
    headline: str = "accuracy"
    train: float | None = None
    test: float | None = None
    fitted: int | None = None
    grokked: int | None = None
    examples: int | None = None  # for training; None in a run from before this was written
    said: str = ""
    last: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""

    def at(self, path: str) -> "Record":
        """The record of the run in this folder, and whether it is running now."""
        running = not self.state and holder(Path(path, LOCK)) is not None
        return replace(self, path=path, state=self.state or (RUNNING if running else STOPS))


def signature(folder: str) -> list[list[int] | None]:
    """Size and time of change (ns) of each file of a run; None where there is no such file."""
    found: list[list[int] | None] = []
    for name in FILES:
        try:
            status = os.stat(f"{folder}/{name}")
        except FileNotFoundError:
            found.append(None)
        else:
            found.append([status.st_size, status.st_mtime_ns])
    return found


def read_record(folder: str) -> Record:
    """The run in a folder. Raises Damaged."""
    try:
        fields = _fields(_json(folder, CONFIG))
        environment = _environment(folder)
        rows, torn = read_lines(Path(folder, METRICS))
    except OSError as error:
        raise Damaged(f"{os.path.basename(error.filename or folder)}: {error.strerror}") from None
    except Damage as error:
        raise Damaged(error.said.removeprefix(f"{folder}/")) from None
    sessions = environment["sessions"]
    record = _record(fields, environment, sessions[-1] if sessions else {}, rows)
    if record.state == FINISHED and (torn or not rows):
        raise Damaged(f"{METRICS} ends in the middle of a line, though the run is finished" if torn else f"{METRICS} has no rows")
    return record


def _record(fields: Mapping[str, Any], environment: Mapping[str, Any], session: Mapping[str, Any], rows: list[dict[str, Any]]) -> Record:
    headline = str(environment.get("headline") or headline_of(rows))
    reached = Outcome(headline, rows)
    reason, at_step = str(session.get("reason", KILLED)), session.get("at_step")
    state = state_of(reason)
    examples = environment.get("examples")
    return Record(
        fields,
        state=state,
        step=at_step if isinstance(at_step, int) else reached.step,
        headline=headline,
        train=reached.train,
        test=reached.test,
        fitted=reached.fitted,
        grokked=reached.grokked,
        examples=examples.get("train") if isinstance(examples, dict) else None,
        said=reason if state == FAILED else "; ".join(reached.mishaps),
        last=_last(rows),
    )


def state_of(reason: str) -> str:
    """How a run stands by the reason with which its last session ended."""
    if reason == COMPLETE or reason.startswith(STOPPED):
        return FINISHED
    if reason == KILLED:
        return ""
    return STOPS if reason.startswith("stopped by ") else FAILED


def _last(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    last: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None:
                last[name] = value
    for name in NO_COLUMNS:
        last.pop(name, None)
    return last


def headline_of(rows: list[dict[str, Any]]) -> str:
    """The headline of a run from before it was written: a task that measures an accuracy of its own is judged by that one."""
    columns = rows[0] if rows else {}
    there = [name.removeprefix("train/") for name in columns if name.startswith("train/") and name.endswith("accuracy")]
    return next((name for name in there if name != "accuracy"), "accuracy")


def _fields(plain: Any) -> dict[str, Any]:
    for kind in ("task", "model", "optimizer"):
        section = plain.get(kind)
        if not isinstance(section, dict) or not isinstance(section.get("name"), str):
            raise Damaged(f"{CONFIG} holds no config: it has no {kind}")
    now = dict(newer(name, value) for name, value in flatten(plain).items())
    return {name: value for name, value in now.items() if not name.startswith("writers.")}  # who is told of a run changes nothing in it


def _environment(folder: str) -> dict[str, Any]:
    try:
        return read_environment(Path(folder, ENVIRONMENT))
    except ValueError as error:
        raise Damaged(f"{ENVIRONMENT} cannot be read: {error}") from None


def _json(folder: str, name: str) -> dict[str, Any]:
    try:
        content = read_json(f"{folder}/{name}")
    except ValueError as error:
        raise Damaged(f"{name} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise Damaged(f"{name} holds no section")
    return content
