"""A config as a tree: which plugin or section of settings stands at which dotted path, and a table of that for notebooks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ml_collections import ConfigDict

from framework import registry
from framework.config.settings import SECTIONS, General
from framework.errors import UserError, quoted
from framework.fields import Declared, declared_fields, unknown_field
from framework.fields.shown import shown, table

PLUGIN_SECTIONS = ("task", "model", "optimizer", "penalty")
NAMED = {"probes": "probe", "interventions": "intervention", "writers": "writer"}  # any number of plugins, each with a name of its own


class Config(ConfigDict):
    """A whole config. In a notebook it is a table: a line for every plugin, and for settings that are not as they are by default."""

    def _repr_html_(self, title: str = "config") -> str:
        return table(title, ("section", "plugin", "fields that differ from their defaults"), _lines(self))


def checked_config(config: Any) -> ConfigDict:
    """What a function is given as a config. Raises UserError where it is none, such as the name of one."""
    if not isinstance(config, ConfigDict):
        raise UserError(
            f"a config is needed here, as experiment(…) or load_config('quickstart') of framework.config gives it; {quoted(config)} is none"
        )
    return config


@dataclass(frozen=True)
class Node:
    """A section: its dotted path, the kind of its plugin ("" for settings), the class whose fields it holds, and its default.

    default: the plugin that stands here by default in the one around it; None where there is none around it.
    """

    path: str
    kind: str
    cls: type
    section: Any
    default: Any = None

    @property
    def fields(self) -> Iterator[tuple[str, Any, Declared]]:
        """(dotted field, value, what is known about it) of every field that is not a section."""
        for declared in declared_fields(self.cls):
            if not declared.is_part:
                yield f"{self.path}.{declared.name}".lstrip("."), self.section[declared.name], declared


def nodes(config: ConfigDict | Mapping[str, Any]) -> Iterator[Node]:
    """Every section of a config, an outer plugin before those that it holds."""
    yield Node("", "", General, config)
    for kind in PLUGIN_SECTIONS:
        yield from _plugin_nodes(kind, kind, config[kind])
    for section, kind in NAMED.items():
        for name, plugin in config[section].items():
            yield from _plugin_nodes(f"{section}.{name}", kind, plugin)
    for name, cls in SECTIONS.items():
        yield Node(name, "", cls, config[name])


def node_at(config: ConfigDict, path: str, wanted: str = "") -> Node:
    """The section at a dotted path, in which the field `wanted` is meant.

    Raises UserError naming the nearest field, or the field that was mistaken for a section.
    """
    node = Node("", "", General, config)
    for here in _prefixes(path) if path else ():
        name = here.rpartition(".")[2]
        if name not in node.section:
            raise unknown_field(here, name, list(node.section))
        section = node.section[name]
        if not isinstance(section, ConfigDict | Mapping):
            raise UserError(f"{wanted or path}: {here} is a field, not a section: set it as {here}=…")
        kind = NAMED.get(node.path) or (registry.held(node.cls)[name] if node.kind else name if name in PLUGIN_SECTIONS else "")
        if kind and "name" not in section:
            raise UserError(f"{here}: name is missing: which {kind}?")
        node = Node(here, kind, registry.lookup(kind, section["name"]) if kind else SECTIONS.get(name, Fieldless), section)
    return node


def _lines(config: ConfigDict | Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for node in nodes(config):
        defaults = {declared.name: declared.default for declared in declared_fields(node.cls)}
        if node.default is not None and type(node.default) is node.cls:  # inside another plugin, which has defaults of its own for it
            defaults |= registry.section_of(node.default)
        values = {path.rpartition(".")[2]: value for path, value, _ in node.fields}
        said = ", ".join(f"{name} = {shown(value)}" for name, value in values.items() if value != defaults[name])
        if node.kind or said:
            yield node.path or "at the top", node.section["name"] if node.kind else "", said


def harmless_fields(config: ConfigDict | Mapping[str, Any]) -> set[str]:
    """Dotted fields that a resumed run may change: neither the trajectory nor the recorded rows depend on them."""
    return {path for node in nodes(config) for path, declared in _settings(node) if declared is None or declared.harmless}


def _settings(node: Node) -> Iterator[tuple[str, Declared | None]]:
    """(dotted field, what is known about it) of a section, None for those of a writer, and for its name: it only tells of the run."""
    if node.kind == "writer":
        yield f"{node.path}.name", None
    yield from ((path, None if node.kind == "writer" else declared) for path, _, declared in node.fields)


def strangers(config: ConfigDict | Mapping[str, Any]) -> list[str]:
    """The modules and files of those plugins of a config that are not ours."""
    classes = {node.cls for node in nodes(config) if node.kind and not node.cls.__module__.startswith("plugins.")}
    return sorted({registry.source_of(cls) for cls in classes})


@dataclass(frozen=True)
class Fieldless:
    """The fields of a section such as `probes`: it has none, only probes."""


def _plugin_nodes(path: str, kind: str, section: Any, default: Any = None) -> Iterator[Node]:
    cls = registry.lookup(kind, section["name"])
    yield Node(path, kind, cls, section, default)
    for declared in declared_fields(cls):
        if declared.is_part:
            inner = registry.interface_of(declared.type)
            yield from _plugin_nodes(f"{path}.{declared.name}", inner, section[declared.name], declared.default)


def _prefixes(path: str) -> Iterator[str]:
    parts = path.split(".")
    yield from (".".join(parts[: count + 1]) for count in range(len(parts)))
