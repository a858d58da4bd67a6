"""A pytest helper: one test for each plugin that is registered."""

from collections.abc import Callable, Mapping
from typing import Any

from framework import registry
from framework.errors import UserError
from framework.interfaces import Plugin


def registered(kind: str | None = None, package: str = "", **fields: Mapping[str, Any]) -> dict[str, Plugin]:
    """'kind name' → a plugin object, for all registered plugins, of one kind or from one package.

    fields: name → the fields to make it with, for those whose defaults are large or that need a file.
    """
    found = {}
    for one in registry.KINDS if kind is None else [kind]:
        for entry in registry.entries(one):
            if f"{entry.cls.__module__}.".startswith(f"{package}." if package else ""):
                found[f"{one} {entry.name}"] = registry.build(one, entry.name, **fields.get(entry.name, {}))
    return found


def every_plugin(kind: str | None = None, package: str = "", **fields: Mapping[str, Any]) -> Callable[[Any], Any]:
    """A decorator: runs a test with the argument `plugin` once for each registered plugin.

    @every_plugin(package="my_package")
    def test_it_keeps_its_promises(plugin):
        check(plugin)
    """
    import pytest

    plugins = registered(kind, package, **fields)
    if not plugins:  # else pytest would skip the test without a word
        where = f" from the package {package!r}: is it installed (pip install -e .)?" if package else ""
        raise UserError(f"no {kind or 'plugin'} is registered{where}")
    return pytest.mark.parametrize("plugin", plugins.values(), ids=list(plugins))
