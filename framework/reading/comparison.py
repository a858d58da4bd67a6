"""Two runs side by side: which fields, environments and rows differ, and where first."""

from collections.abc import Mapping
from typing import Any

from framework.config import flatten, to_dict
from framework.reading.milestones import milestones
from framework.run import Run, RunDirectory, Sessions

UNTIMED = ("seconds",)  # columns that differ between any two runs


def compare_configs(one: Any, other: Any) -> list[dict[str, Any]]:
    """The fields that differ: field, and the value in each; None, and in_one or in_other False, where there is no such field."""
    a, b = flatten(to_dict(one)), flatten(to_dict(other))
    return _differences(a, b, "field")


def compare_environments(one: Run, other: Run) -> list[dict[str, Any]]:
    """Versions, devices, flags and data that differ, from environment.json of both."""
    return _differences(_environment(one), _environment(other), "what")


def compare_rows(one: Run, other: Run) -> dict[str, Any]:
    """Rows in common, columns that only one has, and the first number that differs: step, column, both values."""
    a, b = ({row["step"]: row for row in run.rows} for run in (one, other))
    common = sorted(a.keys() & b.keys())
    columns = [{name for row in run.rows for name in row if name not in (*UNTIMED, "nonfinite")} for run in (one, other)]
    shared = [name for name in one.metrics() if name in columns[0] & columns[1]]
    first = next(
        (
            {"step": step, "column": name, "one": a[step].get(name), "other": b[step].get(name)}
            for step in common
            for name in shared
            if a[step].get(name) != b[step].get(name)
        ),
        None,
    )
    return {
        "rows": [len(a), len(b)],
        "in_common": len(common),
        "only_in_one": sorted(columns[0] - columns[1]),
        "only_in_other": sorted(columns[1] - columns[0]),
        "first_difference": first,
    }


def compare_milestones(one: Run, other: Run) -> dict[str, dict[str, Any]]:
    """The last recorded step of each run, and the steps at which it fitted and grokked."""
    ends = {name: {"last_step": run.rows[-1]["step"] if run.rows else None} for name, run in (("one", one), ("other", other))}
    return {"one": ends["one"] | milestones(one), "other": ends["other"] | milestones(other)}


def _environment(run: Run) -> dict[str, Any]:
    assert run.path is not None
    content = Sessions(RunDirectory.at(run.path).environment).content
    return {**content.get("bits_depend_on", {}), "git_commit": content.get("git_commit"), "data": content.get("data")}


def _differences(a: Mapping[str, Any], b: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    names = [name for name in dict.fromkeys([*a, *b]) if name not in a or name not in b or a[name] != b[name]]
    return [{key: name, "one": a.get(name), "other": b.get(name), "in_one": name in a, "in_other": name in b} for name in names]
