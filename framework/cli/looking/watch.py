"""whygrok watch: how a run or a sweep stands, live, from its files."""

from collections.abc import Sequence

from framework.cli import Parser
from framework.errors import UserError

EXAMPLES = """\
  whygrok watch runs/first                 curves, rate, time left and last events, until it is finished
  whygrok watch runs/scales                a sweep: members done, running and failed
  whygrok watch runs/first --every=10      look every ten seconds, as on a slow file system
  whygrok watch runs/first --once          one screen, as where the output is no terminal
"""
SHORTEST, LONGEST = 0.1, 3600.0  # seconds between looks


def main(arguments: Sequence[str]) -> int:
    """Shows screens; returns 0 when all is over, or somebody has seen enough: how the run ends is no matter of the watch."""
    parser = Parser("watch", EXAMPLES)
    parser.add_argument("folder", metavar="RUN|SWEEP", help="a run, a sweep, or a folder with runs below it; it may be one that is to come")
    said = "seconds between looks, from 0.1 to 3600 (default: 1)"
    parser.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help=said)
    parser.add_argument("--once", action="store_true", help="print one screen and end")
    options = parser.parse(arguments)
    if not SHORTEST <= options.every <= LONGEST:
        parser.error(f"--every={options.every:g}: between {SHORTEST:g} and {LONGEST:g} seconds are allowed")
    from framework.cli.looking.live.source import Source  # after the arguments are read: nothing is imported for --help
    from framework.cli.looking.live.terminal import is_live, show_live, show_once
    from framework.storage import at_home

    source = Source(at_home(options.folder))
    if is_live() and not options.once:
        show_live(source, options.every)
        return 0
    source.look()
    if why := source.why_nothing:
        raise UserError(why)
    show_once(source)
    return 0
