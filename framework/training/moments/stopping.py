"""What conditions such as stop_when may name, found out before training: columns of metrics and of probes, step, fitted, grokked."""

from typing import Any

from framework.errors import FieldError, did_you_mean, one_of
from framework.fields import Condition, best_column, check_condition
from framework.training.measure import METRICS, owner_of

MILESTONES = ("fitted", "grokked")
ALWAYS_THERE = ("step", *MILESTONES)  # names that are no columns


BEST = "checkpoint.keep_best"  # the field of a number, and not of a condition


def conditions(experiment: Any) -> dict[str, Condition]:
    """Field → the condition that it holds, of those that are not empty. Raises FieldError for one that cannot be read."""
    texts = {"stop_when": experiment.general.stop_when}
    texts |= {f"interventions.{name}.when": plugin.when for name, plugin in experiment.interventions.items()}
    texts |= {BEST: experiment.checkpoint.keep_best}
    return {path: check_condition(path, text, number=path == BEST) for path, text in texts.items() if text.strip()}


def columns_of(condition: Condition) -> tuple[str, ...]:
    """The columns that a condition depends on, besides `step`; it is evaluated where one of them is recorded."""
    names = [_column(name) for name in condition.names]
    columns = tuple(dict.fromkeys(name for name in names if name not in ALWAYS_THERE))
    # Where the task's metrics are recorded, "objective" always is: the milestones are read off the metrics.
    return columns if columns and not set(names) & set(MILESTONES) else (*columns, "objective")


def check_columns(experiment: Any) -> list[str]:
    """What a person should know of the conditions. Raises FieldError for a name that is neither a metric nor of a probe.

    Whether a probe records a quantity shows only when it measures: see `no_column`.
    """
    return [sentence for path, condition in experiment.conditions.items() for sentence in _check(experiment, path, condition)]


def _column(name: str) -> str:
    found = best_column(name)
    return name if found is None else found[0]


def _check(experiment: Any, path: str, condition: Condition) -> list[str]:
    known = (*(ALWAYS_THERE if path != BEST else ALWAYS_THERE[:1]), *experiment.metric_columns)
    for name in map(_column, condition.names):
        first, slash, _ = name.partition("/")
        if name not in known and not (slash and first in experiment.probes):
            raise no_column(path, condition, name, (*known, *(f"{probe}/…" for probe in experiment.probes)))
    said = []
    ever = {"stop_when": "never ends the run", BEST: "chooses no state"}.get(path, "never brings it about")
    for owner in dict.fromkeys(owner_of(column, experiment.probes) for column in columns_of(condition)):
        due = experiment.schedules[owner].regular.next(-1)
        if due is None or due >= experiment.general.steps:
            schedule = "events.metrics" if owner == METRICS else f"probes.{owner}.schedule"
            what = "the task's metrics are" if owner == METRICS else f"the probe {owner} is"
            said.append(f"{path}: {what} never due before the last step ({schedule}), so what it says of them {ever}")
    return said


def no_column(path: str, condition: Condition, name: str, known: tuple[str, ...]) -> FieldError:
    """The error for a name in a condition that no column has: it gives the nearest ones, and all that are there."""
    if name == "seconds":
        what = "where the run ends" if path == "stop_when" else "where it holds"
        return FieldError(path, condition.text, f"seconds differ from run to run, so that {what} could not be reproduced; use step")
    quantity = name.partition("/")[2]
    near = did_you_mean(name, [column.replace("…", quantity) for column in known])
    divides = " A division is written with blanks, a / b." if "/" in name else ""
    rule = f"there is no column {name!r}.{near}{divides} Known here: {one_of(known)}"
    return FieldError(path, condition.text, rule)
