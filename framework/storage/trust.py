"""Whose code may run: the plugins that this user has named, remembered outside of the folders of runs, which may be a stranger's."""

import contextlib
import logging
import os
from collections.abc import Iterable

from framework.storage.home import user_folder
from framework.storage.programs import refusal

log = logging.getLogger("whygrok")

VARIABLE = "WHYGROK_TRUSTED"  # what this process trusts, for the processes that it starts; where there is no home it is all there is
NAME = "trusted_plugins"  # a path or a module per line


def trusted() -> set[str]:
    """The plugins, as absolute paths or names of modules, that this user has named before."""
    known = set(os.environ.get(VARIABLE, "").split("\n"))
    with contextlib.suppress(OSError):  # a home that is missing, or that may not be entered
        if (folder := user_folder("XDG_STATE_HOME", ".local/state")) is not None and folder.exists() and not refusal(folder):
            known |= set((folder / NAME).read_text(encoding="utf-8", errors="replace").split("\n"))
    return known - {""}


def trust(plugins: Iterable[str]) -> None:
    """Remembers plugins that the user has named: for ever where there is a home folder, else for this process and those it starts."""
    new = sorted(name for name in set(plugins) - trusted() if "\n" not in name)
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
        file = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.write(file, "".join(f"{name}\n" for name in new).encode())
        finally:
            os.close(file)
    except OSError as error:
        log.warning("the plugins that you name are remembered in this process only: %s", error)
