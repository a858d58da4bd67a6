"""What of a run's folder is sound: each of its files read whole, without its plugins; and how damage is set aside, nothing deleted."""

import json
import logging
import shutil
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framework.errors import StorageError, UserError
from framework.records import read_lines, sound_lines
from framework.run.checkpoints import Damaged, complete_steps, read_leaves
from framework.run.directory import RunDirectory
from framework.storage import Lock, holder, next_free, storage, write_atomically

log = logging.getLogger("whygrok")

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
    with Lock(directory.lock):
        for part in list(parts(directory)):
            file = directory.path / part.name
            if part.state == DAMAGED and file != directory.metrics:
                done.append(f"{part.name} is now {_aside(file, 'damaged').name}")
        if _rows(directory).state == DAMAGED:
            done += _cut(directory)
        if not complete_steps(directory.checkpoints) and [*directory.checkpoints.glob("*.damaged*")]:
            aside = _aside(directory.checkpoints, "damaged").name
            done.append(f"no saved state is left: {directory.checkpoints.name} is now {aside}, and the run begins again at the start")
    return done


def _config(directory: RunDirectory) -> Part:
    try:
        fields = directory.read_config()
    except UserError as error:
        return Part(directory.config.name, DAMAGED, f"{error}; put it back from a copy, or start over with --fresh")
    return Part(directory.config.name, SOUND, f"a config with {len(fields)} sections and fields")


def _environment(directory: RunDirectory) -> Part:
    name = directory.environment.name
    try:
        sessions = json.loads(directory.environment.read_text(encoding="utf-8"))["sessions"]
        return Part(name, SOUND, f"{_count(sessions, 'session')}, the last: {sessions[-1]['reason'] if sessions else 'none'}")
    except FileNotFoundError:
        return Part(name, NOTE, "there is none: no session has begun")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Part(name, DAMAGED, f"it cannot be read ({type(error).__name__}); the next session begins a new record")


def _rows(directory: RunDirectory) -> Part:
    name = directory.metrics.name
    try:
        rows, torn = read_lines(directory.metrics)
    except StorageError as error:
        return Part(name, DAMAGED, str(error))
    except OSError as error:
        return _unread(name, error)
    if not rows and (steps := complete_steps(directory.checkpoints)) and steps[-1] > 0:
        return Part(name, DAMAGED, f"no row is there, though states are saved up to step {steps[-1]:,}")
    last = f", the last of step {rows[-1]['step']:,}" if rows else ""
    cut = "; a torn line follows, which a resume cuts" if torn else ""
    return Part(name, NOTE if torn else SOUND, f"{_count(rows, 'row')}{last}{cut}")


def _arrays(directory: RunDirectory) -> Iterator[Part]:
    files, sound = sorted(directory.arrays.glob("*.npz")), 0
    for file in files:
        try:
            with open(file, "rb") as opened, np.load(opened, allow_pickle=False) as stored:  # NumPy leaves open what is no archive
                for name in stored.files:
                    stored[name]
            int(file.stem)
            sound += 1
        except (PermissionError, MemoryError) as error:
            yield _unread(str(file.relative_to(directory.path)), error)
        except Exception as error:  # a damaged archive raises whatever its damage leads to
            said = f"it cannot be read ({type(error).__name__}); the arrays of that step are lost"
            yield Part(str(file.relative_to(directory.path)), DAMAGED, said)
    if files:
        yield Part(directory.arrays.name, SOUND, f"{sound} of {len(files)} can be read")


def _checkpoints(directory: RunDirectory) -> Iterator[Part]:
    good = []
    for folder in sorted(path for path in directory.checkpoints.glob("*") if path.is_dir() and path.name.isdecimal()):
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


def _aside(file: Path, word: str) -> Path:
    aside = next_free(file.with_name(f"{file.name}.{word}"))
    with storage("setting aside", file):
        file.rename(aside)
    return aside


def _cut(directory: RunDirectory) -> list[str]:
    """Keeps the rows before the first line that cannot be read, and sets aside the states saved after the last of them.

    The states go first, so that a repair that is killed at any instant finds the same damage when it is repeated.
    """
    metrics, done = directory.metrics, []
    rows = sound_lines(metrics) if metrics.is_file() else []
    last = json.loads(rows[-1])["step"] if rows else -1
    if later := [step for step in complete_steps(directory.checkpoints) if step > last]:
        for step in later:
            _aside(directory.checkpoints / str(step), "later")
        done.append(f"{_count(later, 'state')} saved after step {last:,} set aside, so that the lost rows are recorded again")
    if metrics.is_dir():
        done.append(f"{metrics.name} is now {_aside(metrics, 'damaged').name}")
    elif metrics.is_file():
        copy = next_free(metrics.with_name(f"{metrics.name}.damaged"))
        with storage("copying", metrics):
            shutil.copy2(metrics, copy)
        done.append(f"{metrics.name} as it was is {copy.name}; its first {_count(rows, 'row')} stay")
    write_atomically(metrics, "".join(f"{line}\n" for line in rows))
    return done
