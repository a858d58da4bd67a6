"""Folders of the user's own, where XDG puts them."""

import os
from pathlib import Path


def at_home(path: str | Path) -> Path:
    """The path with ~ and ~NAME written out; where there is no such user it stays as it is, as in a shell."""
    return Path(os.path.expanduser(path))


def real_path(path: str | Path) -> Path:
    """The path without links, absolute, ~ written out. A link that leads to itself stays, for which Path.resolve would raise."""
    return Path(os.path.realpath(at_home(path)))


def user_folder(variable: str, below: str) -> Path | None:
    """The folder `whygrok` in the one that the variable names, else in that below the home folder; None without a home or for /dev/null.

    variable: XDG_CACHE_HOME or XDG_STATE_HOME; below: what it is by default, such as .cache.
    """
    base = Path(os.environ.get(variable, ""))
    if base == Path(os.devnull):  # whoever says so wants nothing kept
        return None
    if not base.is_absolute():
        try:
            home = Path.home()
        except RuntimeError:
            return None
        if not os.path.isdir(home):
            return None
        base = home / below
    return base / "whygrok"
