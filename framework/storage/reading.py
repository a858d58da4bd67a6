"""Reading files that a crash may have damaged, or a stranger written: regular files only, and nothing in them is executed."""

import contextlib
import errno
import hashlib
import io
import json
import math
import os
import stat
import sys
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from framework.errors import quoted
from framework.storage.files import is_of_a_signal

if TYPE_CHECKING:
    import zipfile

    import numpy as np

DEEPEST = 100  # sections within sections; Python's stack ends too
DIGITS = 308  # of an integer, its sign included: what is longer may be greater than any float
MOST_BYTES = 10**8  # of a file that is read as a whole, or of a line of one: a sparse file can claim any size
ARCHIVE, ARRAY = b"PK", b"\x93NUMPY"  # with which such files begin
KINDS = (0, 8)  # how NumPy stores an array, as it is or deflated; what is packed in other ways may unfold to anything
UNFOLDED = 8  # times the size of an archive, or MOST_BYTES: a larger one that is compressed is taken for a bomb


class FalseClaim(ValueError):
    """A file claims more than it holds, or than anybody would write."""


def open_file(path: str | Path) -> io.BufferedReader:
    """A file opened to be read. Raises OSError where it is none: a folder, or a pipe, which might never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(regular(descriptor, path), "rb")  # not the open of builtins, which a plugin may have replaced


def regular(descriptor: int, path: str | Path) -> int:
    """The descriptor, if it is that of a file; otherwise closes it, and raises OSError."""
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        raise OSError(errno.EISDIR if stat.S_ISDIR(kind) else errno.EINVAL, "it is no file", str(path))
    return descriptor


def read_file(path: str | Path) -> bytes:
    """What is in a file, of MOST_BYTES at most. Raises OSError."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_BYTES:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, and at most {MOST_BYTES:,} are read", str(path))
        return file.read(MOST_BYTES)  # some files of /proc say that they have none


def read_each_line(path: str | Path) -> Iterator[tuple[bytes, bool]]:
    """(a line with its line break, whether it is the last), of a file of any size; a longer line in parts. Raises OSError."""
    with open_file(path) as file:
        line = file.readline(MOST_BYTES)
        while line:
            following = file.readline(MOST_BYTES)
            yield line, not following
            line = following


