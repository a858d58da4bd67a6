"""Compiled programs in files: written whole or not at all, checked when they are read, the least recently used removed.

JAX's own files are written in place, so that another process can read half of one, and their limit needs one lock for all
processes. Here a file appears under its name by a rename, and begins with a checksum over its name and content.
"""

import contextlib
import errno
import hashlib
import logging
import os
import random
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from framework.storage.files import explain

log = logging.getLogger("whygrok")

LIMIT_BYTES = 500_000_000  # of all programs of the user, whatever machine and version they are for
KEPT_OF_LIMIT = 0.75  # what is left when the limit was passed: programs are then not removed at every write
_MEASURED_PER_LIMIT = 64  # how often all processes together measure the folder while they write as much as the limit
_MAGIC = b"whygrok program 1\n"
_HEAD = len(_MAGIC) + hashlib.sha256().digest_size
_USED_AGAIN_SECONDS = 3600.0  # how old the note of a file's last use may be
_ABANDONED_SECONDS = 3600.0  # a file that has been half-written for so long has lost its writer
_ENTRY, _BESIDE = re.compile(r"[0-9a-f]{64}\.program"), re.compile(r"\.writing-\w+")  # nothing else is ever removed


class Programs:
    """The programs of one kind of machine, folder/kind/*.program; any number of processes may share them.

    What cannot be read or written costs the time to compile it, and raises nothing.
    """

    def __init__(self, folder: Path, kind: str, limit: int = LIMIT_BYTES):
        self._folder, self._limit = folder, limit
        self._path = folder / kind  # JAX names it in its log
        self._said = False

    def get(self, key: str) -> bytes | None:
        """What was put under the key; None when nothing was, or when it is damaged or not the user's own, which is said once."""
        path = self._file(key)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):  # which might never end
                raise IsADirectoryError(errno.EISDIR, "it is no file")
            with open(path, "rb") as file:
                about, content = os.fstat(file.fileno()), file.read()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESTALE):  # ESTALE: another host has just removed it
                self._refuse(path, explain(error, path))
            return None
        if about.st_uid != os.geteuid() or content[:_HEAD] != _head(key, content[_HEAD:]):
            self._refuse(path, "it is damaged, or not what its name says, or another user's")
            return None
        if time.time() - about.st_mtime > _USED_AGAIN_SECONDS:
            with contextlib.suppress(OSError):  # a folder that can only be read
                os.utime(path)
        return content[_HEAD:]

    def put(self, key: str, value: bytes) -> None:
        """Keeps a program; where the disk refuses, nothing is kept."""
        try:
            self._path.mkdir(mode=0o700, exist_ok=True)
            handle, beside = tempfile.mkstemp(prefix=".writing-", dir=self._path)
        except OSError as error:
            log.debug("not kept in %s: %s", self._path, error)
            return
        try:
            with open(handle, "wb") as file:
                file.write(_head(key, value) + value)  # not forced to the disk: what a power cut spoils is not read back
            os.replace(beside, self._file(key))
        except OSError as error:
            log.debug("not kept in %s: %s", self._path, error)
            _remove(Path(beside))
            return
        # By chance, so that short processes need not know of each other. Not from `random` itself, whose state is the user's.
        if random.SystemRandom().random() * self._limit < len(value) * _MEASURED_PER_LIMIT:
            trim(self._folder, self._limit)

    def _file(self, key: str) -> Path:
        return self._path / f"{hashlib.sha256(key.encode()).hexdigest()}.program"

    def _refuse(self, path: Path, why: str) -> None:
        if not self._said:
            log.warning("a compiled program that was kept is not used, and is compiled again: %s: %s", path, why)
        self._said = True
        _remove(path)


def size_of(folder: Path) -> tuple[int, int]:
    """(number of programs, bytes) in a folder, whatever kinds of machine they are for."""
    sizes = [about.st_size for path, about in _files(folder) if _ENTRY.fullmatch(path.name)]
    return len(sizes), sum(sizes)


def trim(folder: Path, limit: int = LIMIT_BYTES) -> None:
    """Removes what was used least recently where the programs take more than the limit, and what dead processes left half-written.

    Processes that do this at the same time remove the same files; one that reads a file meanwhile keeps what it has opened.
    """
    files = sorted(_files(folder), key=lambda one: one[1].st_mtime)
    total, wanted = sum(about.st_size for _, about in files), limit * KEPT_OF_LIMIT
    too_much = total > limit
    for path, about in files:
        abandoned = _BESIDE.fullmatch(path.name) and time.time() - about.st_mtime > _ABANDONED_SECONDS
        if abandoned or (too_much and total > wanted and _ENTRY.fullmatch(path.name)):
            _remove(path)
            total -= about.st_size


def clear(folder: Path) -> None:
    """Removes all programs, and the folders that this leaves empty. Programs in use go on."""
    for path, _ in _files(folder):
        _remove(path)
    for kind in _inside(folder):
        with contextlib.suppress(OSError):  # not empty: it holds what is not ours
            os.rmdir(kind)


def refusal(folder: Path) -> str:
    """Why a folder cannot hold programs, which run with the user's rights; nothing when it can. Makes it when it is not there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
    except OSError as error:
        return explain(error, folder)
    if about.st_uid != os.geteuid():
        return "it belongs to another user, whose programs would run with your rights"
    if about.st_mode & 0o077:
        return f"others may look or write into it (mode {about.st_mode & 0o777:o}); it would be used after: chmod 700 {folder}"
    return ""


def _head(key: str, value: bytes) -> bytes:
    digest = hashlib.sha256(b"%d %s\n" % (len(key), key.encode()))
    digest.update(value)
    return _MAGIC + digest.digest()


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files that are ours, one folder down; those that another process has just removed are left out."""
    for kind in _inside(folder):
        for entry in _inside(kind):
            if _ENTRY.fullmatch(entry.name) or _BESIDE.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    yield Path(entry), entry.stat(follow_symlinks=False)


def _inside(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(os.fspath(folder)) as entries:
            return list(entries)
    except OSError:
        return []


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # gone already, or in a folder that can only be read
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
