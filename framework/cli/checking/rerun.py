"""whygrok rerun: trains the config of a run once more, and says whether every bit is the same."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import add_plugins
from framework.errors import Diverged, Interrupted, UserError
from framework.storage import temporary_folder

if TYPE_CHECKING:
    from framework.run import Run

log = logging.getLogger("whygrok")

EXAMPLES = """\
  whygrok rerun runs/first --verify                    train it again in a folder that is removed afterwards, and compare
  whygrok rerun runs/first --workdir=runs/again        train it again and keep that run
"""


def main(arguments: Sequence[str]) -> int:
    """Prints where the second run is and, with --verify, what is the same; returns 1 where a bit differs, and 0 otherwise."""
    parser = Parser("rerun", EXAMPLES)
    parser.add_argument("run", metavar="RUN", help="the run to train again")
    parser.add_argument("--workdir", help="where the second run is made and stays; needed without --verify")
    parser.add_argument("--verify", action="store_true", help="compare rows, arrays and saved states, and name what differs first")
    add_plugins(parser)
    options = parser.parse(arguments)
    if not options.workdir and not options.verify:
        parser.error("nothing would be left of the second run: give --workdir=FOLDER, or --verify to compare the two")
    from framework.run import RunDirectory, load_run, start_backend  # after the arguments are read: JAX is not imported for --help

    if options.workdir and RunDirectory.at(options.workdir) == RunDirectory.at(options.run):
        parser.error(f"--workdir={options.workdir} is the run itself; give another folder")
    if options.workdir and RunDirectory.at(options.workdir).is_run:
        parser.error(f"--workdir={options.workdir} holds a run already; give a new folder")
    before = load_run(options.run, options.plugins)
    if not before.rows:
        raise UserError(f"{options.run} has no rows yet: there is nothing to compare with")
    start_backend()
    with temporary_folder("whygrok-rerun-") as folder:
        again = _trained(before, Path(options.workdir)) if options.workdir else _trained(before, Path(folder, "run"), told=False)
        if options.workdir:
            answer(f"run      {again.path}")
        return _compared(before, again) if options.verify else 0


def _trained(before: "Run", workdir: Path, told: bool = True) -> "Run":
    """told: whether the writers of the run are told of the second one too."""
    from framework.config import override
    from framework.run import load_run
    from framework.sessions import train

    config = before.config if told else override(before.config, {f"writers.{name}.name": "none" for name in before.config.writers})
    try:
        return train(config, workdir, draw=False)
    except Diverged as error:  # as the first may have: its rows are compared all the same
        log.warning("%s", error)
        return load_run(workdir)
    except Interrupted:
        raise Interrupted("stopped before the second run had ended, so nothing is compared") from None


def _compared(before: "Run", again: "Run") -> int:
    from framework.reading import comparison
    from framework.run.analysis import same_bits

    found = same_bits(before, again)
    answer(found)
    if found.difference:
        changed = comparison.compare_environments(before, again)
        lines = [f"  {row['what']}: {row['one']}, then {row['other']}" for row in changed]
        answer("\n".join(["what their bits depend on differs:", *lines]) if lines else "what their bits depend on is the same in both")
    return 1 if found.difference else 0
