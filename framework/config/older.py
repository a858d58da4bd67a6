"""What stored configs say that is not so any more: fields of older versions, and writers that are lost."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from framework import registry
from framework.errors import UserError

log = logging.getLogger("whygrok")


def _every(steps: Any) -> str:
    """The schedule that "at multiples of so many steps, 0 for never" was."""
    try:
        never = float(steps) == 0
    except (TypeError, ValueError):  # the schedule is refused where it is read, which shows what was given
        never = False
    return "last" if never else f"every {steps}"


ANSWERS = {"true": "tensorboard", "1": "tensorboard", "yes": "tensorboard", "false": "none", "0": "none", "no": "none"}


def _writer(on: Any) -> str:
    """The name of the writer that "write TensorBoard events" was, "none" for no; what is neither is refused where it is read."""
    return ANSWERS.get(str(on).lower(), str(on))


REPLACED: dict[str, tuple[str, Callable[[Any], Any]]] = {  # dotted field → (its new name, what its value is now)
    "checkpoint.keep_every": ("checkpoint.keep_at", _every),
    "task.loss": ("task.loss.name", str),
    "recording.tensorboard": ("writers.tensorboard.name", _writer),
}


def newer(path: str, value: Any) -> tuple[str, Any]:
    """(dotted field, value) as they are written now."""
    if path not in REPLACED or isinstance(value, Mapping | ConfigDict):
        return path, value
    name, convert = REPLACED[path]
    return name, convert(value)


def newer_section(path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a section as they are written now. Raises UserError where one is given under both its names."""
    made: dict[str, Any] = {}
    for name, value in fields.items():
        section, _, now = newer(f"{path}.{name}", value)[0].rpartition(".")
        if section != path:  # see `newer_writers`
            made[name] = value
            continue
        value = newer(f"{path}.{name}", value)[1]
        if now != name and now in fields:
            raise UserError(f"{path}.{name} is what {path}.{now} was called before: give {path}.{now} alone")
        made[now] = value
    return made


def newer_writers(recording: dict[str, Any], writers: dict[str, Any]) -> dict[str, Any]:
    """The writers as they are written now: what the section `recording` said of TensorBoard is taken out of it."""
    if "tensorboard" not in recording:
        return writers
    name = _writer(recording.pop("tensorboard"))
    others = {called: writer for called, writer in writers.items() if called != "tensorboard"}
    return others if name == "none" else {"tensorboard": {"name": name}} | writers


def was_older(path: str) -> bool:
    """Whether this field has replaced an older one."""
    return path in {name for name, _ in REPLACED.values()}


def without_lost_writers(plain: dict[str, Any]) -> dict[str, Any]:
    """A stored config without the writers whose plugins are gone, and then without the files of plugins that are gone.

    A writer changes no bit of a run, so that a run can go on without it; a warning says so.
    """
    writers = plain.get("writers")
    if not isinstance(writers, Mapping) or not all(isinstance(one, Mapping) for one in writers.values()):
        return plain
    there = [name for name in plain["plugins"] if not name.endswith(".py") or Path(name).is_file()]
    for name in there:
        registry.load_plugin(name)
    known = {entry.name for entry in registry.entries("writer")}
    lost = [name for name, section in writers.items() if section.get("name") not in known]
    if not lost:
        return plain
    for name in lost:
        log.warning("writers.%s: the plugin %s is gone, and the run goes on without this writer", name, writers[name].get("name"))
    kept = {name: section for name, section in writers.items() if name not in lost}
    return {**plain, "writers": kept, "plugins": there}
