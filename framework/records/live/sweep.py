"""A sweep, or any folder with runs below it, as its files say it now: how each member stands, and how long all of them will take."""

import csv
import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from framework.errors import StorageError
from framework.records.gathering import natural, searched_below
from framework.records.index import Signature
from framework.records.live.run import KILLED, MISSING, STARTING, LiveRun
from framework.records.members import TABLE, read_table
from framework.records.record import FAILED, FINISHED, RUNNING, STOPS

WAITING = "waiting"
ORDER = (FINISHED, RUNNING, STARTING, WAITING, STOPS, KILLED, FAILED)
IN_CHARGE_SECONDS = 15.0  # a sweep renews its table about every second while it runs; one that is older has nobody who does
SEARCH_SECONDS = 5.0  # from one search for runs that no table names to the next; after a longer search as long as that took


@dataclass(frozen=True)
class Member:
    """A member of a sweep. state: one of ORDER. said: why it failed; log: the file that says more."""

    name: str
    state: str
    steps: int
    run: LiveRun
    said: str = ""
    log: str = ""

    @property
    def steps_done(self) -> int:
        """Of a finished member all steps, also those that stop_when spared it."""
        return self.steps if self.state == FINISHED else min(self.run.step, self.steps)


class LiveSweep:
    """The members in the order of their table, then other runs below the folder. damage: what cannot be read, in sentences.

    is_partial: whether there may be members that no look has come to yet.
    """

    def __init__(self, folder: Path):
        self.folder, self.members, self.damage = folder, list[Member](), list[str]()
        self._runs: dict[str, LiveRun] = {}
        self._table: dict[str, Mapping[str, str]] = {}
        self.counts, self.is_partial = Counter[str](), False
        self._is_searching = False
        self._found, self._finding = list[str](), list[str]()  # by the last search, and by the one that is going on
        self._search: Iterator[tuple[str, str, Signature] | None] = iter(())
        self._begun, self._next = 0.0, -math.inf  # when the search has begun, and when the next one will
        self._read: tuple[int, int, int] | None = None  # what the table looked like when it was read

    def look(self, seconds: float = math.inf) -> None:
        """Reads what has changed. seconds: for how long it may search for runs, and then read new ones; the next look goes on."""
        self.damage = []
        in_charge = self._read_table()
        self._search_on(time.monotonic(), seconds)
        self._look_at_members(in_charge, time.monotonic() + seconds)
        self.counts = Counter(member.state for member in self.members)

    @property
    def is_over(self) -> bool:
        """Whether every member has finished or failed."""
        return bool(self.members) and not self.is_partial and self.counts[FINISHED] + self.counts[FAILED] == len(self.members)

    @property
    def steps(self) -> int:
        """The steps of all members."""
        return sum(member.steps for member in self.members)

    @property
    def steps_done(self) -> int:
        """Those that need not be made again."""
        return sum(member.steps_done for member in self.members)

    @property
    def rate(self) -> float | None:
        """Steps per second of all members that run now, together."""
        rates = [member.run.rate for member in self.members if member.run.rate]
        return sum(rates) if rates else None

    @property
    def left(self) -> float | None:
        """Seconds until all are finished that have not failed, if as many go on running as now, as fast as now."""
        to_do = sum(member.steps - member.steps_done for member in self.members if member.state != FAILED)
        rate = self.rate
        if not rate:
            return None
        longest = max((member.run.left or 0.0 for member in self.members), default=0.0)  # no member is quicker for others that end
        return max(to_do / rate, longest)

    def in_state(self, *states: str) -> list[Member]:
        """The members in one of these states."""
        return [member for member in self.members if member.state in states]

    def _read_table(self) -> bool:
        """Reads the sweep's table, if it has one that is new; whether somebody has renewed it a moment ago."""
        try:
            status = os.stat(self.folder / TABLE)
        except OSError:
            self._table = {}
            return False
        looks = status.st_mtime_ns, status.st_size, status.st_ino
        if looks != self._read:
            try:
                self._table, self._read = {row["member"]: row for row in read_table(self.folder) if _is_name(row["member"])}, looks
            except (StorageError, csv.Error) as error:
                self.damage.append(f"{TABLE} cannot be read: {error}")
        return time.time() - status.st_mtime < IN_CHARGE_SECONDS

    def _look_at_members(self, in_charge: bool, until: float) -> None:
        self.members, self.is_partial, is_late = [], self._is_searching, False
        for name in dict.fromkeys([*self._table, *self._found]):
            is_new = name not in self._runs
            if is_new and is_late:
                self.is_partial = True
                continue
            if is_new:
                self._runs[name] = LiveRun(self.folder / name, ("test/{}",))
            self._runs[name].look()
            self.members.append(self._member(name, in_charge))
            is_late = is_late or (is_new and time.monotonic() > until)  # after one of them: each look comes further

    def _search_on(self, now: float, seconds: float) -> None:
        root = str(self.folder)
        if not self._is_searching:
            if now < self._next:
                return
            self._search, self._finding, self._begun, self._is_searching = searched_below(root, {}), [], now, True
        for found in self._search:
            if found is not None:
                self._finding.append(os.path.relpath(found[0], root))
            if time.monotonic() - now > seconds:
                self._found = sorted({*self._found, *self._finding}, key=natural)
                return
        self._found, self._is_searching = sorted(self._finding, key=natural), False
        self._next = time.monotonic() + max(SEARCH_SECONDS, time.monotonic() - self._begun)

    def _member(self, name: str, in_charge: bool) -> Member:
        run, row = self._runs[name], self._table.get(name, {})
        told = row.get("state") or ""
        steps = run.steps or _number(row.get("steps"))
        if told == FAILED and run.state in (MISSING, KILLED, STOPS):
            return Member(name, FAILED, steps, run, row.get("said") or "", row.get("log") or "")
        if run.state == FAILED:
            return Member(name, FAILED, steps, run, run.said, row.get("log") or "")
        return Member(name, _state(run.state, told, in_charge), steps, run)


def _state(state: str, told: str, in_charge: bool) -> str:
    """How a member stands by its own files and by what the table tells, which is renewed while somebody is in charge."""
    if state in (MISSING, KILLED, STOPS) and told == RUNNING and in_charge:
        return STARTING
    if state == MISSING:
        return WAITING
    return WAITING if state == KILLED and told == WAITING and in_charge else state


def _is_name(name: str) -> bool:
    """Whether this is the name of a folder in the sweep's, and leads nowhere else."""
    return name not in (".", "..") and "/" not in name and "\0" not in name


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
