"""whygrok report: one page on runs, sweeps and checked claims, to be sent and read without a network."""

from collections.abc import Sequence
from pathlib import Path

from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import add_plugins

EXAMPLES = """\
  whygrok report runs/first                                 one run
  whygrok report runs/map --output=map.html                 all runs below a folder: table, curves, heat map, collapse
  whygrok report runs/first runs/second                     two runs, compared
  whygrok verify --json > claims.json; whygrok report claims.json
"""


def main(arguments: Sequence[str]) -> int:
    """Writes the page, and prints the name of its file."""
    parser = Parser("report", EXAMPLES)
    said = "a run, a folder with runs below it, or a file that `whygrok verify --json` printed"
    parser.add_argument("sources", nargs="+", metavar="RUN|SWEEP|VERIFY", help=said)
    parser.add_argument("--output", metavar="FILE.html", help="by default figures/report.html of a run, report.html in a folder, NAME.html")
    add_plugins(parser)
    options = parser.parse(arguments)
    from framework.evidence.report import write_report  # after the arguments are read: JAX is not imported for --help
    from framework.storage import at_home

    output = _output(parser, options.output, at_home(options.sources[0]))

    answer(write_report(options.sources, output, options.plugins))
    return 0


def _output(parser: Parser, given: str | None, first: Path) -> Path:
    if given:
        if Path(given).suffix != ".html":
            parser.error(f"--output={given}: a report is a page; end it in .html")
        return Path(given)
    if first.is_file():
        return first.with_suffix(".html")
    if not (first / "config.json").is_file():
        return first / "report.html"
    if (first / "figures").is_symlink():
        parser.error(
            f"{first / 'figures'} is a symbolic link, and nothing is written outside of a run's folder; say where: --output=FILE.html"
        )
    return first / "figures" / "report.html"
