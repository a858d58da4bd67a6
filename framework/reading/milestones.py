"""When a run fitted its training set, when it generalized, and where it stands: read from its rows, one after another."""

from framework.records import Outcome
from framework.run import Run


def outcome(run: Run) -> Outcome:
    """How a run stands by all of its rows."""
    return Outcome(run.headline, run.rows)


def milestones(run: Run) -> dict[str, int | None]:
    """The steps at which a run fitted and grokked; None where it has not."""
    reached = outcome(run)
    return {"fitted": reached.fitted, "grokked": reached.grokked}


def fitted_step(run: Run, metric: str = "") -> int | None:
    """The first recorded step at which the training set is answered without a mistake, by the task's headline or another metric."""
    return Outcome(metric or run.headline, run.rows).fitted


def grokked_step(run: Run) -> int | None:
    """The first recorded step from which the test value of the task's headline stays at 0.99 or above."""
    return outcome(run).grokked


def first_at_least(run: Run, metric: str, level: float) -> int | None:
    """The first recorded step at which a metric reaches a level; None if it never does, or is not recorded."""
    return next((row["step"] for row in run.rows if (value := row.get(metric)) is not None and value >= level), None)


def last_value(run: Run, metric: str) -> float | None:
    """The last value of a metric that was measured; None if it never was."""
    return next((float(value) for row in reversed(run.rows) if (value := row.get(metric)) is not None), None)


def value_from(run: Run, metric: str, step: int) -> float | None:
    """The first value of a metric that was measured at a step or after it; None if there is none."""
    return next((float(value) for row in run.rows if row["step"] >= step and (value := row.get(metric)) is not None), None)
