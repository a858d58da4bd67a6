"""Every change of a file below a folder failing once: the calls are numbered, and one of them raises what a disk would."""

import builtins
import contextlib
import errno
import io
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from framework.cli import run_command
from framework.registry import log
from tests.faults.results import EQUAL, LOST, REFUSED, Case
from tests.faults.works import SHORT, prepare

FAILING, FULL = "a write that fails", "a full disk of 2 MB"
MOST_LEFT = 250_000  # bytes: more than any of the runs takes
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
PATHS = ("open", "rename", "replace", "mkdir", "unlink", "remove", "rmdir", "truncate", "symlink", "link", "utime")
DESCRIPTORS = ("write", "fsync", "posix_fallocate", "ftruncate")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Disk:
    """While in use, counts the changes of files below a folder; the one with the number, from 0, fails instead."""

    def __init__(self, folder: Path, number: int = -1, error: int = errno.ENOSPC):
        self.calls: list[str] = []  # the names of what was called
        self._folder, self._number, self._error = str(folder), number, error
        self._lock, self._before = threading.Lock(), {name: getattr(os, name) for name in (*PATHS, *DESCRIPTORS)}

    def __enter__(self) -> "Disk":
        for name in PATHS:
            setattr(os, name, self._by_path(name))
        for name in DESCRIPTORS:
            setattr(os, name, self._by_descriptor(name))
        builtins.open = io.open = self._open  # type: ignore[assignment]
        return self

    def __exit__(self, *_: object) -> None:
        builtins.open = io.open = _OPEN  # type: ignore[assignment]
        for name, function in self._before.items():
            setattr(os, name, function)

    def change(self, name: str) -> None:
        """Another change is about to be made. Raises OSError where it is the one."""
        with self._lock:
            self.calls.append(name)
            due = len(self.calls) - 1 == self._number
        if due:
            raise OSError(self._error, os.strerror(self._error))

    def _is_ours(self, path: Any) -> bool:
        try:
            return self._folder in os.path.abspath(os.fsdecode(path))
        except TypeError:
            return False

    def _by_path(self, name: str) -> Callable[..., Any]:
        original = self._before[name]

        def called(path: Any, *arguments: Any, **keywords: Any) -> Any:
            reads = name == "open" and not (arguments[0] if arguments else keywords["flags"]) & _WRITING
            within = self._is_ours(path) or (isinstance(path, str) and keywords.get("dir_fd") is not None)
            if within and not reads:
                self.change(f"os.{name}")
            return original(path, *arguments, **keywords)

        return called

    def _by_descriptor(self, name: str) -> Callable[..., Any]:
        original = self._before[name]

        def called(descriptor: int, *arguments: Any) -> Any:
            if self._is_ours(os.readlink(f"/proc/self/fd/{descriptor}")):
                self.change(f"os.{name}")
            return original(descriptor, *arguments)

        return called

    def _open(
        self, file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, errors: Any = None, newline: Any = None, **more: Any
    ):
        writes = set(mode) & set("wax+")
        if isinstance(file, int) or not writes or not self._is_ours(file):
            return _OPEN(file, mode, buffering, encoding, errors, newline, **more)
        if "opener" not in more:  # which calls os.open itself
            self.change("open")
        raw = _Raw(file, mode.replace("b", "").replace("t", ""), **more)
        raw.disk = self
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)


_OPEN = builtins.open


class _Raw(io.FileIO):
    """A file whose every write to the disk is counted."""

    disk: Disk

    def write(self, content: Any) -> int:
        self.disk.change("write")
        return super().write(content)

    def truncate(self, size: int | None = None) -> int:
        self.disk.change("truncate")
        return super().truncate(size)


@dataclass(frozen=True)
class Told:
    """How a command ended in this process, and what it said on standard error."""

    code: int
    error: str

    @property
    def last(self) -> list[str]:
        """The lines of its last sentence."""
        lines = self.error.rstrip("\n").splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("whygrok: ")]
        return lines[starts[-1] :] if starts else lines


def told(words: list[str]) -> Told:
    """Gives a command. Whatever is not explained by it is raised."""
    error, handlers = io.StringIO(), log.handlers[:]
    log.handlers.clear()
    try:
        with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
            code = run_command(words)
    finally:
        log.handlers[:] = handlers
    return Told(code, error.getvalue())


def failing_once(where: str, base: Path) -> "Failing":
    """The command of that name, made ready."""
    given, root = base / "given", base / "writes" / f"{where}-{os.getpid()}"
    prepare(given)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    return Failing(where, given, root)


