"""whygrok reproduce: the figures of the paper, from runs to verdicts."""

import logging
import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import add_plugins
from framework.cli.plugins import load_plugins
from framework.cli.tables import aligned
from framework.config import SCALES, named_scale
from framework.errors import Interrupted, StorageError, continued, one_of
from framework.registry import catalogue

if TYPE_CHECKING:
    from framework.evidence.reproduce import Reproduced

log = logging.getLogger("whygrok")

EXAMPLES = """\
  whygrok reproduce all --scale=smoke                           every figure, small: minutes on two cores
  whygrok reproduce fig1 fig4 --scale=laptop --jobs=2           repeat the command to go on
  whygrok reproduce fig1 --scale=full --workdir=runs/full       the published sizes
"""


def main(arguments: Sequence[str]) -> int:
    """Runs, draws, prints the verdicts; returns 0 when all members are finished, whatever the verdicts, else as `sweep` does."""
    parser = Parser("reproduce", EXAMPLES)
    parser.add_argument("figures", nargs="+", metavar="FIGURE", help=f"{one_of(catalogue.names('figure'))}, or all")
    parser.add_argument("--scale", type=named_scale, metavar=one_of(SCALES), default="smoke", help="how large (default: smoke)")
    parser.add_argument("--workdir", help="folder for the figures, each with its runs; by default runs/reproduce-SCALE")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many runs to train at once (default: 1)")
    parser.add_argument("--engine", metavar="NAME", help="how to train: see `whygrok list engines` (default: chosen, and said)")
    add_plugins(parser)
    options = parser.parse(arguments)
    from framework.cli.training.screen import exit_code  # after the arguments are read: JAX is not imported for --help
    from framework.evidence.reproduce import check_figures
    from framework.sweep import check_engine

    load_plugins(None, {"plugins": options.plugins} if options.plugins else {})
    names = check_figures(options.figures)
    check_engine(options.engine or "processes", options.jobs)
    workdir = options.workdir or f"runs/reproduce-{options.scale}"
    codes = []
    for name in names:
        log.info("%s at scale %s: %s", name, options.scale, Path(workdir) / name)
        made = _run(name, workdir, options, arguments)
        answer("\n".join(report(made, Path(workdir))))
        codes.append(exit_code(made.standings))
    return max(codes)


def report(made: "Reproduced", workdir: Path) -> list[str]:
    """One line per verdict, with its numbers below; or which members failed, and the logs that say why."""
    from framework.evidence.figures import as_json
    from framework.interfaces import in_words
    from framework.sweep import FINISHED

    failed = [standing for standing in made.standings if standing.state != FINISHED]
    if failed:
        lines = [f"{made.name} is not drawn: {len(failed)} of {len(made.standings)} runs are not finished"]
        return lines + [f"  {s.member} {s.state}: {s.said} ({workdir / made.name / 'runs' / s.log})" for s in failed]
    verdicts = as_json(made.verdicts, made.name)
    heads = aligned([[made.name, verdict["claim"], "seen" if verdict["seen"] else "not seen"] for verdict in verdicts])
    numbers = [f"    {in_words(verdict['measured'])} (expected: {verdict['expected']})" for verdict in verdicts]
    lines = [line for both in zip(heads, numbers, strict=True) for line in both]
    return [*lines, f"{made.name}: " + ", ".join(map(str, made.files))]


def _run(name: str, workdir: str, options: Namespace, arguments: Sequence[str]) -> "Reproduced":
    from framework.cli.training.screen import Screen
    from framework.evidence.reproduce import reproduce

    screen = Screen()
    try:
        return reproduce(name, workdir, scale=options.scale, jobs=options.jobs, engine=options.engine, show=screen)
    except (Interrupted, StorageError) as error:
        raise continued(error, f"Continue with: whygrok reproduce {shlex.join(arguments)}") from error
    finally:
        screen.close()
