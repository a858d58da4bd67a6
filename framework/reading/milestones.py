"""When a run fitted its training set, when it generalized, and where it stands: read from its rows."""

import numpy as np

from framework.run import GROKKED as GROKKED
from framework.run import Milestones, Run


def milestones(run: Run) -> dict[str, int | None]:
    """The steps at which a run fitted and grokked; None where it has not."""
    found = Milestones(run.headline, run.rows)
    return {"fitted": found.fitted, "grokked": found.grokked}


def fitted_step(run: Run, metric: str = "") -> int | None:
    """The first recorded step at which the training set is answered without a mistake, by the task's headline or another metric."""
    return Milestones(metric or run.headline, run.rows).fitted


def grokked_step(run: Run) -> int | None:
    """The first recorded step from which the test value of the task's headline stays at 0.99 or above."""
    return Milestones(run.headline, run.rows).grokked


def first_at_least(run: Run, metric: str, level: float) -> int | None:
    """The first recorded step at which a metric reaches a level; None if it never does, or is not recorded."""
    if metric not in run.metrics():
        return None
    steps, values = run.series(metric)
    reached = np.flatnonzero(values >= level)
    return int(steps[reached[0]]) if len(reached) else None


def last_value(run: Run, metric: str) -> float | None:
    """The last value of a metric that was measured; None if it never was."""
    values = run.series(metric)[1] if metric in run.metrics() else np.empty(0)
    return float(values[-1]) if len(values) else None
