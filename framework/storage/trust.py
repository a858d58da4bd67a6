"""What this user has named, remembered outside of the folders of runs, which may be a stranger's: plugins, and where rows may go."""

import contextlib
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from framework.errors import StorageError
from framework.storage.folders import append_to, set_aside
from framework.storage.home import user_folder
from framework.storage.programs import refusal
from framework.storage.reading import MOST_BYTES, read_text

log = logging.getLogger("whygrok")


@dataclass(frozen=True)
class Record:
    """What is remembered of one kind.

    name: of the file in the user's home, with a line for each. variable: holds what this process trusts, for the processes that it
    starts; where there is no home it is all there is. what: for a warning.
    """

    name: str
    variable: str
    what: str


PLUGINS = Record("trusted_plugins", "WHYGROK_TRUSTED", "the plugins that you name are")  # absolute paths and names of modules
DESTINATIONS = Record(
    "trusted_destinations", "WHYGROK_TRUSTED_DESTINATIONS", "where you send rows is"
)  # digests: an address may hold a password


def trusted(record: Record) -> set[str]:
    """What this user has named before."""
    known = set(os.environ.get(record.variable, "").split("\n"))
    with contextlib.suppress(OSError):  # a home that is missing, or that may not be entered
        if (folder := user_folder("XDG_STATE_HOME", ".local/state")) is not None and folder.exists() and not refusal(folder):
            known |= set(read_text(folder / record.name, errors="surrogateescape").split("\n"))
    return known - {""}


def trust(record: Record, names: Iterable[str]) -> None:
    """Remembers what the user has named: for ever where there is a home folder, else for this process and those it starts."""
    new = sorted(name for name in set(names) - trusted(record) if _can_be_kept(name))
    if not new:
        return
    os.environ[record.variable] = "\n".join([*os.environ.get(record.variable, "").split("\n"), *new]).strip("\n")
    try:
        folder = user_folder("XDG_STATE_HOME", ".local/state")
        if folder is None:
            return
        if why := refusal(folder):  # which makes it
            log.warning("%s remembered in this process only: %s: %s", record.what, folder, why)
            return
        if _claims_too_much(file := folder / record.name):  # what is appended would be read by nobody
            log.warning("%s is too large to be a record, and is now %s", file, set_aside(file, "damaged").name)
        with append_to(file, 0o600) as kept:  # a line break first: the last line may have been cut
            kept.write(b"".join(b"\n" + os.fsencode(name) for name in new) + b"\n")
    except (OSError, StorageError) as error:
        log.warning("%s remembered in this process only: %s", record.what, error)


def _claims_too_much(record: Path) -> bool:
    try:
        return os.lstat(record).st_size > MOST_BYTES
    except OSError:
        return False


def _can_be_kept(name: str) -> bool:
    """Whether a name can stand on a line of a file, and in a variable of the environment."""
    try:
        return not {b"\n"[0], 0} & {*os.fsencode(name)}
    except UnicodeEncodeError:
        return False
