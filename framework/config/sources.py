"""Where each value of a config comes from: the command line, what followed the colon, the file, or a default."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_collections import ConfigDict

from framework import registry
from framework.config.compose import ADDED
from framework.config.older import newer
from framework.config.tree import nodes


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

    changes: what the command line sets. file, arg: what stood before and after the colon of --config=. A value in the
    file that equals the default counts as the default.
    """
    swapped, changes = _swapped(arg), dict(newer(path, value) for path, value in changes.items())
    found = []
    for node in nodes(config):
        within = node.default is not None and registry.section_of(node.default) == node.section.to_dict()  # inside another, untouched
        if node.kind:
            path, name = f"{node.path}.name", node.section.name
            after_colon = any(node.path == one or node.path.startswith(f"{one}.") for one in swapped)
            source = "after the colon" if after_colon else "default" if within or (path, name) == ("penalty.name", "none") else file
            found.append(Sourced(path, name, "command line" if path in changes else source, "which plugin", ""))
        for path, value, declared in node.fields:
            source = "default" if within or value == declared.default else file
            found.append(Sourced(path, value, "command line" if path in changes else source, declared.help, declared.allowed))
    return found


def _swapped(arg: str) -> list[str]:
    """The sections named after the colon: "model=transformer,probes=norms+margins"."""
    sections = []
    for item in filter(None, arg.split(",")):
        kind, _, names = item.strip().partition("=")
        sections += [f"{kind}.{name}" for name in names.split("+")] if kind in ADDED else [kind]
    return sections
