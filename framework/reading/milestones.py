"""When a run fitted its training set, when it generalized, and where it stands: read from its rows, one after another."""

from collections.abc import Iterable, Mapping
from typing import Any

from framework.run import Run

GROKKED = 0.99  # test accuracy from which a network is said to have generalized


class Outcome:
    """How a run stands by the rows so far; None where that is not known. train and test: the task's headline metric, last measured.

    fitted: the first recorded step at which the training set is answered without a mistake. grokked: the first recorded
    step from which the test value of the headline stays at 0.99 or above.
    """

    def __init__(self, headline: str, rows: Iterable[Mapping[str, Any]] = ()):
        self._train, self._test = f"train/{headline}", f"test/{headline}"
        self.step: int | None = None
        self.train: float | None = None
        self.test: float | None = None
        self.fitted: int | None = None
        self.grokked: int | None = None
        for row in rows:
            self.add(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Takes in the next row."""
        self.step = row["step"]
        if (train := row.get(self._train)) is not None:
            self.train = float(train)
            self.fitted = row["step"] if self.fitted is None and train >= 1.0 else self.fitted
        if (test := row.get(self._test)) is not None:
            self.test = float(test)
            self.grokked = None if test < GROKKED else row["step"] if self.grokked is None else self.grokked


def outcome(run: Run) -> Outcome:
    """How a run stands by all of its rows."""
    return Outcome(run.headline, run.rows)


def milestones(run: Run) -> dict[str, int | None]:
    """The steps at which a run fitted and grokked; None where it has not."""
    reached = outcome(run)
    return {"fitted": reached.fitted, "grokked": reached.grokked}


def fitted_step(run: Run, metric: str = "") -> int | None:
    """The first recorded step at which the training set is answered without a mistake, by the task's headline or another metric."""
    return first_at_least(run, f"train/{metric or run.headline}", 1.0)


def grokked_step(run: Run) -> int | None:
    """The first recorded step from which the test value of the task's headline stays at 0.99 or above."""
    return outcome(run).grokked


def first_at_least(run: Run, metric: str, level: float) -> int | None:
    """The first recorded step at which a metric reaches a level; None if it never does, or is not recorded."""
    return next((row["step"] for row in run.rows if (value := row.get(metric)) is not None and value >= level), None)


def last_value(run: Run, metric: str) -> float | None:
    """The last value of a metric that was measured; None if it never was."""
    return next((float(value) for row in reversed(run.rows) if (value := row.get(metric)) is not None), None)
