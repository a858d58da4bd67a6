"""whygrok check: does a plugin keep the promises of its kind?"""

import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from framework import registry
from framework.cli import Parser
from framework.cli.answers import answer, text_width
from framework.cli.overrides import parse_with_config
from framework.cli.plugins import entries_called, load_plugins
from framework.config import load_config, plugin_list
from framework.errors import UserError
from framework.fields import fields_of

if TYPE_CHECKING:
    from framework.testing import Finding

EXAMPLES = """\
  whygrok check my_probe.py                            every plugin that the file registers
  whygrok check modular_addition p=7 k=3               a registered one, with fields
  whygrok check my_probe.py --config=paper/regression  with the task and the network of that experiment
"""


def main(arguments: Sequence[str]) -> int:
    """Prints whether each promise is kept; returns 0 when all are and 2 otherwise."""
    parser = Parser("check", EXAMPLES)
    parser.add_argument("plugin", help="a file or a name; KIND/NAME, such as probe/norms, where two kinds share a name")
    parser.add_argument("fields", nargs="*", default=[], metavar="FIELD=VALUE", help="fields of the plugin that differ from their defaults")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options, changes = parse_with_config(parser, arguments)
    from framework.run import start_backend  # after the arguments are read: JAX is not imported for --help
    from framework.testing import findings
    from framework.training import Experiment

    start_backend()
    around = Experiment.from_config(load_config(options.config, changes)) if options.config else None
    if around is None:
        load_plugins(None, changes)
    looked_at = []
    for entry in _entries(options.plugin):
        plugin = registry.build(entry.kind, entry.name, **fields_of(options.fields))
        looked_at.append((entry, findings(plugin, around)))
        if not options.json:
            answer(_text(*looked_at[-1]))
    if options.json:
        answer(json.dumps([_row(*one) for one in looked_at], indent=2))
    return 0 if all(finding.broken is None for _, found in looked_at for finding in found) else 2


def _entries(plugin: str) -> list[registry.Entry]:
    """The plugins that a file registers, or the one with that name."""
    if not plugin.endswith(".py"):
        kind, slash, name = plugin.partition("/")
        return entries_called(kind, name if slash else None)
    file = plugin_list((plugin,))[0]
    registry.load_plugin(file)
    if file in registry.failures():
        raise UserError(f"{plugin} cannot be imported: {registry.failures()[file]}")
    there = [entry for kind in registry.KINDS for entry in registry.entries(kind) if entry.source == file]
    if not there:
        raise UserError(f'{plugin} registers no plugin: put @register("name") above a class that subclasses Task, Model, Probe, …')
    return there


def _row(entry: registry.Entry, found: "list[Finding]") -> dict[str, Any]:
    promises: list[dict[str, Any]] = [
        {"promise": f.promise, "words": f.words, "kept": None if f.not_asked else f.broken is None, "broken": f.broken} for f in found
    ]
    return {"kind": entry.kind, "name": entry.name, "source": entry.source, "promises": promises}


def _text(entry: registry.Entry, found: "list[Finding]") -> str:
    width = text_width()
    lines = [f"{entry.kind} {entry.name}   ({entry.source})"]
    for finding in found:
        if finding.unchecked:
            lines.append(f"  --   {finding.promise}: not checked, for the same reason")
            continue
        if finding.not_asked:
            lines += textwrap.wrap(
                f"{finding.promise}: not asked, {finding.not_asked}", width, initial_indent="  --   ", subsequent_indent=" " * 7
            )
            continue
        lines.append(f"  {'ok ' if finding.broken is None else 'BAD'}  {finding.promise}")
        if finding.broken is not None:
            lines += textwrap.wrap(finding.broken, width, initial_indent=" " * 7, subsequent_indent=" " * 7)
    asked = [finding for finding in found if not finding.not_asked]
    kept = sum(finding.broken is None for finding in asked)
    return "\n".join([*lines, f"{kept} of {len(asked)} promises kept", ""])
