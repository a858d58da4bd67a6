"""What a config may do that somebody else has written: run the code of plugins, and send rows out of the folder of the run."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from framework import registry
from framework.errors import UserError, one_of
from framework.fields import declared_fields

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
    trust(DESTINATIONS, [where for field, where in _destinations(writers) if named is None or field in named])


def note_destinations(writers: Mapping[str, Any]) -> None:
    """Notes where rows would go because a file says so, which somebody else may have written."""
    _from_files.update(where for _, where in _destinations(writers))


def check_destinations(writers: Mapping[str, Any]) -> None:
    """Raises UserError, before a run trains, where its rows would go to a place that only a file has named; trusts all others."""
    from framework.storage import DESTINATIONS, trusted

    known = trusted(DESTINATIONS)
    for field, where in _destinations(writers):
        if where in _from_files - known:
            path, _, name = field.rpartition(".")
            said = shlex.quote(f"--config.{field}={writers[path.partition('.')[2]][name]}")
            raise UserError(
                f"{path} sends the rows of this run out of its folder ({where}), as a file says, and you have never asked for that on this "
                f"machine. If you want it, say so once: {said} (in Python: override(config, …)); to go without this writer: "
                f"--config.{path}.name=none"
            )
    trust_destinations(writers)


def _destinations(writers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(field of a writer, "mlflow tracking_uri=http://…") for each that has its rows leave the folder of the run."""
    for called, section in writers.items():
        cls = registry.lookup("writer", section["name"])
        defaults = {field.name: field.default for field in declared_fields(cls)}
        for name in getattr(cls, "leads_outside", ()):
            if name in section and section[name] != defaults[name]:
                yield f"writers.{called}.{name}", f"{section['name']} {name}={section[name]}"
