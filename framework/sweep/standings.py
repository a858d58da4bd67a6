"""How the members of a sweep stand, and the table that says so. To note one member costs the same however many there are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from framework.fields.shown import table
from framework.storage import csv_line

WAITING, RUNNING, FINISHED, FAILED, STOPPED = "waiting", "running", "finished", "failed", "stopped"
ELSEWHERE = "elsewhere"  # another process writes that run
QUEUED = "queued"  # a job of a cluster has it in its share, and will train it
STATES = (WAITING, RUNNING, FINISHED, FAILED, STOPPED, ELSEWHERE, QUEUED)


@dataclass(frozen=True)
class Standing:
    """How one member stands. train and test: the task's headline metric where it was last measured.

    changes: field → value, of every field that the sweep changes in one member or another; where this member does not set it, the
    value that it runs with.
    """

    member: str
    changes: Mapping[str, Any]
    steps: int  # in the whole run
    state: str = WAITING
    step: int | None = None
    headline: str = "accuracy"
    train: float | None = None
    test: float | None = None
    fitted: int | None = None
    grokked: int | None = None
    exit_code: int | None = None  # the exit code of its process, negative for a signal
    said: str = ""  # the message with which a failed one ended; of a finished one, which of its probes failed
    log: str = ""  # the file, inside the sweep's folder, that holds the rest

    @property
    def steps_done(self) -> int:
        """How many steps need not be made again; of a finished member all, also those that stop_when spared it."""
        return self.steps if self.state == FINISHED else self.step or 0

    @property
    def steps_left(self) -> int:
        """How many steps this sweep still has to make; of one that has failed none."""
        return 0 if self.state == FAILED else max(self.steps - self.steps_done, 0)


COLUMNS = ("state", "step", "steps", "headline", "train", "test", "fitted", "grokked", "said", "log")


class Standings(Sequence[Standing]):
    """All members in the order of the sweep. `news`: those whose state has changed since whoever is shown them last looked."""

    def __init__(self, standings: Iterable[Standing]):
        self._members = {standing.member: standing for standing in standings}
        self._order = list(self._members)
        self._lines: dict[str, str] = {}  # of the table, of those that have not changed since it was written
        self._fields = list(dict.fromkeys(name for standing in self for name in standing.changes))
        self.counts = Counter(standing.state for standing in self)
        self.steps_done = sum(standing.steps_done for standing in self)
        self.steps_left = sum(standing.steps_left for standing in self)
        self.steps = sum(standing.steps for standing in self)
        self.news: list[Standing] = []

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        head = ("member", *self._fields, "state", "step", "train", "test", "fitted", "grokked", "said")
        lines = (
            [one.member, *map(one.changes.get, self._fields), *(getattr(one, name) for name in head[len(self._fields) + 1 :])]
            for one in self
        )
        return table(f"sweep: {counts}", head, lines)

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Standing]:
        return iter(self._members.values())

    @overload
    def __getitem__(self, place: int) -> Standing: ...
    @overload
    def __getitem__(self, place: slice) -> list[Standing]: ...
    def __getitem__(self, place: int | slice) -> Standing | list[Standing]:
        names = self._order[place]
        return self._members[names] if isinstance(names, str) else [self._members[name] for name in names]

    def of(self, member: str) -> Standing:
        """How the member of a name stands."""
        return self._members[member]

    def put(self, standing: Standing) -> None:
        """Notes how a member stands now."""
        before = self._members[standing.member]
        if standing.state != before.state:
            self.counts[before.state] -= 1
            self.counts[standing.state] += 1
            self.news.append(standing)
        self.steps_done += standing.steps_done - before.steps_done
        self.steps_left += standing.steps_left - before.steps_left
        self._members[standing.member] = standing
        self._lines.pop(standing.member, None)

    def in_state(self, state: str) -> list[str]:
        """Names of the members in a state."""
        return [standing.member for standing in self if standing.state == state]

    def as_csv(self) -> str:
        """One row per member: its name, the fields that the sweep changes, how it stands."""
        for standing in self:
            if standing.member not in self._lines:
                self._lines[standing.member] = csv_line(_row(standing, self._fields))
        return csv_line(["member", *self._fields, *COLUMNS]) + "".join(self._lines[name] for name in self._order)


def _row(standing: Standing, fields: Sequence[str]) -> list[Any]:
    changed = [standing.changes.get(name) for name in fields]
    return [standing.member, *changed, *(getattr(standing, column) for column in COLUMNS)]
