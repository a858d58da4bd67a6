"""whygrok list: what is registered, and which configs ship."""

import json
from collections.abc import Sequence

from framework import registry
from framework.cli import Parser
from framework.cli.overrides import parse_with_config
from framework.cli.tables import aligned
from framework.config import load_config, plugin_list, shipped_configs
from framework.errors import UserError, did_you_mean, one_of

EXAMPLES = """\
  whygrok list                                       everything
  whygrok list probes                                one kind
  whygrok list configs                               configs that ship
  whygrok list probes --config.plugins=my_probe.py   with a file of your own
"""


def main(arguments: Sequence[str]) -> int:
    """Prints kind, name and summary, one plugin or config per line."""
    parser = Parser("list", EXAMPLES)
    parser.add_argument("kind", nargs="?", help="what to list, such as tasks, probes or configs; by default everything")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options, changes = parse_with_config(parser, arguments)
    load_plugins(options.config, changes)
    rows = list(_rows(options.kind))
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        print("".join(f"{line}\n" for line in aligned([[row["kind"], row["name"], row["summary"]] for row in rows])), end="")
    return 0


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


def _rows(kind: str | None) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    if kind in ("config", "configs", None):
        configs = shipped_configs()
        rows += [{"kind": "config", "name": c.name, "summary": c.summary, "source": f"configs/{c.name}.py"} for c in configs]
    if kind in ("config", "configs"):
        return rows
    for one in registry.KINDS if kind is None else [kind_of(kind)]:
        entries = registry.entries(one)
        rows += [{"kind": one, "name": e.name, "summary": e.summary, "source": e.source} for e in entries]
    return rows
