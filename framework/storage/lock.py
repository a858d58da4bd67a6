"""LOCK: one writer for a run directory. The kernel's lock decides on one host, a heartbeat across hosts."""

import contextlib
import fcntl
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType

from framework.errors import StorageError, UserError
from framework.storage.files import IN_THE_WAY, storage
from framework.storage.folders import is_under_its_name
from framework.storage.reading import open_file, parse_json, regular

log = logging.getLogger("whygrok")

BEAT_SECONDS = 10.0  # how often a living writer renews its heartbeat
READERS_SECONDS = 5.0  # whoever only asks who holds a lock has it for a moment; many of them may take turns
PAUSE_SECONDS = 0.01  # from one attempt to the next
LONGEST = 10_000  # of what a LOCK says of its owner: a file may claim to have any size
STALE_SECONDS = 300.0  # another host that has been silent for this long is taken for dead


class Lock:
    """Held while a run directory is written. A lock left by a dead process is taken over."""

    def __init__(self, path: Path):
        self._path = path
        self._stop = threading.Event()
        self._started = time.time()

    def __enter__(self) -> "Lock":
        self._open()
        while not is_under_its_name(self._file, self._path):  # its owner removed it after we opened it: another may hold a new one
            self._file.close()
            self._open()
        # flock excludes nobody on other hosts when the folder is on NFS with local locks.
        owner = self._owner()
        age = _age(owner, self._path)
        if owner.get("host", socket.gethostname()) != socket.gethostname():
            if age < STALE_SECONDS:
                self._refuse(f"gave a sign of life {max(age, 0):.0f} s ago; after {STALE_SECONDS:.0f} s of silence it is taken for dead")
            log.warning("taking over %s from %s, silent for %.0f s", self._path, _who(owner), age)
        try:
            with storage("writing", self._path):
                self._beat()
        except StorageError:
            self._let_go()
            raise
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._let_go()

    def _let_go(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:  # what is on its way, an error or an end, counts more: a lock that nobody holds is taken over
            log.warning("%s cannot be removed, which does no harm: %s", self._path, error.strerror)
        self._file.close()

    def _open(self) -> None:
        with storage("locking", self._path):
            # Unbuffered: what a full disk refuses must not wait in a buffer until the file is closed.
            self._file = open(self._path, "a+b", buffering=0, opener=_not_followed)  # noqa: SIM115 (closed in __exit__)
        try:
            self._take()
        except BlockingIOError:
            self._refuse("is running there")
        except OSError as error:  # such as no locks left, or a file system that has none
            self._file.close()
            with storage("locking", self._path):
                raise error

    def _take(self) -> None:
        """Raises BlockingIOError where another process writes the run directory; waits for those that only ask who does."""
        patience = time.monotonic() + READERS_SECONDS
        while True:
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > patience:
                    raise
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # which a writer refuses, and readers allow
            fcntl.flock(self._file, fcntl.LOCK_UN)
            time.sleep(PAUSE_SECONDS)

    def _owner(self) -> dict:
        self._file.seek(0)
        return _parsed(self._file.read(LONGEST))

    def _refuse(self, why: str) -> None:
        owner = self._owner()
        self._file.close()
        since = f", started {owner['started']}," if "started" in owner else ""
        raise UserError(f"{self._path.parent} is being written: {_who(owner)}{since} {why}. Use another --workdir, or stop that process.")

    def _beat(self) -> None:
        text = {"host": socket.gethostname(), "pid": os.getpid(), "started": _iso(self._started), "heartbeat": _iso(time.time())}
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{json.dumps(text)}\n".encode())

    def _keep_beating(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self._beat()
            except OSError:
                continue  # a full disk is reported by what is being saved, not by the heartbeat


def _not_followed(path: str, flags: int) -> int:
    return regular(os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666), path)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Inside, no other process of this host is inside for the same folder: for what comes before its LOCK. Raises StorageError."""
    with storage("locking", folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> str | None:
    """Who writes the run directory of this LOCK, 'process 4711 on node17'; None when nobody does. Nothing is written."""
    try:
        with storage("reading", path), open_file(path) as file:
            owner = _parsed(file.read(LONGEST))
            if owner.get("host", socket.gethostname()) != socket.gethostname():
                return _who(owner) if _age(owner, path) < STALE_SECONDS else None
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except StorageError as error:
        cause = error.__cause__
        if isinstance(cause, BlockingIOError):
            return _who(owner)
        if isinstance(cause, FileNotFoundError) or (isinstance(cause, OSError) and cause.errno in IN_THE_WAY):
            return None  # there is none, or what is there is no file, which nobody holds
        raise


def _parsed(text: bytes) -> dict:
    """What a LOCK says of its owner; nothing where it cannot be read."""
    try:
        owner = parse_json(text or b"{}")
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _who(owner: dict) -> str:
    return f"process {owner.get('pid', 'unknown')} on {owner.get('host', 'an unknown host')}"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def _age(owner: dict, path: Path) -> float:
    """Seconds since the owner's heartbeat, a number or a date; by the file's own time where it has none, or one that is to come."""
    now, heartbeat = time.time(), owner.get("heartbeat")
    with contextlib.suppress(ValueError, TypeError, OverflowError):  # no date, or one of the year 1, which has no such number
        seconds = datetime.fromisoformat(heartbeat).timestamp() if isinstance(heartbeat, str) else float(heartbeat)  # type: ignore[arg-type]
        if seconds < now + STALE_SECONDS:
            return now - seconds
    return now - path.stat().st_mtime
