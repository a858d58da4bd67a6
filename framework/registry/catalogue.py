"""What plugins are called: read from the source of the built-in ones wherever that says it, so that a list does not wait for JAX.

Nothing is kept: the source is read anew each time, so a list cannot be out of date.
"""

import ast
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass

from framework import registry


@dataclass(frozen=True)
class Listed:
    """A plugin as lists show it. summary: the first line of its docstring. source: where it is defined."""

    kind: str
    name: str
    summary: str
    source: str


class Unreadable(Exception):
    """The source does not say what a module registers."""


def listed(kinds: Iterable[str]) -> list[Listed]:
    """All plugins of these kinds, each kind by name. They are imported only where reading would not find all of them."""
    kinds = list(kinds)
    if not registry.has_imported() and not registry.installed_plugins():
        try:
            return [plugin for kind in kinds for plugin in built_in(kind)]
        except Unreadable:
            pass
    return [Listed(kind, entry.name, entry.summary, entry.source) for kind in kinds for entry in registry.entries(kind)]


def names(kind: str) -> list[str]:
    """The names of all plugins of a kind."""
    return [plugin.name for plugin in listed([kind])]


def built_in(kind: str) -> list[Listed]:
    """The built-in plugins of a kind, from the source of their modules; each lies in the folder of its kind.

    Raises Unreadable where the source does not say them.
    """
    found = {plugin.name: plugin for module in registry.built_in_modules(kind) for plugin in _registered(kind, module)}
    return [found[name] for name in sorted(found)]


def _registered(kind: str, module: str) -> list[Listed]:
    """The classes of a module that have @register("name") as their first decorator.

    Raises Unreadable for a module that registers, or may register, in any other way.
    """
    spec = importlib.util.find_spec(module)
    source = spec.loader.get_source(module) if spec and spec.loader else None  # type: ignore[attr-defined]
    try:
        body = ast.parse(source or "").body
    except SyntaxError:
        raise Unreadable(module) from None  # importing it says which line it is
    found = []
    for node in body:
        match node:
            case ast.ClassDef(decorator_list=[ast.Call(func=ast.Name("register"), args=[ast.Constant(str(name))]), *_]):
                found.append(Listed(kind, name, (ast.get_docstring(node) or "").partition("\n")[0], module))
    is_package = bool(spec and spec.submodule_search_locations)
    if len(found) != (source or "").count("register(") or not (found or is_package):
        raise Unreadable(module)
    return found
