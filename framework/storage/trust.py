"""Whose code may run: the plugins that this user has named, remembered outside of the folders of runs, which may be a stranger's."""

import contextlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from framework.errors import StorageError
from framework.storage.folders import append_to, set_aside
from framework.storage.home import user_folder
from framework.storage.programs import refusal
from framework.storage.reading import MOST_BYTES, read_text

log = logging.getLogger("whygrok")

VARIABLE = "WHYGROK_TRUSTED"  # what this process trusts, for the processes that it starts; where there is no home it is all there is
NAME = "trusted_plugins"  # a path or a module per line


def trusted() -> set[str]:
    """The plugins, as absolute paths or names of modules, that this user has named before."""
    known = set(os.environ.get(VARIABLE, "").split("\n"))
    with contextlib.suppress(OSError):  # a home that is missing, or that may not be entered
        if (folder := user_folder("XDG_STATE_HOME", ".local/state")) is not None and folder.exists() and not refusal(folder):
            known |= set(read_text(folder / NAME, errors="surrogateescape").split("\n"))
    return known - {""}


def trust(plugins: Iterable[str]) -> None:
    """Remembers plugins that the user has named: for ever where there is a home folder, else for this process and those it starts."""
    new = sorted(name for name in set(plugins) - trusted() if _can_be_kept(name))
    if not new:
        return
    os.environ[VARIABLE] = "\n".join([*os.environ.get(VARIABLE, "").split("\n"), *new]).strip("\n")
    try:
        folder = user_folder("XDG_STATE_HOME", ".local/state")
        if folder is None:
            return
        if why := refusal(folder):  # which makes it
            log.warning("the plugins that you name are remembered in this process only: %s: %s", folder, why)
            return
        if _claims_too_much(folder / NAME):  # what is appended would be read by nobody
            log.warning("%s is too large to be a record of plugins, and is now %s", folder / NAME, set_aside(folder / NAME, "damaged").name)
        with append_to(folder / NAME, 0o600) as file:  # a line break first: the last line may have been cut
            file.write(b"".join(b"\n" + os.fsencode(name) for name in new) + b"\n")
    except (OSError, StorageError) as error:
        log.warning("the plugins that you name are remembered in this process only: %s", error)


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
