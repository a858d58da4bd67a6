"""whygrok bench: milliseconds of a training step beside the floor, measured in one run."""

import json
from collections.abc import Sequence

from framework.bench import bench_step
from framework.cli import Parser

EXAMPLES = """\
  whygrok bench step
  whygrok bench step --p 23 47 --optimizer gd --seconds=1 --json
"""


def main(arguments: Sequence[str]) -> int:
    """Prints a table, or JSON as contract.md describes."""
    parser = Parser("bench", EXAMPLES)
    parser.add_argument("benchmark", choices=("step",), help="step: one training step of the quadratic network, h = 4p, n = 2 p^(5/3)")
    parser.add_argument("--p", type=int, nargs="+", default=[23, 47, 97], help="moduli")
    parser.add_argument("--optimizer", nargs="+", default=["gd", "adamw"], help="optimizers")
    parser.add_argument("--repeats", type=int, default=7, help="timed runs of each program, in turn; the median is quoted")
    parser.add_argument("--seconds", type=float, default=0.5, help="about how long each timed run takes")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse(arguments)
    rows = bench_step(options.p, options.optimizer, options.repeats, options.seconds)
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'p':>4} {'optimizer':14} {'ms a step':>10} {'± spread':>9}   {'reference':10} {'ms a step':>10} {'ratio':>6}")
    for row in rows:
        ours, theirs = row["milliseconds"], row["reference_milliseconds"]
        setting = row["setting"]
        print(
            f"{setting['p']:>4} {setting['optimizer']:14} {ours:>10.3f} {row['spread']:>9.3f}   "
            f"{row['reference']:10} {theirs:>10.3f} {row['ratio']:>6.2f}"
        )
    return 0
