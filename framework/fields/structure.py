"""What of a plugin is structure and what is a number in its arithmetic: plugins of one structure share compiled programs."""

import enum
import functools
import os
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from framework.fields.code import code_of, is_plain
from framework.fields.declare import Fields, declared_fields


@dataclass(frozen=True)
class Structure:
    """A plugin without its numbers. Hashable; plugins whose structures are equal differ in numbers only."""

    cls: type
    code: Hashable  # of its methods
    fields: tuple[tuple[str, Any], ...]  # by name: a value, the structure of the plugin inside, or PassedIn.NUMBER
    files: tuple[tuple[str, int, int], ...]  # those that fields name, when they were changed, and how long they are
    attributes: tuple[tuple[str, Any], ...]  # what else its instances hold, as what __post_init__ makes of fields


class PassedIn(enum.Enum):
    """Stands in a structure where a number is passed in."""

    NUMBER = enum.auto()


def structure_of(plugin: Fields) -> Structure:
    """The structure of a plugin and of the plugins inside it."""
    found: list[tuple[str, Any]] = []
    for declared in declared_fields(type(plugin)):
        value = getattr(plugin, declared.name)
        part = structure_of(value) if declared.is_part else PassedIn.NUMBER if declared.is_number(value) else value
        found.append((declared.name, part))
    files = [value for _, value in found if isinstance(value, str) and os.path.isfile(value)]
    stamps = [(file, os.stat(file).st_mtime_ns, os.stat(file).st_size) for file in files]  # one process may see two versions of a file
    return Structure(type(plugin), code_of(type(plugin)), tuple(found), tuple(stamps), tuple(_attributes(plugin, dict(found))))


@dataclass(frozen=True, eq=False)
class Same:
    """A value that equals nothing but itself, such as an array."""

    value: Any


def _attributes(plugin: Fields, fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What an instance holds beside its fields. Cached properties are left out: they are computed anew."""
    for name, value in vars(plugin).items():
        if name not in fields and not isinstance(getattr(type(plugin), name, None), functools.cached_property):
            yield name, value if is_plain(value) else Same(value)


def numbers_of(plugin: Fields) -> dict[str, float]:
    """The numbers of a plugin and of the plugins inside it, by dotted field."""
    return dict(_numbers(plugin))


def with_numbers(structure: Structure, numbers: Mapping[str, Any], path: str = "") -> Any:
    """The plugin of a structure with these numbers, which may be traced: no field is checked, and nothing is converted."""
    plugin: Any = object.__new__(structure.cls)
    for name, part in structure.fields:
        here = f"{path}{name}"
        inside = with_numbers(part, numbers, f"{here}.") if isinstance(part, Structure) else part
        object.__setattr__(plugin, name, numbers[here] if part is PassedIn.NUMBER else inside)
    for name, value in structure.attributes:
        object.__setattr__(plugin, name, value.value if isinstance(value, Same) else value)
    return plugin


def _numbers(plugin: Fields) -> Iterator[tuple[str, float]]:
    for declared in declared_fields(type(plugin)):
        value = getattr(plugin, declared.name)
        if declared.is_part:
            yield from ((f"{declared.name}.{name}", number) for name, number in _numbers(value))
        elif declared.is_number(value):
            yield declared.name, value
