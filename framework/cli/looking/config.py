"""whygrok config: prints the resolved config, every field of it, and where each value comes from."""

import json
import textwrap
from collections.abc import Sequence
from typing import Any

from framework.cli import Parser
from framework.cli.answers import answer, text_width
from framework.cli.overrides import parse_with_config
from framework.cli.tables import aligned
from framework.config import find_config, load_config, load_sweep, to_dict
from framework.config.sources import Sourced, sourced
from framework.errors import UserError

EXAMPLES = """\
  whygrok config --config=quickstart --config.task.p=59              JSON that --config= accepts
  whygrok config --config=quickstart:optimizer=gd --sources          each value, and where it comes from
  whygrok config --config=quickstart --all                           each field with its comment
  whygrok config --config=sweeps/init_scale --sweep                  the members of a sweep
"""


def main(arguments: Sequence[str]) -> int:
    """Prints JSON that --config= accepts, after checking every field; or a table."""
    parser = Parser("config", EXAMPLES)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--sources", action="store_true", help="show where each value is from; one that equals the default is a default")
    shown.add_argument("--all", action="store_true", help="show every field with its value, what it means, and what it allows")
    shown.add_argument("--sweep", action="store_true", help="show the members that get_sweep of the file gives")
    options, changes = parse_with_config(parser, arguments)
    if not options.config:
        raise UserError("no --config: give a file, or the name of one that ships (whygrok list configs)")
    from framework.training import Experiment  # after the arguments are read: JAX is not imported for --help

    if options.sweep:
        for member in load_sweep(options.config, changes):
            Experiment.from_config(member.config)
            answer(member.name)
        return 0
    config = Experiment.from_config(load_config(options.config, changes)).config
    file, arg = find_config(options.config)
    if options.sources or options.all:
        rows = sourced(config, changes, file.name, arg)
        table = aligned([[row.field, _shown(row.value), row.source] for row in rows])
        answer("\n".join(table if options.sources else _explained(rows)))
    else:
        answer(json.dumps(to_dict(config), indent=2))
    return 0


def _explained(rows: list[Sourced]) -> list[str]:
    width = text_width()
    lines: list[str] = []
    section = ""
    for row in rows:
        here = row.field.rpartition(".")[0]
        lines += [""] if here != section else []
        section = here
        lines.append(f"{row.field} = {_shown(row.value)}")
        said = f"{row.help}; {row.allowed}" if row.allowed else row.help
        lines += textwrap.wrap(said, width, initial_indent="    ", subsequent_indent="    ")
    return lines


def _shown(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
