"""Short names: fields without what is clear, and runs by what they differ in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from framework.config import SECTIONS, General, word_of
from framework.fields import declared_fields

MOST = 5  # fields in a name that is read at a glance


def short_fields(fields: Iterable[str]) -> dict[str, str]:
    """Dotted field → its shortest ending that no other of them has: learning_rate; optimizer for optimizer.name."""
    parts = {name: (name.removesuffix(".name") or name).split(".") for name in fields}
    return {name: ".".join(_ending(own, [other for key, other in parts.items() if key != name])) for name, own in parts.items()}


def differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The fields that have more than one value among the runs that have them, in the order in which they occur."""
    values: dict[str, Any] = {}
    found: dict[str, None] = {}
    for one in settings:
        for name, value in one.items():
            if name not in values:
                values[name] = value
            elif name not in found and value != values[name]:
                found[name] = None
    return [name for name in values if name in found]


def names_by_difference(settings: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> list[str] | None:
    """'learning_rate=0.1,seed=0' for each run; None where that would not tell them apart at a glance.

    settings: field → value, of each run. fields: those in which they differ. What is of no consequence for what is trained, such as
    recording.plot, is left out.
    """
    harmless = unnamed()
    fields = [name for name in fields if name not in harmless]
    if len(fields) > MOST or any(isinstance(one.get(name), Mapping) for one in settings for name in fields):
        return None
    short = short_fields(fields)
    names = [",".join(f"{short[name]}={word_of(one[name])}" for name in fields if one.get(name) is not None) for one in settings]
    return names if all(names) and len(set(names)) == len(names) else None


def _ending(own: Sequence[str], others: Sequence[Sequence[str]]) -> Sequence[str]:
    endings = (own[-count:] for count in range(1, len(own)))
    return next((ending for ending in endings if all(other[-len(ending) :] != ending for other in others)), own)


def unnamed() -> set[str]:
    """Fields of the settings that change neither what is trained nor what is recorded; those of plugins would need their classes."""
    sections = {"": General, **{f"{name}.": cls for name, cls in SECTIONS.items()}}
    return {path + declared.name for path, cls in sections.items() for declared in declared_fields(cls) if declared.harmless}
