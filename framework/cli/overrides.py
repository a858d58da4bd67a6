"""--config=… and --config.FIELD=…: what the commands that take a config have in common."""

import argparse
import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

from framework.cli import Parser
from framework.config import find_config
from framework.errors import UserError
from framework.storage import remove_empty

PREFIX = "--config."


def add_plugins(parser: Parser) -> None:
    """--config.plugins=… for the commands that take no config."""
    said = "plugin files or modules, such as files that have moved since a run"
    parser.add_argument(f"{PREFIX}plugins", dest="plugins", metavar="FILE,…", default="", help=said)


def parse_with_config(parser: Parser, arguments: Sequence[str]) -> tuple[argparse.Namespace, dict[str, str]]:
    """(arguments, overrides by dotted field). A field may be given as --config.a.b=c or --config.a.b c."""
    parser.add_argument("--config", metavar="FILE[:part=plugin,…]", help="a config file, a run, or the name of a config that ships")
    rest: list[str] = []
    overrides: dict[str, str] = {}
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        if not argument.startswith(PREFIX):
            rest.append(argument)
            continue
        field, equals, value = argument.removeprefix(PREFIX).partition("=")
        if not equals:
            # A flag alone switches a boolean on; any other field takes the next word.
            value = pending.pop(0) if pending and not pending[0].startswith("--") else "true"
        if not field:
            raise UserError(f"{argument!r} names no field: write --config.optimizer.learning_rate=1e-3")
        overrides[field] = value
    return parser.parse(rest), overrides


def default_workdir(spec: str) -> str:
    """Makes a new folder named after the config, runs/CONFIG-1."""
    from framework.run import new_workdir

    file, _ = find_config(spec)
    stem = file.parent.name if file.name == "config.json" else file.stem
    return str(new_workdir(re.sub(r"-\d+$", "", stem)))


def remove_if_empty(workdir: Path) -> None:
    """Removes the folder of a run that could not start."""
    if workdir.is_dir() and not any(workdir.iterdir()):
        with contextlib.suppress(OSError):  # an empty folder that stays does no harm, and must not hide why the run could not start
            remove_empty(workdir)
