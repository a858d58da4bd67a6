"""whygrok config: print the resolved config, every field of it."""

import json
from collections.abc import Sequence

from framework.cli import Parser
from framework.cli.overrides import parse_with_config
from framework.config import to_dict
from framework.config_files import load_config
from framework.errors import UserError
from framework.experiment import Experiment

EXAMPLES = """\
  whygrok config --config=quickstart --config.task.p=59
"""


def main(arguments: Sequence[str]) -> int:
    """Prints JSON that --config= accepts, after checking every field."""
    options, changes = parse_with_config(Parser("config", EXAMPLES), arguments)
    if not options.config:
        raise UserError("no --config: give a file, or the name of one that ships (whygrok list configs)")
    config = load_config(options.config, changes)
    print(json.dumps(to_dict(Experiment.from_config(config).config), indent=2))
    return 0
