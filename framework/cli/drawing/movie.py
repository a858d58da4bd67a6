"""whygrok movie: what one probe of a run kept as pictures through training, as a GIF."""

from collections.abc import Sequence
from pathlib import Path

from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import add_plugins

EXAMPLES = """\
  whygrok movie runs/first --probe=fourier
  whygrok movie runs/first --probe=weights --seconds=12 --output=weights.gif
"""


def main(arguments: Sequence[str]) -> int:
    """Writes the movie, and prints the name of its file."""
    parser = Parser("movie", EXAMPLES)
    parser.add_argument("run", metavar="RUN", help="a run directory")
    parser.add_argument("--probe", metavar="NAME", required=True, help="a probe of the run that keeps pictures: fourier, weights")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long it plays until the last step, 0.1 to 600 (default 8)")
    parser.add_argument("--output", metavar="FILE.gif", help="by default figures/NAME.gif of the run")
    add_plugins(parser)
    options = parser.parse(arguments)
    if not 0.1 <= options.seconds <= 600:
        parser.error(f"--seconds={options.seconds:g}: between 0.1 and 600 seconds are allowed")
    figures = Path(options.run) / "figures"
    if not options.output and figures.is_symlink():
        parser.error(f"{figures} is a symbolic link, and nothing is written outside of a run's folder; say where: --output=FILE.gif")
    output = Path(options.output) if options.output else figures / f"{options.probe}.gif"
    if output.suffix != ".gif":
        parser.error(f"--output={output}: movies are GIF; end it in .gif")
    from framework.reading import draw_movie  # after the arguments are read: JAX is not imported for --help
    from framework.run import load_run

    answer(draw_movie(load_run(options.run, options.plugins), options.probe, output, options.seconds))
    return 0
