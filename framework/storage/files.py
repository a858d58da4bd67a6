"""Writing files so that a crash leaves the old one or the new one, and a full disk leaves a clear message."""

import contextlib
import errno
import json
import math
import os
import secrets
import shutil
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framework.errors import StorageError, named, words_of

# What is of another kind than what belongs in its place: whoever put it there may need it, so that nothing removes it.
IN_THE_WAY = {
    errno.EISDIR: "a folder is in the place of a file",
    errno.ENOTDIR: "a file is in the place of a folder",
    errno.EEXIST: "something else is in the place of a folder",
    errno.ELOOP: "a symbolic link is in its place",
    errno.EINVAL: "what is in its place is no file",
    errno.ENXIO: "what is in its place is no file",
}


@contextlib.contextmanager
def storage(doing: str, path: Path) -> Iterator[None]:
    """Turns an error of the disk into a StorageError with one sentence: what was being done, where, why, bytes free."""
    try:
        yield
    except OSError as error:
        if is_of_a_signal(error):
            raise
        raise StorageError(f"{doing} {path}: {explain(error, path)}") from error


def is_of_a_signal(error: BaseException) -> bool:
    """Whether an error comes out of a signal handler, such as one that ends a cell of a notebook in time: it says nothing of a file."""
    handlers = [getattr(one, "func", one) for one in map(signal.getsignal, signal.valid_signals()) if callable(one)]  # of a partial
    codes = {getattr(function, "__code__", None) for one in handlers for function in (one, type(one).__call__)} - {None}
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def explain(error: BaseException, path: Path) -> str:
    """'the disk is full (0 bytes free)', or what the system says."""
    full = (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or "RESOURCE_EXHAUSTED" in words_of(error)
    if full or "No space left" in words_of(error):
        return f"the disk is full ({free_bytes(path):,} bytes free). Free some space and give the same command again"
    if isinstance(error, OSError) and error.errno in IN_THE_WAY:
        return f"{IN_THE_WAY[error.errno]} ({error.filename or path}). Rename it, and give the same command again"
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"it may not be written ({error.strerror})"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return str(error.strerror)
    return named(error)


def free_bytes(path: Path) -> int:
    """Bytes free on the disk that holds the path, or would hold it."""
    while not os.path.exists(path):  # unlike Path.exists, false where a folder may not be entered
        path = path.parent
    return shutil.disk_usage(path).free


def write_atomically(path: Path, content: str | bytes, durable: bool = True) -> None:
    """Writes beside the path, then renames: a reader sees the whole of the old file or the whole of the new one.

    durable: waits for the disk, so that the file outlives a power cut as well as a kill.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    taken = content.encode() if isinstance(content, str) else content
    with storage("writing", path):
        try:
            with open(beside, "xb") as file:  # a name that nobody could guess and put there before
                file.write(taken)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            os.replace(beside, path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


def write_json(path: Path, content: Any, durable: bool = True) -> None:
    """Standard JSON, indented; raises ValueError for NaN rather than writing a token that is not JSON."""
    write_atomically(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n", durable)


def json_number(value: Any) -> int | float | str:
    """A Python number for a scalar; float32 in its shortest form; 'nan', 'inf' or '-inf' as text."""
    import numpy as np  # here: who only asks for help does not wait for NumPy

    value = np.asarray(value)[()]
    if not math.isfinite(value):  # as a float: a longer one may be beyond the largest
        return str(float(value))
    if isinstance(value, np.floating):
        return float(str(value))
    return value.item()


def next_free(stem: Path) -> Path:
    """`stem`, or `stem-2`, `stem-3`, …: the first that does not exist."""
    path, number = stem, 2
    while os.path.lexists(path):
        path, number = stem.with_name(f"{stem.name}-{number}"), number + 1
    return path
