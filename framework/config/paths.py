"""Finds the plugin files that a config names: their paths are relative to that config."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from framework.storage import at_home, real_path

_folder: ContextVar[Path | None] = ContextVar("folder of the config being read", default=None)


@contextlib.contextmanager
def relative_to(folder: Path) -> Iterator[None]:
    """While a config file is read, relative plugin files are looked up in its folder."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def resolve_plugin(name: str) -> str:
    """An absolute path for a file (its name ends in .py), the name itself for a module."""
    if not name.endswith(".py"):
        return name
    beside = (_folder.get() or Path.cwd()) / at_home(name)
    return str(real_path(beside))
