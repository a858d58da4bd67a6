"""Sweeps: lists of changes to a config, `{"dotted.field": value}`, put together by product, in step, or with +."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from framework.errors import UserError

Changes = dict[str, Any]
Part = Any  # field → list of values; or another sweep (dicts of changes). Any: what a config file gives is checked here


def product(*parts: Part) -> list[Changes]:
    """Every combination of the values, the last field changing fastest.

    {"task.p": [23, 47], "seed": range(3)} gives six. A part may be another sweep, such as what `together` gives. Raises
    UserError where a field occurs twice or has no values.
    """
    axes = [axis for part in parts for axis in _axes(part)]
    return [_joined(combination) for combination in itertools.product(*axes)]


def together(*parts: Part) -> list[Changes]:
    """First with first, second with second.

    {"task.p": [23, 47], "model.width": ["8*p", "4*p"]} gives two. Raises UserError where the lengths differ, and as `product` does.
    """
    axes = [axis for part in parts for axis in _axes(part)]
    if len({len(axis) for axis in axes}) > 1:
        said = ", ".join(f"{'+'.join(axis[0]) or 'a part'} has {len(axis)}" for axis in axes)
        raise UserError(f"together: all must have the same number of values: {said}. For every combination, use product.")
    return [_joined(step) for step in zip(*axes, strict=True)]


def _axes(part: Part) -> list[list[Changes]]:
    """One list of changes per field, or the single list that a sweep is."""
    if not isinstance(part, Mapping):
        return [_listed(part)]
    axes = []
    for field, values in part.items():
        if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
            raise UserError(f"a sweep over {field} needs a list of values, not {values!r}: write {field!r}: [{values!r}]")
        axes.append([{field: value} for value in values])
        if not axes[-1]:
            raise UserError(f"a sweep over {field} has no values: give at least one")
    return axes


def _listed(part: Any) -> list[Changes]:
    """A part that is a sweep already."""
    listed = list(part) if isinstance(part, Iterable) and not isinstance(part, str) else []
    if not listed or not all(isinstance(changes, Mapping) for changes in listed):
        raise UserError(f'a part of a sweep is {part!r}: give {{"task.p": [23, 47]}}, or the result of product or together')
    return [dict(changes) for changes in listed]


def _joined(changes: Iterable[Changes]) -> Changes:
    joined: Changes = {}
    for one in changes:
        if twice := next((field for field in one if field in joined), None):
            raise UserError(f"a sweep has {twice} twice: once as {joined[twice]!r}, once as {one[twice]!r}")
        joined |= one
    return joined
