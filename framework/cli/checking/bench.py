"""whygrok bench: times our programs beside the ones that they are compared with, in one run."""

import json
from collections.abc import Sequence

from framework import registry
from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import parse_with_config
from framework.cli.plugins import load_plugins
from framework.errors import one_of
from framework.fields import fields_of
from framework.registry import catalogue

EXAMPLES = """\
  whygrok bench step                                          a training step beside its floor and a hand-written script
  whygrok bench step p=23,47 optimizer=gd --seconds=1 --json
  whygrok bench startup command=help,list                     whole commands beside `python -c "import jax"`
  whygrok bench probes                                        probes beside a step, and beside other ways to the same numbers
  whygrok bench probes networks=mlp modulus=31 steps=0        an event of every probe on one network
  whygrok bench sweep members=16 --repeats=1                  a sweep of short runs, from start to finish, beside PyTorch
"""


def main(arguments: Sequence[str]) -> int:
    """Prints a table, or JSON."""
    parser = Parser("bench", EXAMPLES)
    parser.add_argument("benchmark", help=one_of(catalogue.names("benchmark")))
    parser.add_argument("fields", nargs="*", default=[], metavar="FIELD=VALUE", help="its sizes: see `whygrok describe benchmark NAME`")
    parser.add_argument("--repeats", type=int, default=7, help="timed runs of each program, taken in turn; the median is reported")
    parser.add_argument("--seconds", type=float, default=0.5, help="about how long each timed run takes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options, changes = parse_with_config(parser, arguments)
    load_plugins(options.config, changes)
    if options.repeats < 1 or options.seconds <= 0:
        parser.error("--repeats must be at least 1 and --seconds above 0")
    benchmark = registry.build("benchmark", options.benchmark, **fields_of(options.fields))
    with registry.at_work(benchmark):
        rows = benchmark.measure(options.repeats, options.seconds)
    if options.json:
        answer(json.dumps(rows, indent=2))
        return 0
    answer(f"{'benchmark':12} {'ms':>10} {'± spread':>9}   {'reference':12} {'ms':>10} {'ratio':>6}   setting")
    for row in rows:
        setting = ", ".join(f"{name} {value}" for name, value in row["setting"].items())
        answer(
            f"{row['benchmark']:12} {row['milliseconds']:>10.3f} {row['spread']:>9.3f}   "
            f"{row['reference']:12} {_number(row['reference_milliseconds'], 10, 3)} {_number(row['ratio'], 6, 2)}   {setting}"
        )
    return 0


def _number(value: float | None, width: int, digits: int) -> str:
    return f"{'–':>{width}}" if value is None else f"{value:>{width}.{digits}f}"
