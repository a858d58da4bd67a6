"""What of a run's folder is sound: each of its files read whole, without its plugins; and how damage is set aside, nothing deleted."""

import json
import os
from collections.abc import Iterator, Sized
from dataclasses import dataclass

from framework.errors import Damage, UserError
from framework.records import read_environment, read_lines, sound_lines
from framework.run.checkpoints import Damaged, complete_steps, is_step, read_leaves
from framework.run.directory import RunDirectory
from framework.storage import IN_THE_WAY, Lock, alone_in, copy_aside, holder, read_npz, set_aside, write_atomically
from framework.training import parse_schedule

SOUND, DAMAGED, NOTE = "ok", "BAD", "--"  # --: nothing is wrong with it, and a session deals with it by itself
UNREAD = "??"  # it may be sound: the system does not let us read it now


@dataclass(frozen=True)
class Part:
    """A file or folder of a run. state: SOUND, DAMAGED, NOTE or UNREAD; said: what it holds, or what is wrong with it."""

    name: str
    state: str
    said: str


def parts(directory: RunDirectory) -> Iterator[Part]:
    """Every part of a run's folder, each as it is read. Nothing is written, and no plugin is imported."""
    if who := holder(directory.lock):
        yield Part(directory.lock.name, NOTE, f"it is being written by {who}: what is unfinished now may be sound in a moment")
    if lock := _lock(directory):
        yield lock
    yield _config(directory)
    yield _environment(directory)
    yield _rows(directory)
    yield from _arrays(directory)
    yield from _checkpoints(directory)
    for file in sorted([*directory.path.rglob("*.damaged*"), *directory.path.rglob("*.later*")]):
        yield Part(str(file.relative_to(directory.path)), NOTE, "was set aside before")


def repair(directory: RunDirectory) -> list[str]:
    """Sets aside what is damaged, by renaming, so that the same command goes on; returns what was done, in sentences.

    Rows after a line that cannot be read are recorded again: from the newest checkpoint that is not after the last sound row, or from
    the start. Raises UserError where another process writes the run, or where config.json cannot be read.
    """
    directory.read_config()
    directory.check_links()
    done = []
    with alone_in(directory.path):  # two repairs at once: the second could take the LOCK of a session for what the first has moved
        if lock := _lock(directory):
            done.append(f"{lock.name} is now {set_aside(directory.lock, 'damaged').name}")
    with Lock(directory.lock):
        for part in list(parts(directory)):
            file = directory.path / part.name
            if part.state == DAMAGED and file != directory.metrics:
                done.append(f"{part.name} is now {set_aside(file, 'damaged').name}")
        if _rows(directory).state == DAMAGED:
            done += _cut(directory)
        if not complete_steps(directory.checkpoints) and [*directory.checkpoints.glob("*.damaged*")]:
            aside = set_aside(directory.checkpoints, "damaged").name
            done.append(f"no saved state is left: {directory.checkpoints.name} is now {aside}, and the run begins again at the start")
    return done


def _config(directory: RunDirectory) -> Part:
    try:
        fields = directory.read_config()
    except UserError as error:
        return Part(directory.config.name, DAMAGED, f"{error}; put it back from a copy, or start over with --fresh")
    return Part(directory.config.name, SOUND, f"a config with {len(fields)} sections and fields")


def _lock(directory: RunDirectory) -> Part | None:
    if directory.lock.is_symlink() or not directory.lock.exists() or directory.lock.is_file():
        return None
    return Part(directory.lock.name, DAMAGED, "it is no file, so that no session can begin")


def _environment(directory: RunDirectory) -> Part:
    name = directory.environment.name
    if not os.path.lexists(directory.environment):
        return Part(name, NOTE, "there is none: no session has begun")
    try:
        sessions = read_environment(directory.environment)["sessions"]
        return Part(name, SOUND, f"{_count(sessions, 'session')}, the last: {sessions[-1]['reason'] if sessions else 'none'}")
    except PermissionError as error:
        return _unread(name, error)
    except (OSError, ValueError) as error:
        return Part(name, DAMAGED, f"it cannot be read ({error}); the next session begins a new record")


