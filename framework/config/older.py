"""Fields of older versions, read as the fields that have replaced them: a config, a run or a command from before then is still read."""

from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import ConfigDict

from framework.errors import UserError


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
