"""The files with which a folder was written: size and checksum of each, noted beside them, and compared with what is there now."""

import os
from collections.abc import Mapping
from pathlib import Path

from framework.storage.files import IN_THE_WAY
from framework.storage.folders import files_below
from framework.storage.reading import MOST_BYTES, digest


def sizes_below(folder: Path) -> dict[str, int]:
    """Bytes of each file below a folder, by its path from where the folder is. Raises OSError for a link or a pipe among them."""
    return {str(file.relative_to(folder.parent)): size for file, size in files_below(folder).items()}


def checksums_below(folder: Path, but: tuple[str, ...] = ()) -> dict[str, str]:
    """SHA-256 of each file below a folder, by the same paths. but: names of files that are left out. Raises OSError."""
    return {name: digest(folder.parent / name) for name in sizes_below(folder) if Path(name).name not in but}


def difference(folder: Path, checksums: Mapping[str, str], sizes: Mapping[str, int]) -> str:
    """What is not as it was noted, in words; empty where nothing is. sizes: an older note has none.

    Names and sizes are compared first, so that nothing is read of what leads elsewhere or claims any size.
    """
    try:
        found = sizes_below(folder)
        if missing := next((name for name in checksums if name not in found), None):
            return f"{missing} is missing"
        for name, size in found.items():
            if size != sizes.get(name, size) or (name not in checksums and size > MOST_BYTES):
                return f"{name} is not what was written"
        changed = (name for name, checksum in checksums.items() if digest(folder.parent / name) != checksum)
        return next((f"{name} is not what was written" for name in changed), "")
    except OSError as error:
        if error.errno not in IN_THE_WAY and not isinstance(error, FileNotFoundError):
            raise
        name = os.path.relpath(error.filename or folder, folder.parent)
        return f"{name} {'is missing' if isinstance(error, FileNotFoundError) else 'is no file or folder, or a link'}"
