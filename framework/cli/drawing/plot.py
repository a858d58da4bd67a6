"""whygrok plot: draw runs from their files; one by one, or all below a folder over their fields."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import add_plugins

EXAMPLES = """\
  whygrok plot runs/first
  whygrok plot runs/first runs/second --output=compared.png
  whygrok plot runs/first --metrics norms/linf gradient_norm
  whygrok plot runs/first --probe=fourier
  whygrok plot runs/first --style=paper --width=single
  whygrok plot runs/map --x=optimizer.learning_rate --y=optimizer.weight_decay --color=grokked
  whygrok plot runs/moduli --x=task.p --value=norms/linf --band=seeds
  whygrok plot runs/samples --x=examples --value=test --collapse=task.p
"""
OF_MANY = ("y", "color", "value", "band", "collapse", "share")  # what is said of all runs below folders


def main(arguments: Sequence[str]) -> int:
    """Draws, and prints the names of the files written."""
    parser = Parser("plot", EXAMPLES)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run directories; with --x, folders with runs below them")
    parser.add_argument("--metrics", nargs="+", default=(), help="columns to draw in place of accuracy and loss, one panel each")
    parser.add_argument("--probe", metavar="NAME", help="draw what this probe of one run recorded, the way the probe draws itself")
    parser.add_argument(
        "--output", help="a .png, a .pdf for a paper; by default figures/curves.png (metrics.png, compared.png, NAME.png) of the first run"
    )
    said = "paper: a PDF for print, with fonts inside, words of 8 pt, and no title"
    parser.add_argument("--style", choices=("screen", "paper"), default="screen", help=said)
    parser.add_argument("--width", choices=("single", "double"), help="with --style=paper: one column, 3.25 inches, or two, 6.75 (default)")
    add_plugins(parser)
    _add_fields(parser)
    options = parser.parse(arguments)
    if options.probe and (options.metrics or len(options.runs) > 1):
        parser.error("--probe draws one run and cannot be combined with --metrics; compare columns of several runs with --metrics")
    if options.width and options.style != "paper":
        parser.error(f"--width={options.width} needs --style=paper")
    files = _over_fields(parser, options) if options.x else _of_runs(parser, options)
    for file in files:
        answer(file)
    return 0


def _add_fields(parser: Parser) -> None:
    """The pictures of all runs below folders."""
    many = parser.add_argument_group("all runs below folders, over their fields")
    many.add_argument("--x", metavar="FIELD", help="a config field or a column of whygrok collect")
    many.add_argument("--y", metavar="FIELD", help="a heat map: a second field")
    many.add_argument("--color", metavar="COLUMN", help="a heat map: the value that is shown, such as grokked, test or norms/linf")
    many.add_argument("--share", action="store_true", help="a heat map: the share of runs in which it happened, not its mean over those")
    many.add_argument("--value", metavar="COLUMN", help="a curve: the value against x")
    many.add_argument("--band", choices=("seeds",), help="a curve: the mean over seeds with its 95 %% interval (which is what is drawn)")
    said = "curves of several sizes over x / size^e, with the exponent e at which they are most nearly one"
    many.add_argument("--collapse", nargs="?", const=True, metavar="SIZE", help=said)


def _of_runs(parser: Parser, options: argparse.Namespace) -> list[Path]:
    if given := [name for name in OF_MANY if getattr(options, name)]:
        parser.error(f"--{given[0]} needs --x=FIELD")
    from framework.reading import draw_curves, draw_probe  # after the arguments are read: JAX is not imported for --help
    from framework.run import load_run

    runs = [load_run(run, options.plugins) for run in options.runs]
    single = "curves.png" if len(runs) == 1 else "compared.png"
    paper = _paper(options)
    name = f"{options.probe}.png" if options.probe else "metrics.png" if options.metrics else single
    output = _output(parser, options, name)
    return draw_probe(runs[0], options.probe, output, paper) if options.probe else draw_curves(runs, output, options.metrics, paper)


def _over_fields(parser: Parser, options: argparse.Namespace) -> list[Path]:
    if options.probe or options.metrics:
        parser.error("--x draws all runs below folders over a field and cannot be combined with --probe or --metrics")
    is_map, is_curve = bool(options.y and options.color), bool(options.value)
    if is_map == is_curve:
        parser.error("--x needs --y=FIELD and --color=COLUMN for a heat map, or --value=COLUMN for a curve")
    extra = [name for name in (("band", "collapse") if is_map else ("y", "color", "share")) if getattr(options, name)]
    if extra or (options.band and options.collapse):
        parser.error(f"--{(extra or ['band'])[0]} does not go with --{'y' if is_map else 'value' if extra else 'collapse'}")
    from framework.cli.looking.collect import say_left_out
    from framework.records import collect
    from framework.records.pictures import draw_bands, draw_collapse, draw_map, size_of

    named = [name for name in (options.x, options.y, options.color, options.value, options.collapse) if name and name is not True]
    table = collect(*options.runs, columns=named)
    say_left_out(table)
    output = _output(parser, options, re.sub(r"[^A-Za-z0-9_.-]", "-", "_".join(named)) + ".png")
    paper = _paper(options)
    if is_map:
        return draw_map(table, options.x, options.y, options.color, output, options.share, paper)
    if options.collapse:
        size = size_of(table, options.x) if options.collapse is True else options.collapse
        return draw_collapse(table, options.x, options.value, size, output, paper)
    return draw_bands(table, options.x, options.value, output, paper)


def _paper(options: argparse.Namespace) -> float | None:
    """The width of a figure for a paper in inches; None for a picture for the screen."""
    from framework.pictures import WIDTHS

    return WIDTHS[options.width or "double"] if options.style == "paper" else None


def _output(parser: Parser, options: argparse.Namespace, name: str) -> Path:
    figures, ending = Path(options.runs[0]) / "figures", ".pdf" if options.style == "paper" else ".png"
    if not options.output and figures.is_symlink():
        parser.error(f"{figures} is a symbolic link, and nothing is written outside of a run's folder; say where: --output=FILE{ending}")
    output = Path(options.output) if options.output else (figures / name).with_suffix(ending)
    if output.suffix != ending:
        parser.error(f"--output={output}: {'figures for papers are PDF' if ending == '.pdf' else 'pictures are PNG'}; end it in {ending}")
    return output
