"""What stop_when may name, found out before training: columns of the task's metrics and of probes, step, fitted and grokked."""

from typing import Any

from framework.errors import FieldError, did_you_mean, one_of
from framework.training.measure import METRICS, owner_of

MILESTONES = ("fitted", "grokked")
ALWAYS_THERE = ("step", *MILESTONES)  # names that are no columns


def columns_of(experiment: Any) -> tuple[str, ...]:
    """The columns that stop_when depends on, besides `step`; it is evaluated where one of them is recorded."""
    names = experiment.stop_when.names
    columns = tuple(name for name in names if name not in ALWAYS_THERE)
    # Where the task's metrics are recorded, "objective" always is: the milestones are read off the metrics.
    return columns if columns and not set(names) & set(MILESTONES) else (*columns, "objective")


def check_columns(experiment: Any) -> list[str]:
    """What a person should know of stop_when. Raises FieldError for a name that is neither a metric nor of a probe of this experiment.

    Whether a probe records a quantity shows only when it measures: see `no_column`.
    """
    if experiment.stop_when is None:
        return []
    known = (*ALWAYS_THERE, *experiment.metric_columns)
    for name in experiment.stop_when.names:
        first, slash, _ = name.partition("/")
        if name not in known and not (slash and first in experiment.probes):
            raise no_column(experiment, name, (*known, *(f"{probe}/…" for probe in experiment.probes)))
    said = []
    for owner in dict.fromkeys(owner_of(column, experiment.probes) for column in columns_of(experiment)):
        due = experiment.schedules[owner].regular.next(-1)
        if due is None or due >= experiment.general.steps:
            schedule = "events.metrics" if owner == METRICS else f"probes.{owner}.schedule"
            what = "the task's metrics are" if owner == METRICS else f"the probe {owner} is"
            said.append(f"stop_when: {what} never due before the last step ({schedule}), so what it says of them never ends the run")
    return said


def no_column(experiment: Any, name: str, known: tuple[str, ...]) -> FieldError:
    """The error for a name in stop_when that no column has: it gives the nearest ones, and all that are there."""
    if name == "seconds":
        rule = "seconds differ from run to run, so that where the run ends could not be reproduced; use step"
        return FieldError("stop_when", experiment.general.stop_when, rule)
    quantity = name.partition("/")[2]
    near = did_you_mean(name, [column.replace("…", quantity) for column in known])
    divides = " A division is written with blanks, a / b." if "/" in name else ""
    rule = f"there is no column {name!r}.{near}{divides} Known here: {one_of(known)}"
    return FieldError("stop_when", experiment.general.stop_when, rule)
