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


REPLACED: dict[str, tuple[str, Callable[[Any], Any]]] = {  # dotted field → (its new name, what its value is now)
    "checkpoint.keep_every": ("checkpoint.keep_at", _every),
    "task.loss": ("task.loss.name", str),
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
        now, value = newer(f"{path}.{name}", value)
        now = now.rpartition(".")[2]
        if now != name and now in fields:
            raise UserError(f"{path}.{name} is what {path}.{now} was called before: give {path}.{now} alone")
        made[now] = value
    return made
