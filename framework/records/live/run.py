"""One run as its folder says it now: how far it is, how fast, its curves so far, and what has happened to it."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from framework.errors import StorageError
from framework.records.files import CONFIG, ENVIRONMENT, FAILURES, LOCK, METRICS, MOST_STEPS, read_environment
from framework.records.live.growing import Growing
from framework.records.live.pace import Pace
from framework.records.outcome import Outcome
from framework.records.record import RUNNING, STOPS, headline_of, signature, state_of
from framework.storage import holder, read_json

MISSING, STARTING, KILLED = "missing", "starting", "killed"
SETTLED_SECONDS = 2.0  # files that changed less long ago are read again even if they look the same

Points = tuple[list[int], list[float]]


@dataclass(frozen=True)
class Happened:
    """Something worth a line. step: where the run was; moment: the date, where it is known."""

    step: int
    said: str
    moment: datetime | None = None


class LiveRun:
    """A run, looked at as often as one likes; a folder that does not exist yet is one that is missing.

    state: missing, starting (no row yet), running, finished, stopped, failed, or killed: nobody writes it, and it has not said why.
    who: the process that writes it. said: with which words its last session ended. curves: column → (steps, values), of the columns
    asked for, in which {} stands for the task's headline.
    """

    def __init__(self, folder: Path, columns: Sequence[str] = ("train/{}", "test/{}", "train/loss", "test/loss")):
        self.folder, self._columns = folder, columns
        self.state, self.who, self.said, self.steps = MISSING, "", "", 0
        self.headline, self._headline_is_known = "accuracy", False
        self.since: float | None = None  # seconds since metrics.jsonl has changed
        self._damage: dict[str, str] = {}  # file → what is wrong with it
        self._rows, self._sessions, self._interventions = Growing(folder / METRICS), list[Mapping[str, Any]](), list[str]()
        self._seen: dict[str, object] = {}  # file → what it looked like when it was read
        self._forget()

    def look(self) -> None:
        """Reads what has changed."""
        try:
            files = dict(zip((CONFIG, ENVIRONMENT, METRICS), signature(str(self.folder)), strict=True))
            self._damage.pop("the folder", None)
        except OSError as error:
            files = dict.fromkeys((CONFIG, ENVIRONMENT, METRICS))
            self._damage["the folder"] = str(error.strerror)
        self._ask_who(files[CONFIG] is not None)  # before its files are read: one that ends meanwhile has said so in them
        if self._is_new(CONFIG, files):
            self._read_config()
        if self._is_new(ENVIRONMENT, files):
            self._read_environment()
        if self._is_new(METRICS, files):
            self._read_rows()
        changed = files[METRICS]
        self.since = max(time.time() - changed[1] / 1e9, 0.0) if changed else None
        self._judge(files[CONFIG] is not None)

    @property
    def rate(self) -> float | None:
        """Steps per second, while it runs."""
        return self._pace.rate if self.state == RUNNING else None

    @property
    def left(self) -> float | None:
        """Seconds until its last step, if it keeps its pace; None where nobody can tell."""
        return self._pace.left(self.steps, self.since or 0.0) if self.state == RUNNING else None

    @property
    def took(self) -> float | None:
        """Seconds of training up to the last row."""
        return self._pace.seconds

    @property
    def step(self) -> int:
        """The last step that is known to be made."""
        at = self._sessions[-1].get("at_step") if self._sessions else None
        return max(self.outcome.step or 0, _step(at, 0) if self.state != RUNNING else 0)

    @property
    def damage(self) -> list[str]:
        """The files that cannot be read, in sentences."""
        return [f"{file} cannot be read: {why}" for file, why in self._damage.items()]

    @property
    def happened(self) -> list[Happened]:
        """All that is worth a line, in the order of steps."""
        found = [*self._noticed, *self._of_sessions()]
        outcome = self.outcome
        if outcome.fitted is not None:
            found.append(Happened(outcome.fitted, "fitted the training set"))
        if outcome.grokked is not None:
            found.append(Happened(outcome.grokked, "grokked: test at least 0.99"))
        return sorted(found, key=lambda one: one.step)

    def _is_new(self, file: str, files: Mapping[str, Any]) -> bool:
        now, before = files[file], self._seen.get(file, files)
        self._seen[file] = now
        return now != before or (now is not None and time.time() - now[1] / 1e9 < SETTLED_SECONDS)

    def _read_config(self) -> None:
        try:
            plain = read_json(self.folder / CONFIG)
            self.steps = min(max(int(plain["steps"]), 0), MOST_STEPS)
            self._interventions = list(plain.get("interventions") or {})
            self._damage.pop(CONFIG, None)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            self._blame(CONFIG, error)

    def _read_environment(self) -> None:
        try:
            content = read_environment(self.folder / ENVIRONMENT)
        except (OSError, ValueError) as error:
            return self._blame(ENVIRONMENT, error)
        self._damage.pop(ENVIRONMENT, None)
        self._sessions = content["sessions"]
        self._judged_by(str(content.get("headline") or ""))

    def _judged_by(self, headline: str) -> None:
        """The rows are read again where they were judged by another headline."""
        self._headline_is_known = bool(headline)
        if headline and headline != self.headline:
            self.headline = headline
            self._rows = Growing(self.folder / METRICS)
            self._seen.pop(METRICS, None)

    def _read_rows(self) -> None:
        anew, rows = self._rows.look()
        if anew or self.outcome.step is None:
            self.headline = self.headline if self._headline_is_known else headline_of(rows)
            self._forget()
        self._pace.see(rows)
        for row in rows:
            self._see(row)
        self._damage.pop(METRICS, None)
        if self._rows.is_damaged:
            where = "its first line" if self.outcome.step is None else f"the line after step {self.outcome.step:,}"
            self._damage[METRICS] = f"{where} holds no row"

    def _see(self, row: Mapping[str, Any]) -> None:
        self.outcome.see(row)
        for name, (steps, values) in self.curves.items():
            if (value := row.get(name)) is not None:
                steps.append(row["step"])
                values.append(float(value))
        for probe, why in row.get(FAILURES, {}).items():
            if probe not in self._failed:
                self._noticed.append(Happened(row["step"], f"probe {probe} failed: {why}"))
            self._failed.add(probe)
        self._noticed += [Happened(row["step"], f"intervention {name}") for name in self._interventions if f"{name}/distance" in row]

    def _forget(self) -> None:
        self._pace, self.outcome = Pace(), Outcome(self.headline)
        self.curves: dict[str, Points] = {name.format(self.headline): ([], []) for name in self._columns}
        self._noticed, self._failed = list[Happened](), set[str]()

    def _of_sessions(self) -> list[Happened]:
        found, ends = [], self._sessions[1:]
        for number, session in enumerate(self._sessions):
            begun = _step(session.get("from_step"), 0)
            found.append(Happened(begun, "resumed" if number else "begun", _moment(session.get("start"))))
            last = number == len(ends)
            if session.get("end") is not None or not last or self.state == KILLED:
                reached = self.step if last else _step(ends[number].get("from_step"), begun)
                ended = _ending(str(session["reason"]))
                found.append(Happened(_step(session.get("at_step"), reached), ended, _moment(session.get("end"))))
        return found

    def _ask_who(self, is_there: bool) -> None:
        try:
            self.who = (holder(self.folder / LOCK) if is_there else None) or ""
            self._damage.pop(LOCK, None)
        except StorageError as error:
            self.who, self._damage[LOCK] = "", str(error)

    def _judge(self, is_there: bool) -> None:
        self.said = ""
        if self.who:
            self.state = STARTING if self.outcome.step is None else RUNNING
        elif not is_there:
            self.state = MISSING
        elif not self._sessions:
            self.state = STARTING if self._is_young() else KILLED
        else:
            self.said = str(self._sessions[-1]["reason"])
            self.state = state_of(self.said) or KILLED

    def _is_young(self) -> bool:
        """A folder in which a process has just begun to write has no LOCK for a moment."""
        try:
            return time.time() - os.stat(self.folder / CONFIG).st_mtime < SETTLED_SECONDS
        except OSError:
            return False

    def _blame(self, file: str, error: Exception) -> None:
        why = error.strerror if isinstance(error, OSError) else f"it holds no {error}" if isinstance(error, LookupError) else error
        self._damage[file] = str(why)


def _ending(reason: str) -> str:
    state = state_of(reason)
    if not state:
        return "killed, without a word"
    return reason if state == STOPS else "finished" if reason == "complete" else f"{state}: {reason}"


def _step(value: object, otherwise: int) -> int:
    return min(max(value, 0), MOST_STEPS) if isinstance(value, int) else otherwise


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None
