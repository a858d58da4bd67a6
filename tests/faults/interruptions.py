"""Kills and pairs of signals at seeded moments over the life of a command, which is then given again until it is done."""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from signal import SIGINT, SIGKILL, SIGTERM, Signals

from tests.faults.prepared import LIMIT_SECONDS, Instant
from tests.faults.results import EQUAL, LOST, Case
from tests.faults.works import WORKS, Work, prepare

LEAST, MOST = 2, 6  # kills of one life


@dataclass(frozen=True)
class Whole:
    """The command that nothing happened to: its folder, how often it changed a file, how many seconds it took."""

    given: str
    folder: str
    changes: int
    seconds: float


def whole(work: Work, base: Path) -> Whole:
    """Made once in a base folder."""
    note = base / f"{work.name}.whole.json"
    if not note.exists():
        given, folder = base / "given", base / "whole" / work.name
        shutil.rmtree(folder, ignore_errors=True)
        prepare(given)
        folder.parent.mkdir(parents=True, exist_ok=True)
        work.finish(given, folder)  # compiles
        shutil.rmtree(folder)
        begun = time.monotonic()
        running = work.start(given, folder)
        code = running.ended()
        assert code == 0, running.said()
        found = Whole(str(given), str(folder), int(running.heard(0) or 0), time.monotonic() - begun)
        note.write_text(json.dumps(asdict(found)))
    return Whole(**json.loads(note.read_text()))


def killed(name: str, number: int, base: Path) -> Case:
    """A life with several kills; how often it was injected is how often the command did die of it."""
    work, random = WORKS[name], Random(f"kill {name} {number}")
    found, folder = whole(work, base), base / "lives" / f"kill-{name}-{number}" / name
    given, kills, moments = Path(found.given), 0, []
    _clear(folder)
    for attempt in range(random.randint(LEAST, MOST)):
        at_change, together = random.random() < 0.6, random.random() < 0.5
        if at_change:
            process = random.choice([0, 0, 1, 2]) if name in ("sweep", "reproduce") else 0
            most = 40 if process else found.changes // (1 + attempt)
            instant = Instant(random.randrange(max(most, 1)), process, together)
            running = work.start(given, folder, instant)
            moments.append(f"change {instant.call} of process {process}")
        else:
            running = work.start(given, folder)
            seconds = random.uniform(0, found.seconds)
            moments.append(f"{seconds:.2f} s")
            running.heard(seconds)
            running.kill_with_all() if together else running.send(SIGKILL)
        if not _has_died(running.ended(), at_change, name, running.said()):
            break  # it was done before, or another still wrote
        kills += 1
    return _finished(Case("kill -9", name, number, kills, ", ".join(moments)), work, given, folder, Path(found.folder))


def _has_died(code: int, at_change: bool, name: str, said: str) -> bool:
    """Whether the command was killed. One whose worker was killed says so and ends with 1; it may have been done before its time."""
    worker = at_change and code == 1 and "killed by SIGKILL" in said
    assert code in (-SIGKILL, 0) or worker or (code == 2 and "writ" in said), f"ended with {code}: {said[-600:]}"
    return code == -SIGKILL or worker


def signalled(name: str, number: int, base: Path) -> Case:
    """Two signals, the second up to 0.3 s after the first: it ends with the code of the first, and goes on to the same bits."""
    work, random = WORKS[name], Random(f"pair {name} {number}")
    found, folder = whole(work, base), base / "lives" / f"pair-{name}-{number}" / name
    given, first, second = Path(found.given), random.choice([SIGINT, SIGTERM]), random.choice([SIGINT, SIGTERM])
    delay, at_change = random.choice([0.0, 0.001, random.uniform(0, 0.3)]), random.random() < 0.6
    _clear(folder)
    instant = Instant(random.randrange(found.changes), kills=False) if at_change else None
    running = work.start(given, folder, instant)
    running.heard(LIMIT_SECONDS if at_change else random.uniform(0, found.seconds))
    running.send(first)
    time.sleep(delay)
    running.send(second)
    case = Case("two signals", name, number, 1, f"{first.name}, {second.name} after {delay:.3f} s")
    try:
        code, said = running.ended(), running.said()
    except TimeoutError as error:
        return case.ended(LOST, str(error))
    if code not in (0, 3) or "Traceback" in said or (code == 3 and not _names(said, first)):
        return case.ended(LOST, f"ended with {code}: {said[-600:]}")
    return _finished(case, work, given, folder, Path(found.folder))


def _names(said: str, first: Signals) -> bool:
    """Whether the last line names the first signal; to two signals at once the system may give the other one first."""
    return f"stopped by {first.name}" in said or "stopped by SIG" in said.strip().splitlines()[-1]


def _finished(case: Case, work: Work, given: Path, folder: Path, whole: Path) -> Case:
    try:
        work.finish(given, folder)
        work.assert_same(folder, whole)
    except (AssertionError, OSError, TimeoutError) as error:
        return case.ended(LOST, f"{case.moment}: {type(error).__name__}: {str(error)[:600]}")
    shutil.rmtree(folder.parent)
    return case.ended(EQUAL)


def _clear(folder: Path) -> None:
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.parent.mkdir(parents=True)
