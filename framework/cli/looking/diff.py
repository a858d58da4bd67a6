"""whygrok diff: shows how two runs, or two configs, differ."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import add_plugins
from framework.cli.tables import aligned
from framework.config import load_config

EXAMPLES = """\
  whygrok diff runs/first runs/second
  whygrok diff quickstart paper/classification          the fields of two configs
  whygrok diff runs/first quickstart --json
"""


def main(arguments: Sequence[str]) -> int:
    """Prints the fields that differ; for two runs also the environments, the milestones, and the first row that differs."""
    parser = Parser("diff", EXAMPLES)
    parser.add_argument("one", metavar="RUN_A", help="a run, a config file, or a config that ships")
    parser.add_argument("other", metavar="RUN_B")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_plugins(parser)
    options = parser.parse(arguments)
    from framework.reading import comparison  # after the arguments are read: JAX is not imported for --help
    from framework.run import Run, compare_configs, compare_rows

    one, other = (_read(spec, options.plugins) for spec in (options.one, options.other))
    configs = (side.config if isinstance(side, Run) else side for side in (one, other))
    found: dict[str, Any] = {"fields": compare_configs(*configs)}
    if isinstance(one, Run) and isinstance(other, Run):
        found |= {"environment": comparison.compare_environments(one, other), "rows": compare_rows(one, other)}
        found |= {"milestones": comparison.compare_milestones(one, other)}
    answer(json.dumps(found, indent=2) if options.json else "\n".join(_lines(found, options.one, options.other)))
    return 0


def _read(spec: str, plugins: str) -> Any:
    """The run at this path, or else a config."""
    from framework.run import RunDirectory, load_run

    is_run = Path(spec).is_dir() and RunDirectory.at(spec).is_run
    return load_run(spec, plugins) if is_run else load_config(spec, {"plugins": plugins} if plugins else {})


def _lines(found: dict[str, Any], one: str, other: str) -> list[str]:
    lines = [f"A  {one}", f"B  {other}", "", *_table("fields", "field", found["fields"])]
    if "rows" in found:
        lines += ["", *_table("environment", "what", found["environment"])]
        lines += ["", *_milestone_lines(found["milestones"]), *_row_lines(found["rows"])]
    return lines


def _table(title: str, key: str, differences: list[dict[str, Any]]) -> list[str]:
    if not differences:
        return [f"{title}: the same"]
    return aligned([[title, "A", "B"], *([row[key], _shown(row, "one"), _shown(row, "other")] for row in differences)])


def _shown(row: dict[str, Any], side: str) -> str:
    if not row[f"in_{side}"]:
        return "–"
    value = row[side]
    return f"{value[:12]}…" if row.get("what") == "data" and value else json.dumps(value, ensure_ascii=False)


def _milestone_lines(sides: dict[str, dict[str, Any]]) -> list[str]:
    rows = [[name, *("not yet" if side[name] is None else str(side[name]) for side in sides.values())] for name in sides["one"]]
    return aligned([["milestones", "A", "B"], *rows])


def _row_lines(rows: dict[str, Any]) -> list[str]:
    lines = ["", f"rows: {rows['rows'][0]} and {rows['rows'][1]}, {rows['in_common']} at the same steps"]
    lines += [f"only in {side}: {', '.join(rows[key])}" for side, key in (("A", "only_in_one"), ("B", "only_in_other")) if rows[key]]
    first = rows["first_difference"]
    if first is None:
        return [*lines, "every number in common is the same, bit for bit" if rows["in_common"] else "no step is in both"]
    return [*lines, f"first difference at step {first['step']}: {first['column']} is {first['one']} in A and {first['other']} in B"]
