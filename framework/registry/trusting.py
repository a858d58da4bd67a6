"""What a config may do that somebody else has written: run the code of plugins, and send rows out of the folder of the run."""

import hashlib
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from framework import registry
from framework.errors import UserError, one_of
from framework.fields import make

_from_files: set[str] = set()  # where rows would go because a file says so that this user has not been asked about


def trust_plugins(plugins: Iterable[str]) -> None:
    """Remembers plugins that the user has named."""
    from framework.storage import PLUGINS, trust  # here: who only asks for help does not wait for NumPy

    trust(PLUGINS, plugins)


def check_plugins(asked: Iterable[str], file: Any) -> None:
    """Raises UserError for plugins, resolved, whose code would run because a file says so, which somebody else may have written."""
    from framework.storage import PLUGINS, trusted

    if unknown := sorted({*asked} - trusted(PLUGINS)):
        raise UserError(
            f"{file} asks for the code of {one_of(unknown)}, which you have not used on this machine yet. If you trust it, say so once: "
            f"--config.plugins={shlex.quote(','.join(unknown))} (in Python: load_run(…, plugins=…))"
        )


def trust_destinations(writers: Mapping[str, Any], fields: Iterable[str] | None = None) -> None:
    """Remembers where rows go out of the folders of runs because the user says so. fields: those that the user named, or all."""
    from framework.storage import DESTINATIONS, trust

    named = None if fields is None else {*fields}
    if keys := [one.key for one in _destinations(writers) if named is None or named & {*one.fields}]:
        trust(DESTINATIONS, keys)


def note_destinations(writers: Mapping[str, Any]) -> None:
    """Notes where rows would go because a file says so, which somebody else may have written."""
    _from_files.update(one.key for one in _destinations(writers))


def check_destinations(writers: Mapping[str, Any]) -> None:
    """Raises UserError, before a run trains, where its rows would go to a place that only a file has named; trusts all others."""
    from framework.storage import DESTINATIONS, trusted

    for one in _destinations(writers):
        if one.key in _from_files and one.key not in trusted(DESTINATIONS):
            raise UserError(
                f"{one.path} sends the rows of this run out of its folder, to {one.where}, as a file says, and you have never asked "
                f"for that on this machine. If you want it, say so once: {one.said} (in Python: override(config, …)); to go without this "
                f"writer: --config.{one.path}.name=none"
            )
    trust_destinations(writers)


@dataclass(frozen=True)
class _Destination:
    """Where the rows of one writer go. path: of the writer in a config; fields: of the config, any of which says it."""

    path: str
    fields: tuple[str, ...]
    where: str  # without a password
    said: str  # the option by which a user says it
    key: str  # by which it is remembered: it may hold a password, so that only a digest of it is kept


def _destinations(writers: Mapping[str, Any]) -> Iterator[_Destination]:
    """Of each writer that has its rows leave the folder of the run. What a wrong field means is said where the config is checked."""
    for called, section in writers.items():
        cls = registry.lookup("writer", section["name"])
        if not getattr(cls, "leads_outside", ()):
            continue
        try:
            where = make(cls, {name: value for name, value in section.items() if name != "name"}, f"writers.{called}").destination()
        except UserError:
            continue
        if where:
            path, field = f"writers.{called}", cls.leads_outside[0]  # type: ignore[attr-defined]
            said = shlex.quote(f"--config.{path}.{field}={_without_password(str(section[field]))}")
            fields = tuple(f"{path}.{name}" for name in cls.leads_outside) + (f"{path}.name", path)  # type: ignore[attr-defined]
            key = hashlib.sha256(f"{section['name']} {where}".encode()).hexdigest()
            yield _Destination(path, fields, _without_password(where), said, key)


def _without_password(where: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", where)
