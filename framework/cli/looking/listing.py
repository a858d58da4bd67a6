"""whygrok list: what is registered, and which configs ship."""

import dataclasses
import json
from collections.abc import Sequence

from framework import registry
from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import parse_with_config
from framework.cli.plugins import kind_of, load_plugins
from framework.cli.tables import aligned
from framework.config import shipped_configs
from framework.registry import catalogue

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
        answer(json.dumps(rows, indent=2))
    else:
        answer("".join(f"{line}\n" for line in aligned([[row["kind"], row["name"], row["summary"]] for row in rows])), end="")
    return 0


def _rows(kind: str | None) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    if kind in ("config", "configs", None):
        configs = shipped_configs()
        rows += [{"kind": "config", "name": c.name, "summary": c.summary, "source": f"configs/{c.name}.py"} for c in configs]
    if kind in ("config", "configs"):
        return rows
    plugins = catalogue.listed(registry.KINDS if kind is None else [kind_of(kind)])
    return rows + [dataclasses.asdict(plugin) for plugin in plugins]
