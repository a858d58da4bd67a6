"""Finds registered plugins by what a person types: a name, or a kind and a name."""

from framework import registry
from framework.cli.looking.listing import kind_of
from framework.errors import UserError, did_you_mean


def entries_called(kind: str, name: str | None) -> list[registry.Entry]:
    """The plugin of that kind and name; or, where there is only one word, all plugins with that name.

    Raises UserError naming the nearest one.
    """
    if name is not None:
        kind = kind_of(kind)
        registry.lookup(kind, name)
        return [entry for entry in registry.entries(kind) if entry.name == name]
    everything = [entry for one in registry.KINDS for entry in registry.entries(one)]
    found = [entry for entry in everything if entry.name == kind]
    if not found:
        raise UserError(f"no plugin is called {kind!r}.{did_you_mean(kind, (entry.name for entry in everything))}")
    return found