class Failing:
    """A command, each of whose changes of files is made to fail."""

    def __init__(self, where: str, given: Path, root: Path):
        self._where, self._given, self._root = where, given, root
        self._work = SHORT["batch" if where == "batch" else "run"]
        self._whole = root / "whole" / "it"
        if where == "going on":  # from the middle, of whose newest checkpoint a file is damaged
            told([*self._words(self._begun), "--config.steps=4"])
            (self._begun / "checkpoints" / "4" / "checksums.json").write_text("{")
            with open(self._begun / "metrics.jsonl", "a") as file:
                file.write('{"step": 5, "tor')
        first = told(self._words(self._fresh(self._whole)))
        assert first.code == 0, first.error
        with Disk(counted := self._fresh(root / "counted" / "it")) as disk:
            told(self._words(counted))
        self.calls = disk.calls

    @property
    def _begun(self) -> Path:
        return self._root / "begun" / "it"

    def _fresh(self, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if self._where == "going on":
            shutil.copytree(self._begun, folder)
        return folder

    def _words(self, folder: Path) -> list[str]:
        return [*self._work.words(self._given), f"--workdir={folder}"]

    def case(self, call: int, error: int) -> Case:
        """One call fails: the command ends with 5 and one sentence, or goes on without; then the same command comes to the same bits."""
        folder = self._fresh(self._root / f"{call}-{error}" / "it")
        made = Case(FAILING, self._where, call * len(ERRORS) + ERRORS.index(error))
        try:
            with Disk(folder, call, error) as disk:
                first = told(self._words(folder))
            name = f"{errno.errorcode[error]} at call {call}, {disk.calls[call] if call < len(disk.calls) else 'not made'}"
            again = told(self._words(folder))
            wrong = _wrong(first) or ("" if again.code == 0 else f"again: {again.code} {again.error[-500:]}")
            self._assert_same(folder)
        except Exception as failure:
            name, wrong = f"{errno.errorcode[error]} at call {call}", f"{type(failure).__name__}: {failure}"[:600]
            print(name, wrong, file=sys.stderr)
        if wrong:
            return made.ended(LOST, f"{name}: {wrong}")
        shutil.rmtree(folder.parent)
        return made.ended(REFUSED if first.code else EQUAL)

    def on(self, disk: Path, number: int) -> Case:
        """On a small disk that is nearly full, and is not afterwards."""
        leave = Random(f"disk {self._where} {number}").randrange(MOST_LEFT)
        made, folder, filler = Case(FULL, self._where, number, 1, f"{leave:,} bytes left"), disk / "it", disk / "filler"
        shutil.rmtree(folder, ignore_errors=True)
        if self._where == "going on":
            shutil.copytree(self._begun, folder)
        with open(filler, "wb", buffering=0) as file:
            while (free := shutil.disk_usage(disk).free - leave) > 0:
                file.write(bytes(free))
        first = told(self._words(folder))
        filler.unlink()
        again = told(self._words(folder))
        try:
            wrong = _wrong(first) or ("" if again.code == 0 else f"again: {again.code} {again.error[-500:]}")
            self._assert_same(folder)
        except Exception as failure:
            wrong = f"{type(failure).__name__}: {failure}"[:600]
        return made.ended(LOST if wrong else REFUSED if first.code else EQUAL, wrong)

    def _assert_same(self, folder: Path) -> None:
        for damaged in [*folder.rglob("*.damaged*")]:
            shutil.rmtree(damaged) if damaged.is_dir() else damaged.unlink()
        self._work.assert_same(folder, self._whole)


def _wrong(first: Told) -> str:
    """What is wrong about how it ended, in words."""
    if first.code not in (0, 5):
        return f"ended with {first.code}: {first.error[-500:]}"
    return f"no sentence: {first.error[-500:]}" if "Traceback" in first.error or (first.code and len(first.last) != 1) else ""


def some_calls(where: str, base: str, numbers: list[int]) -> list[Case]:
    """The cases of these numbers, those that there are: three errors for every call."""
    failing = failing_once(where, Path(base))
    pairs = [(number // len(ERRORS), ERRORS[number % len(ERRORS)]) for number in numbers]
    return [failing.case(call, error) for call, error in pairs if call < len(failing.calls)]


def full_disks(where: str, base: str, numbers: list[int]) -> list[Case]:
    """A file system of 2 MB with a seeded number of bytes left: code 5 and one sentence; with space again, the same bits.

    No cases where none can be mounted.
    """
    disk = Path(base) / f"disk-{os.getpid()}"
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        return []
    try:
        failing = failing_once(where, Path(base))
        return [failing.on(disk, number) for number in numbers]
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()
