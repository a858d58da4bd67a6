"""whygrok bench: our programs timed beside what they are to be compared with, in one run."""

import importlib
import json
import pkgutil
from collections.abc import Sequence

from framework.cli import Parser
from framework.errors import UserError, did_you_mean, one_of

EXAMPLES = """\
  whygrok bench step                                          a training step beside its floor and a hand-written script
  whygrok bench step --p 23 47 --optimizer gd --seconds=1 --json
  whygrok bench probes                                        probes beside other ways to the same numbers
"""


def main(arguments: Sequence[str]) -> int:
    """Prints a table, or JSON as contract.md describes."""
    parser = Parser("bench", EXAMPLES)
    parser.add_argument("benchmark", help=one_of(_benchmarks()))
    parser.add_argument("--repeats", type=int, default=7, help="timed runs of each program, in turn; the median is quoted")
    parser.add_argument("--seconds", type=float, default=0.5, help="about how long each timed run takes")
    parser.add_argument("--json", action="store_true", help="as JSON")
    words = [argument for argument in arguments if not argument.startswith("-")]
    named = next((word for word in words if word in _benchmarks()), "")  # its options must be known before all are parsed
    if words and not named:
        raise UserError(f"there is no benchmark {words[0]!r}.{did_you_mean(words[0], _benchmarks())} Benchmarks: {one_of(_benchmarks())}.")
    module = importlib.import_module(f"plugins.benchmarks.{named}") if named else None
    if module:
        module.add_options(parser)
    options = parser.parse(arguments)
    if options.repeats < 1 or options.seconds <= 0:
        parser.error("--repeats must be at least 1 and --seconds above 0")
    rows = module.measure(options) if module else []
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'benchmark':12} {'ms':>10} {'± spread':>9}   {'reference':12} {'ms':>10} {'ratio':>6}   setting")
    for row in rows:
        setting = ", ".join(f"{name} {value}" for name, value in row["setting"].items())
        print(
            f"{row['benchmark']:12} {row['milliseconds']:>10.3f} {row['spread']:>9.3f}   "
            f"{row['reference']:12} {row['reference_milliseconds']:>10.3f} {row['ratio']:>6.2f}   {setting}"
        )
    return 0


def _benchmarks() -> list[str]:
    """The modules of plugins.benchmarks."""
    return [module.name for module in pkgutil.iter_modules(importlib.import_module("plugins.benchmarks").__path__)]
