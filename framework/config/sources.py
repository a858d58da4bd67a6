"""Where each value of a config comes from: the command line, what followed the colon, the file, or a default."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ml_collections import ConfigDict

from framework import registry
from framework.config import PLUGIN_SECTIONS
from framework.config.settings import SECTIONS, General
from framework.fields import Declared, declared_fields


@dataclass(frozen=True)
class Sourced:
    """A field: its dotted name, value, where the value is from, what the field means and allows."""

    field: str
    value: Any
    source: str
    help: str
    allowed: str


def sourced(config: ConfigDict, changes: Mapping[str, str], file: str, arg: str) -> list[Sourced]:
    """Every field of a config with its source.

    changes: what the command line sets. file, arg: what stood before and after the colon of --config=. A value that the
    file gives, and that is the default too, counts as the default.
    """
    swapped = _swapped(arg)
    found = []
    for path, value, declared in walk(config):
        section, _, name = path.rpartition(".")
        is_default = value == declared.default if declared else (path, value) == ("penalty.name", "none")
        if path in changes:
            source = "command line"
        elif name == "name" and any(section == one or section.startswith(f"{one}.") for one in swapped):
            source = "after the colon"
        else:
            source = "default" if is_default or _within_a_default(config, section) else file
        found.append(Sourced(path, value, source, declared.help if declared else "which plugin", declared.allowed if declared else ""))
    return found


def walk(config: ConfigDict) -> Iterator[tuple[str, Any, Declared | None]]:
    """(dotted field, value, what is known of it) of every field; the name of a plugin is no declared field: None."""
    yield from _walk_section("", config, General)
    for kind in PLUGIN_SECTIONS:
        yield from _walk_plugin(kind, config[kind], kind)
    for name, section in config.probes.items():
        yield from _walk_plugin(f"probes.{name}", section, "probe")
    for name, cls in SECTIONS.items():
        yield from _walk_section(f"{name}.", config[name], cls)


def _walk_section(prefix: str, section: ConfigDict, cls: type) -> Iterator[tuple[str, Any, Declared]]:
    for declared in declared_fields(cls):
        yield prefix + declared.name, section[declared.name], declared


def _walk_plugin(path: str, section: ConfigDict, kind: str) -> Iterator[tuple[str, Any, Declared | None]]:
    yield f"{path}.name", section.name, None
    cls = registry.lookup(kind, section.name)
    for declared in declared_fields(cls):
        if declared.is_part:
            yield from _walk_plugin(f"{path}.{declared.name}", section[declared.name], registry.interface_of(declared.type))
        else:
            yield f"{path}.{declared.name}", section[declared.name], declared


def _swapped(arg: str) -> list[str]:
    """The sections that what followed the colon names: "model=transformer,probes=norms+margins"."""
    sections = []
    for item in filter(None, arg.split(",")):
        kind, _, names = item.strip().partition("=")
        sections += [f"probes.{name}" for name in names.split("+")] if kind == "probes" else [kind]
    return sections


def _within_a_default(config: ConfigDict, section: str) -> bool:
    """Whether a plugin inside another is, with all its fields, the one that the outer plugin holds by default."""
    outer, _, field = section.rpartition(".")
    if not outer or outer == "probes":
        return False
    holder: Any = config
    for part in outer.split("."):
        holder = holder[part]
    kind = "probe" if outer.startswith("probes.") else outer.partition(".")[0]
    declared = next(d for d in declared_fields(registry.lookup(kind, holder.name)) if d.name == field)
    return registry.section_of(declared.default) == holder[field].to_dict()
