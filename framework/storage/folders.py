"""Making, moving and removing: nothing is followed through a symbolic link, and what is in the way is set aside, not removed."""

import errno
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, BinaryIO

from framework.errors import UserError
from framework.storage.files import next_free, storage
from framework.storage.reading import regular

log = logging.getLogger("whygrok")


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, where there is none. Raises StorageError."""
    with storage("making the folder", path):
        path.mkdir(parents=True, exist_ok=True)


def make_new_folder(path: Path) -> None:
    """Makes a folder, and raises FileExistsError where something of that name is there already. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir()


def is_under_its_name(file: IO, path: Path) -> bool:
    """Whether an open file is the one that others find under its name; it is not once somebody has removed or replaced it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_folder(entry: os.DirEntry) -> bool:
    """Whether an entry of a folder is one, or leads to one; a link that leads to itself does not, and raises nothing."""
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry.path))


def files_below(folder: Path) -> dict[Path, int]:
    """The files in and below a folder, ascending, and the size of each. Raises OSError for a link or a pipe, which could lead anywhere."""
    found, waiting = dict[Path, int](), [folder]
    while waiting:
        path = waiting.pop()
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            waiting += path.iterdir()
        elif stat.S_ISREG(status.st_mode):
            found[path] = status.st_size
        else:
            raise OSError(errno.ELOOP if stat.S_ISLNK(status.st_mode) else errno.EINVAL, "it is no file", str(path))
    return dict(sorted(found.items()))


def append_to(path: Path, mode: int = 0o666) -> BinaryIO:
    """A file opened so that what is written goes to its end; made where there is none. Raises OSError for a link, a folder or a pipe."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return open(regular(os.open(path, flags, mode), path), "ab")


def write_new(path: Path, content: str | bytes) -> None:
    """Writes a file that is not there yet. Raises OSError, FileExistsError where something of that name is there."""
    with open(path, "xb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def remove(path: Path) -> None:
    """Removes a file, a folder with all that is in it, or a link, of which only the link. Nothing there is no error. Raises OSError."""
    try:
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return
    shutil.rmtree(path) if is_folder else path.unlink(missing_ok=True)


def remove_file(path: Path) -> None:
    """Removes a file or a link. A folder of that name was not made here: it is set aside, which is said. Raises StorageError."""
    if path.is_dir() and not path.is_symlink():
        log.warning("%s is no file, and is now %s", path, set_aside(path, "damaged").name)
        return
    with storage("removing", path):
        path.unlink(missing_ok=True)


def remove_empty(path: Path) -> None:
    """Removes a folder in which nothing is. Raises OSError where something is, and for a link."""
    path.rmdir()


def move(path: Path, to: Path) -> None:
    """Renames a file, a folder or a link itself. Raises OSError."""
    os.rename(path, to)


def set_aside(path: Path, word: str) -> Path:
    """Renames `path` to `path.WORD`, or `path.WORD-2`, …; returns its new name. Raises StorageError."""
    aside = next_free(path.with_name(f"{path.name}.{word}"))
    with storage("setting aside", path):
        os.rename(path, aside)
    return aside


def copy_aside(path: Path, word: str) -> Path:
    """Copies a file to `path.WORD`, or `path.WORD-2`, …; returns the name of the copy. Raises StorageError."""
    aside = next_free(path.with_name(f"{path.name}.{word}"))
    with storage("copying", path):
        shutil.copy2(path, aside, follow_symlinks=False)
    return aside


def temporary_folder(prefix: str = "whygrok-", beside: str | None = None) -> AbstractContextManager[str]:
    """A new folder, removed afterwards. beside: the folder in which it is made; by default the system's own for such."""
    return tempfile.TemporaryDirectory(prefix=prefix, dir=beside)


def temporary_file() -> IO[bytes]:
    """A file without a name, gone when it is closed."""
    return tempfile.TemporaryFile()


def check_links(parts: Iterable[Path]) -> None:
    """Raises UserError where one of the parts of a folder is a symbolic link: whoever sent the folder could have us write elsewhere."""
    for part in parts:
        if part.is_symlink():
            raise UserError(
                f"{part} is a symbolic link to {os.readlink(part)}, and whygrok writes nothing outside of a run's folder: put what it "
                "leads to in its place. (A folder that you name as --workdir may itself be a link.)"
            )