def _rows(directory: RunDirectory) -> Part:
    name = directory.metrics.name
    try:
        rows, torn = read_lines(directory.metrics)
    except Damage as error:
        return Part(name, DAMAGED, error.said)
    except OSError as error:
        return _unread(name, error)
    if (missing := _first_missing(directory, [row["step"] for row in rows])) is not None:
        lost = f"no row of step {missing:,} is there, though a later state is saved"
        if rows and rows[-1]["step"] < missing:
            return Part(name, NOTE, f"{_count(rows, 'row')}; {lost}: the next session goes on from an older state")
        return Part(name, DAMAGED, lost)
    last = f", the last of step {rows[-1]['step']:,}" if rows else ""
    cut = "; a torn line follows, which a resume cuts" if torn else ""
    return Part(name, NOTE if torn else SOUND, f"{_count(rows, 'row')}{last}{cut}")


def _first_missing(directory: RunDirectory, recorded: list[int]) -> int | None:
    """The first step at which the metrics were due, up to the newest state, of which no row is there; None where all are."""
    reached = max(complete_steps(directory.checkpoints), default=-1)
    try:
        config = directory.read_config()
        due, is_fork = parse_schedule(config["events"]["metrics"]).regular, bool(config.get("fork_of"))
    except (UserError, ValueError, LookupError, TypeError, AttributeError):  # which stands in the line of config.json
        return None
    if is_fork and not recorded:  # its first state is saved before its first row, and its rows begin anywhere
        return None
    there = {*recorded}
    step = due.next(recorded[0] - 1 if is_fork else -1)
    while step in there:
        step = due.next(step)
    return step if step is not None and step <= reached else None


def _arrays(directory: RunDirectory) -> Iterator[Part]:
    files, sound = directory.array_files(), 0
    for file in files.values():
        name = str(file.relative_to(directory.path))
        try:
            read_npz(file)
            sound += 1
        except (ValueError, OSError, MemoryError) as error:
            if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno not in IN_THE_WAY):
                yield _unread(name, error)
            else:
                yield Part(name, DAMAGED, f"it cannot be read ({error}); the arrays of that step are lost")
    if directory.arrays.exists() and not directory.arrays.is_dir():
        yield Part(directory.arrays.name, DAMAGED, "it is no folder, so that no array can be kept")
    if files:
        yield Part(directory.arrays.name, SOUND, f"{sound} of {len(files)} can be read")


def _checkpoints(directory: RunDirectory) -> Iterator[Part]:
    good = []
    if directory.checkpoints.exists() and not directory.checkpoints.is_dir():
        yield Part(directory.checkpoints.name, DAMAGED, "it is no folder, so that no state can be saved")
        return
    for folder in sorted(path for path in directory.checkpoints.glob("*") if is_step(path)):
        try:
            read_leaves(folder)
            good.append(int(folder.name))
        except Damaged as damage:
            name = str(folder.relative_to(directory.path))
            hidden = damage.__context__
            yield _unread(name, hidden) if isinstance(hidden, PermissionError) else Part(name, DAMAGED, str(damage))
        except PermissionError as error:
            yield _unread(str(folder.relative_to(directory.path)), error)
    if good:
        yield Part(
            directory.checkpoints.name, SOUND, f"{_count(good, 'saved state')}, every checksum right; a resume begins at step {max(good):,}"
        )
    else:
        yield Part(directory.checkpoints.name, NOTE, "no saved state: a resume begins at the start")


def _count(things: Sized, word: str) -> str:
    return f"{len(things)} {word}{'s' * (len(things) != 1)}"


def _unread(name: str, error: BaseException) -> Part:
    return Part(name, UNREAD, f"it cannot be read now ({type(error).__name__}), and stays as it is")


def _cut(directory: RunDirectory) -> list[str]:
    """Keeps the rows before the first line that cannot be read or is missing, and sets aside the states saved after the last of them.

    The states go first, so that a repair that is killed at any instant finds the same damage when it is repeated.
    """
    metrics, done = directory.metrics, []
    lines = {json.loads(line)["step"]: line for line in (sound_lines(metrics) if metrics.is_file() else [])}
    missing = _first_missing(directory, list(lines))
    kept = {step: line for step, line in lines.items() if missing is None or step < missing}
    last = max(kept, default=-1)
    if later := [step for step in complete_steps(directory.checkpoints) if step > last]:
        for step in later:
            set_aside(directory.checkpoints / str(step), "later")
        done.append(f"{_count(later, 'state')} saved after step {last:,} set aside, so that the lost rows are recorded again")
    if metrics.exists() and not metrics.is_file():
        done.append(f"{metrics.name} is now {set_aside(metrics, 'damaged').name}")
    elif metrics.is_file():
        copy = copy_aside(metrics, "damaged")
        done.append(f"{metrics.name} as it was is {copy.name}; its first {_count(kept, 'row')} stay")
    write_atomically(metrics, "".join(f"{line}\n" for line in kept.values()))
    return done
