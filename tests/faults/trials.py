"""What the long form tries, how often, and in which processes."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from tests.faults import lines, mutations, soak
from tests.faults.interruptions import killed, signalled
from tests.faults.prepared import in_process
from tests.faults.results import Case, Results
from tests.faults.writes import FAILING, FULL, full_disks, some_calls

Todo = Iterator[Callable[[], list[Case]]]


@dataclass(frozen=True)
class Trial:
    """A fault, and what is still to be done of it, given what was."""

    name: str
    todo: Callable[[Results, Path], Todo]


def _interrupted(make: Callable[[str, int, Path], Case], fault: str, goals: dict[str, int], results: Results, base: Path) -> Todo:
    """By turns in every kind of work, until each has had its number."""

    def one(where: str, number: int) -> list[Case]:
        return [make(where, number, base)]

    for number in itertools.count():
        if all(results.times(fault, where) >= goal for where, goal in goals.items()):
            return
        for where, goal in goals.items():
            if results.times(fault, where) < goal and number not in results.done(fault, where):
                yield partial(one, where, number)


def _in_chunks(
    make: Callable[[str, str, list[int]], list[Case]], fault: str, goals: dict[str, int], size: int, results: Results, base: Path
) -> Todo:
    """So many numbers at once, in a process of their own; in an order in which those that were done are a fair sample of all."""
    for where, goal in goals.items():
        left = [number for number in Random(goal).sample(range(goal), goal) if number not in results.done(fault, where)]
        for begin in range(0, len(left), size):
            yield partial(in_process, make, where, str(base), left[begin : begin + size])


def _soaked(results: Results, base: Path) -> Todo:
    """Once."""
    if not results.done(soak.FAULT, SOAK):
        yield partial(in_process, soak.soak, SOAK, str(base), SOAK_MINUTES)


SOAK, SOAK_MINUTES = "a run and a sweep", 30.0
KILLS = {"run": 70, "batch": 70, "sweep": 40, "reproduce": 20}
WRITES = {"going on": 180, "run": 360, "batch": 1050}  # at most: three errors for each call that is made
TRIALS = (
    Trial("kills", partial(_interrupted, killed, "kill -9", KILLS)),
    Trial("signals", partial(_interrupted, signalled, "two signals", KILLS)),
    Trial("writes", partial(_in_chunks, some_calls, FAILING, WRITES, 40)),
    Trial("disks", partial(_in_chunks, full_disks, FULL, {"going on": 40, "run": 80, "batch": 40}, 20)),
    Trial("lines", partial(_in_chunks, lines.some_lines, lines.FAULT, {"whygrok …": 10_000}, 500)),
    Trial("mutations", partial(_in_chunks, mutations.some_files, mutations.FAULT, {"config": 700, "plugin": 600, "run": 700}, 25)),
    Trial("soak", _soaked),
)
