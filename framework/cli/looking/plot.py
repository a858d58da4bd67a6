"""whygrok plot: draw runs from their files."""

from collections.abc import Sequence
from pathlib import Path

from framework.cli import Parser
from framework.cli.overrides import add_plugins

EXAMPLES = """\
  whygrok plot runs/first
  whygrok plot runs/first runs/second --output=compared.png
  whygrok plot runs/first --metrics norms/linf gradient_norm
  whygrok plot runs/first --probe=fourier
"""


def main(arguments: Sequence[str]) -> int:
    """Draws, and prints the names of the files written."""
    parser = Parser("plot", EXAMPLES)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run directories")
    parser.add_argument("--metrics", nargs="+", default=(), help="columns to draw in place of accuracy and loss, one panel each")
    parser.add_argument("--probe", metavar="NAME", help="draw what this probe of one run recorded, the way the probe draws itself")
    parser.add_argument("--output", help="a .png; by default figures/curves.png (metrics.png, compared.png, NAME.png) of the first run")
    add_plugins(parser)
    options = parser.parse(arguments)
    if options.probe and (options.metrics or len(options.runs) > 1):
        parser.error("--probe draws one run and cannot be combined with --metrics; compare columns of several runs with --metrics")
    from framework.reading import draw_curves, draw_probe  # after the arguments are read: JAX is not imported for --help
    from framework.run import load_run

    runs = [load_run(run, options.plugins) for run in options.runs]
    single = "curves.png" if len(runs) == 1 else "compared.png"
    name = f"{options.probe}.png" if options.probe else "metrics.png" if options.metrics else single
    output = Path(options.output) if options.output else Path(options.runs[0]) / "figures" / name
    if output.suffix != ".png":
        parser.error(f"--output={output}: pictures are PNG; end it in .png")
    files = draw_probe(runs[0], options.probe, output) if options.probe else draw_curves(runs, output, options.metrics)
    for file in files:
        print(file)
    return 0
