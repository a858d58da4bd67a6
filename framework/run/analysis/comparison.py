"""Two runs side by side: which fields and rows differ, where first, and how far apart the parameters are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from framework.config import flatten, to_dict
from framework.records import NOTES
from framework.training import leaf_name

if TYPE_CHECKING:
    from framework.run.loading import Run

UNTIMED = ("seconds",)  # columns that differ between any two runs


@dataclass(frozen=True)
class Comparison:
    """How two runs differ; `print` shows it in sentences.

    fields: dotted field → (value in one, value in the other), None where there is no such field. first_difference: step, column, and
    the values in one and other, of the first number that differs; None where all in common are the same. distances: step that is
    saved in both → ‖θ − θ'‖₂. incomparable: the first parameter that has another shape, in words; there are no distances then.
    """

    fields: dict[str, tuple[Any, Any]]
    rows_in_common: int
    first_difference: dict[str, Any] | None
    distances: dict[int, float]
    incomparable: str = ""

    def __str__(self) -> str:
        fields = [f"{name}: {one!r}, {other!r}" for name, (one, other) in self.fields.items()]
        first = self.first_difference
        lines = ["fields that differ:", *(f"  {line}" for line in fields)] if fields else ["fields: the same"]
        if first is None:
            lines += ["rows: the same where both have them" if self.rows_in_common else "rows: none at the same step"]
        else:
            lines += [f"rows: the first difference is at step {first['step']}, {first['column']}: {first['one']}, {first['other']}"]
        far = ", ".join(f"{distance:.3g} at step {step}" for step, distance in self.distances.items())
        return "\n".join([*lines, f"distance of the parameters: {far or self.incomparable or 'no step is saved in both'}"])


def compare(one: "Run", other: "Run") -> Comparison:
    """How two runs differ. Raises UserError where a checkpoint is damaged."""
    rows = compare_rows(one, other)
    fields = {row["field"]: (row["one"], row["other"]) for row in compare_configs(one.config, other.config)}
    distances: dict[int, float] = {}
    for step in sorted({*one.steps} & {*other.steps}):
        mine, theirs = ({leaf_name(path): leaf for path, leaf in _flat(run.params(step))} for run in (one, other))
        if said := _mismatch(mine, theirs):
            return Comparison(fields, rows["in_common"], rows["first_difference"], {}, said)
        distances[step] = float(np.sqrt(sum(np.sum((np.float64(leaf) - np.float64(theirs[name])) ** 2) for name, leaf in mine.items())))
    return Comparison(fields, rows["in_common"], rows["first_difference"], distances)


def compare_configs(one: Any, other: Any) -> list[dict[str, Any]]:
    """The fields that differ: field, and the value in each; None, and in_one or in_other False, where there is no such field."""
    return differences(flatten(to_dict(one)), flatten(to_dict(other)), "field")


def compare_rows(one: "Run", other: "Run") -> dict[str, Any]:
    """Rows in common, columns that only one has, and the first number that differs: step, column, both values."""
    a, b = ({row["step"]: row for row in run.rows} for run in (one, other))
    common = sorted(a.keys() & b.keys())
    columns = [{name for row in run.rows for name in row if name not in (*UNTIMED, *NOTES)} for run in (one, other)]
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


def differences(a: Mapping[str, Any], b: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """What differs between two mappings: its name under `key`, the value in each, and whether it is there."""
    names = [name for name in dict.fromkeys([*a, *b]) if name not in a or name not in b or a[name] != b[name]]
    return [{key: name, "one": a.get(name), "other": b.get(name), "in_one": name in a, "in_other": name in b} for name in names]


def _flat(tree: Any) -> list[tuple[Any, Any]]:
    return jax.tree_util.tree_flatten_with_path(tree)[0]


def _mismatch(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """The first parameter that is not in both with one shape; nothing where all are."""
    for name in dict.fromkeys([*mine, *theirs]):
        shapes = [str(list(side[name].shape)) if name in side else "missing" for side in (mine, theirs)]
        if shapes[0] != shapes[1]:
            return f"{name} is {shapes[0]} in one and {shapes[1]} in the other"
    return ""
