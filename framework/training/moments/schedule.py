"""Schedules: at which steps something happens. Small values with one method, from which the list of events follows.

A schedule never depends on how long the run is, so that a run that is made longer has the events that it would have had.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from framework.errors import UserError, quoted

MOST_PER_DECADE = 10_000
LONGEST, MOST_PARTS = 100_000, 100  # characters, and parts that are joined


@runtime_checkable
class Schedule(Protocol):
    """The first step after a given one at which something is due; None: never again."""

    def next(self, step: int) -> int | None:
        """The first due step > `step`."""


@dataclass(frozen=True)
class LogSpaced:
    """Step 0, then round(10^(i/per_decade)): every step early, then evenly on a logarithmic axis."""

    per_decade: int = 20

    def next(self, step: int) -> int | None:
        """The first due step > `step`."""
        if step < 0:
            return 0
        # Up to here 10^(i/per_decade) < step + 1/2, and rounds to step at most.
        i = max(0, math.floor(self.per_decade * math.log10(step + 0.5)) - 1)
        while (due := round(10 ** (i / self.per_decade))) <= step:
            i += 1
        return due


@dataclass(frozen=True)
class Every:
    """Every multiple of `interval`, 0 included."""

    interval: int

    def next(self, step: int) -> int | None:
        """The first due step > `step`."""
        return (step // self.interval + 1) * self.interval


@dataclass(frozen=True)
class At:
    """A list of steps."""

    steps: tuple[int, ...]

    def next(self, step: int) -> int | None:
        """The first due step > `step`."""
        return min((due for due in self.steps if due > step), default=None)


@dataclass(frozen=True)
class Besides:
    """Another schedule, without one step and with another; −1 for none."""

    regular: Schedule
    without: int
    with_: int

    def next(self, step: int) -> int | None:
        """The first due step > `step`."""
        due = self.regular.next(step)
        due = self.regular.next(due) if due is not None and due == self.without else due
        extra = (self.with_,) if self.with_ > step and self.with_ != self.without else ()
        return min((*extra, *(() if due is None else (due,))), default=None)


@dataclass(frozen=True)
class Union:
    """Whenever one of several is due."""

    parts: tuple[Schedule, ...]

    def next(self, step: int) -> int | None:
        """The first due step > `step`."""
        return min((due for part in self.parts if (due := part.next(step)) is not None), default=None)


@dataclass(frozen=True)
class Due:
    """A parsed schedule, and whether the last step of the run is due as well."""

    regular: Schedule
    at_end: bool

    def regularly(self, step: int) -> bool:
        """Whether the step is due however long the run is."""
        return self.regular.next(step - 1) == step


@dataclass(frozen=True)
class Event:
    """A step at which the loop stops to measure or to save."""

    step: int
    measured: tuple[str, ...]  # what is due on its own schedule
    only_at_end: tuple[str, ...]  # what is due because this is the last step: measured, but remembers nothing of it
    last: bool
    saved: bool = False  # a checkpoint is due by its number of steps
    changed: tuple[str, ...] = ()  # interventions, made before anything is measured

    @property
    def due(self) -> tuple[str, ...]:
        """All that is measured here."""
        return self.measured + self.only_at_end

    @property
    def recorded(self) -> tuple[str, ...]:
        """All that leaves columns in the row of this step."""
        return self.changed + self.due


def parse_schedule(text: str) -> Due:
    """The schedule that a text means: "log", "log 40", "every 500", "at 0 10 100", "last", or several joined by +.

    All but a plain "at" include the last step. Raises ValueError for anything else.
    """
    if len(text) > LONGEST or text.count("+") >= MOST_PARTS:
        raise ValueError(f"a schedule has at most {LONGEST:,} characters and {MOST_PARTS} parts")
    parts: list[Schedule] = []
    at_end = False
    for part in text.lower().split("+"):
        word, *numbers = part.replace(",", " ").split() or [""]
        counts = tuple(map(_whole, numbers))
        match word, counts:
            case "log", ():
                parts.append(LogSpaced())
            case "log", (per_decade,) if 1 <= per_decade <= MOST_PER_DECADE:
                parts.append(LogSpaced(per_decade))
            case "every", (interval,) if interval >= 1:
                parts.append(Every(interval))
            case "at", (_, *_) if min(counts) >= 0:
                parts.append(At(counts))
            case "last", ():
                pass
            case _:
                raise ValueError(text)
        at_end |= word != "at"
    return Due(Union(tuple(parts)), at_end)


def _whole(number: str) -> int:
    """The integer of "500" or "1e3". Raises ValueError for 2.7."""
    value = float(number)
    if value != int(value):
        raise ValueError(number)
    return int(value)


def check_schedule(path: str, text: str) -> Due:
    """The same as parse_schedule, but raises UserError naming the field."""
    try:
        return parse_schedule(text)
    except (ValueError, OverflowError):
        rule = 'must be "log", "log 40", "every 500", "at 0 10 100", "last", or several joined by +'
        raise UserError(f"{path} = {quoted(text)}: {rule}") from None


def saves(every: int, keep_at: str) -> Schedule:
    """When checkpoints are due by their step: at multiples of `every`, 0 included, so that a run which diverges at once has one, and
    at those that are kept for ever. Raises UserError where keep_at is no schedule.

    every: 0 for none of the multiples.
    """
    kept = check_schedule("checkpoint.keep_at", keep_at).regular
    return Union((Every(every), kept)) if every else kept


def events_after(
    step: int,
    steps: int,
    schedules: Mapping[str, Due],
    saves: Schedule = At(()),
    turns: Mapping[str, Schedule] | None = None,
    beside: str = "",
) -> Iterator[Event]:
    """The events of a run of `steps` steps that come after `step`, in order; the last step is always one.

    saves: when a checkpoint is due. turns: when each intervention is made; beside: what is measured there as well, whatever its
    schedule says.
    """
    changes = turns or {}
    union = Union((*(due.regular for due in schedules.values()), saves, *changes.values()))
    while step < steps:
        due_next = union.next(step)
        step = steps if due_next is None else min(due_next, steps)
        changed = tuple(name for name, turn in changes.items() if turn.next(step - 1) == step)
        measured = tuple(name for name, due in schedules.items() if due.regularly(step) or (changed and name == beside))
        event = Event(step, measured, (), last=False, saved=saves.next(step - 1) == step, changed=changed)
        yield ended(event, schedules) if step == steps else event


def ended(event: Event, schedules: Mapping[str, Due]) -> Event:
    """The event as it is where it is the last one: whatever includes the last step is due as well, and a checkpoint is."""
    ending = tuple(name for name, due in schedules.items() if due.at_end and name not in event.measured)
    return replace(event, only_at_end=ending, last=True, saved=True)
