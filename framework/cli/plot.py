"""whygrok plot: draw runs from their files."""

from collections.abc import Sequence
from pathlib import Path

from framework.cli import Parser
from framework.plots import draw_curves
from framework.runs import load_run

EXAMPLES = """\
  whygrok plot runs/first
  whygrok plot runs/first runs/second --output=compared.png
  whygrok plot runs/first --metrics norms/linf gradient_norm
"""


def main(arguments: Sequence[str]) -> int:
    """Draws, and prints the names of the files written."""
    parser = Parser("plot", EXAMPLES)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run directories")
    parser.add_argument("--metrics", nargs="+", default=(), help="columns to draw in place of accuracy and loss, one panel each")
    parser.add_argument("--output", help="a .png; by default figures/curves.png (or metrics.png) of the first run")
    options = parser.parse(arguments)
    runs = [load_run(run) for run in options.runs]
    name = "metrics.png" if options.metrics else "curves.png" if len(runs) == 1 else "compared.png"
    output = Path(options.output) if options.output else Path(options.runs[0]) / "figures" / name
    if output.suffix != ".png":
        parser.error(f"--output={output}: pictures are PNG; end it in .png")
    for file in draw_curves(runs, output, options.metrics):
        print(file)
    return 0
