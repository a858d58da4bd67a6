"""What a Claim promises."""

import dataclasses
import math

import numpy as np

from framework.config import SCALES
from framework.errors import did_you_mean, one_of
from framework.fields import declared_fields
from framework.interfaces import Row
from framework.pictures import Panel, svg_of
from framework.testing.promises import Broken, promise
from framework.testing.subject import Subject

CLAIM = "claim"
RELATIONS = ("=", "<=", ">=")


@promise(CLAIM, is_basis=True)
def it_gives_rows(subject: Subject) -> None:
    """`check` gives at least one Row: a quantity, two finite numbers, and how they should compare."""
    rows = subject.rows
    if not rows or not all(isinstance(row, Row) for row in rows):
        raise Broken("check must give a list of Row(quantity, predicted, measured, …), at least one")
    for row in rows:
        if not (math.isfinite(row.predicted) and math.isfinite(row.measured)):
            raise Broken(f"{row.quantity}: predicted {row.predicted} and measured {row.measured} must be finite")
        if row.relation not in RELATIONS:
            raise Broken(f"{row.quantity}: relation {row.relation!r} must be one of {one_of(RELATIONS)}")
    names = [row.quantity for row in rows]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Broken(f"two rows are called {twice!r}: a row is found by its quantity")


@promise(CLAIM)
def its_rows_can_fail(subject: Subject) -> None:
    """A tolerance is at least 0 and, where numbers should be equal, smaller than what is predicted."""
    for row in subject.rows:
        if not row.tolerance >= 0:
            raise Broken(f"{row.quantity}: the tolerance {row.tolerance} must be a number >= 0")
        if row.relation == "=" and row.predicted != 0 and row.tolerance >= abs(row.predicted):
            raise Broken(f"{row.quantity}: with tolerance {row.tolerance:g}, 0 would do for the predicted {row.predicted:g}")


@promise(CLAIM)
def it_follows_from_the_seed(subject: Subject) -> None:
    """The same seed gives the same rows in every process."""
    if subject.rows != subject.copy().check(0):
        raise Broken("check(0) gave other rows when called again: draw from numpy.random.default_rng(seed)")


@promise(CLAIM)
def what_should_hold_holds(subject: Subject) -> None:
    """Every row that is expected to hold does, and no other."""
    for row in subject.rows:
        if not row.as_expected:
            verdict = "does not hold" if row.expected_to_hold else "holds, and is expected not to"
            numbers = f"measured {row.measured:g}, predicted {row.relation} {row.predicted:g} (tolerance {row.tolerance:g})"
            raise Broken(f"{row.quantity} {verdict}: {numbers}")


@promise(CLAIM)
def its_charts_can_be_drawn(subject: Subject) -> None:
    """`charts` gives a list of Panel, each with a curve that has numbers in it."""
    charts = subject.plugin.charts(0)
    if not isinstance(charts, list) or not all(isinstance(chart, Panel) for chart in charts):
        raise Broken("charts must give a list of Panel.of_lines(title, x_label, y_label, x, measured, …)")
    for chart in charts:
        if not any(np.isfinite(curve.y).any() for curve in chart.curves):
            raise Broken(f"the chart {chart.title!r} has no curve with a finite number in it")
        svg_of(chart)


@promise(CLAIM)
def its_scales_change_fields(subject: Subject) -> None:
    """`scales` names laptop or full, and the fields that differ there from their defaults."""
    known = [declared.name for declared in declared_fields(type(subject.plugin))]
    for scale, changes in subject.plugin.scales.items():
        if scale not in SCALES[1:]:
            raise Broken(f"scales has {scale!r}: the scales beside smoke, the defaults, are {one_of(SCALES[1:])}")
        for name in changes:
            if name not in known:
                raise Broken(f"scales[{scale!r}] changes {name!r}, not a field.{did_you_mean(name, known)} Fields: {one_of(known)}")
        dataclasses.replace(subject.plugin, **changes)