def digest(path: str | Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal digits. Raises OSError."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_text(path: str | Path, errors: str = "strict") -> str:
    """The text of a file, without a byte order mark. Raises OSError, and ValueError where it is not UTF-8."""
    return read_file(path).decode("utf-8-sig", errors)


def read_json(path: str | Path) -> Any:
    """What a file of JSON holds, each number one that a float holds. Raises OSError, and ValueError with what is wrong with it."""
    try:
        text = read_file(path)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise ValueError(error.strerror) from None
    return parse_json(text, parse_float=_finite, parse_int=_whole)


def parse_json(text: bytes, **numbers: Any) -> Any:
    """What standard JSON in UTF-8 holds: no NaN and no infinity, nothing nested deeper than DEEPEST, no half of a character.

    Names are interned: thousands of rows share those of their columns. Raises ValueError with what is wrong with it.
    numbers: what reads them, as json.loads takes it; by default 1e999 is an infinity, since rows are checked for that by themselves.
    """
    try:
        found = json.loads(text.decode("utf-8-sig"), parse_constant=_no_number, object_pairs_hook=_interned, **numbers)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if b"\\u" in text or text.count(b"[") + text.count(b"{") > DEEPEST:
        _check(found, 0)
    return found


def read_database(path: Path, question: str, *values: Any) -> list[tuple]:
    """What a database of SQLite answers, opened to be read only. Raises OSError, and ValueError where it is damaged or of another kind."""
    import sqlite3

    open_file(path).close()  # a pipe would never answer
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(question, values).fetchall()
    except sqlite3.Error as error:
        raise ValueError(str(error)) from None


def npz_names(path: str | Path) -> list[str]:
    """The names of the arrays of an .npz file. Raises as `read_npz` does."""
    return list(_read_npz(path, (), False))


def read_npz(path: str | Path, names: Iterable[str] | None = None, unfolds: bool = False) -> dict[str, "np.ndarray"]:
    """The arrays of an .npz file by name, all or those of `names` that are there; none is of objects, which would be code.

    unfolds: whether it may be much larger than its file, as a user's own compressed data are. Raises OSError or MemoryError where it
    cannot be read now, and ValueError where it is damaged, or claims more than it holds.
    """
    found = _read_npz(path, names, unfolds)
    return {name: array for name, array in found.items() if array is not None}


def read_npy(path: str | Path) -> "np.ndarray":
    """The array of an .npy file, which is none of objects. Raises OSError, and ValueError where it is damaged or claims too much."""
    import numpy as np

    with open_file(path) as file:
        try:
            begins = file.peek(len(ARRAY))
            if begins.startswith(ARCHIVE):
                raise ValueError("is an archive of arrays, not one array")
            if begins.startswith(ARRAY):
                _check_claim(file, os.fstat(file.fileno()).st_size)
                file.seek(0)
            return np.load(file, allow_pickle=False)  # type: ignore[no-any-return]
        except EOFError:
            raise ValueError("is empty") from None


def npz_bytes(arrays: dict[str, "np.ndarray"]) -> bytes:
    """Arrays by name as the content of an .npz file. Raises ValueError for one of objects, which only a pickle could hold."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _read_npz(path: str | Path, names: Iterable[str] | None, unfolds: bool) -> dict[str, Any]:
    """Name → array; None in its place where it is not wanted."""
    import numpy as np  # here: who only asks for help does not wait for NumPy

    with open_file(path) as file:
        try:
            if not file.peek(len(ARCHIVE)).startswith(ARCHIVE):  # NumPy would read an array alone at once
                raise ValueError("it begins as no archive does")
            with np.load(file, allow_pickle=False) as stored:
                wanted = {*stored.files} if names is None else {*names}
                most = math.inf if unfolds else max(UNFOLDED * os.fstat(file.fileno()).st_size, MOST_BYTES)
                _check_sizes(stored.zip, most, wanted)
                return {name: stored[name] if name in wanted else None for name in stored.files}
        except (MemoryError, FalseClaim):
            raise
        except Exception as error:  # a damaged archive raises whatever its damage leads to
            if is_of_a_signal(error):
                raise
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a place before the beginning
                raise
            raise ValueError(f"it is no whole archive of arrays ({type(error).__name__})") from None


def _check_sizes(archive: "zipfile.ZipFile", most: float, wanted: Container[str]) -> None:
    """Raises FalseClaim, before any is read, where an array is not of the size that it claims, or all unfold to more than `most` bytes."""
    members = archive.infolist()
    if (size := sum(member.file_size for member in members)) > most:
        raise FalseClaim(f"it unfolds to {size:,} bytes, which is too much for its own size")
    for member in members:
        if member.compress_type not in KINDS:
            raise ValueError("it is packed in an unknown way")
        if member.filename.removesuffix(".npy") in wanted and member.filename.endswith(".npy"):
            with archive.open(member) as array:
                _check_claim(array, member.file_size)


def _check_claim(file: IO[bytes], size: int) -> None:
    """Raises ValueError where the header of an array says another size than that of its file, before NumPy takes memory for it."""
    from numpy.lib import format as npy

    read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0  # 3.0 differs in letters alone
    shape, _, kind = read(file)
    if kind.hasobject:
        raise ValueError("it is of objects")
    if file.tell() + math.prod(shape) * kind.itemsize != size:
        raise FalseClaim(f"its header says {math.prod(shape):,} numbers, and the file holds {size:,} bytes")


def _interned(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {sys.intern(name): value for name, value in pairs}


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is not standard JSON")


def _finite(word: str) -> float:
    number = float(word)
    if math.isinf(number):
        raise ValueError(f"{quoted(word, 40)} is greater than any number that is computed with")
    return number


def _whole(word: str) -> int:
    if len(word) > DIGITS:
        raise ValueError(f"{quoted(word, 40)} is greater than any number that is computed with")
    return int(word)


def _check(found: Any, depth: int) -> None:
    """Raises ValueError for what is nested too deeply, and for half a character, which no file could hold again."""
    if depth > DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(found, str):
        found.encode()  # UnicodeEncodeError is a ValueError
    elif isinstance(found, dict):
        for name, value in found.items():
            _check(name, depth)
            _check(value, depth + 1)
    elif isinstance(found, list):
        for value in found:
            _check(value, depth + 1)
