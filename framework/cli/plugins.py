"""Plugins that a person names: loaded from files, and found by kind and name."""

from framework import registry
from framework.config import load_config, plugin_list
from framework.errors import UserError, did_you_mean, one_of


def load_plugins(config: str | None, changes: dict[str, str]) -> None:
    """Imports the plugins that a config, or --config.plugins alone, names."""
    if config:
        load_config(config, changes)
    elif unknown := sorted(changes.keys() - {"plugins"}):
        raise UserError(f"--config.{unknown[0]} needs a --config")
    else:
        for plugin in plugin_list(changes.get("plugins", ())):
            registry.load_plugin(plugin)


def kind_of(word: str) -> str:
    """'probe' from 'probes' or 'probe'. Raises UserError naming the nearest one."""
    for kind, plural in registry.PLURALS.items():
        if word in (kind, plural):
            return kind
    known = [*registry.PLURALS.values(), "configs"]
    raise UserError(f"there is no plugin kind {word!r}.{did_you_mean(word, known)} Kinds: {one_of(known)}.")


def entries_called(kind: str, name: str | None) -> list[registry.Entry]:
    """The plugin of that kind and name; or, where there is no name, all that are called as the first word says.

    Raises UserError naming the nearest.
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
