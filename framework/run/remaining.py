"""What is left to do in a run: whether it is over, by its steps or by stop_when. Read from its files and rows alone."""

import math
from collections.abc import Sequence

from framework.errors import UserError
from framework.fields import Condition, best_column
from framework.records import COMPLETE, FAILURES, NOTES, STOPPED, Outcome, read_lines
from framework.run.checkpoints import complete_steps
from framework.run.directory import RunDirectory
from framework.run.environment import Sessions
from framework.run.rows import RowDict, only_due
from framework.training import Event, Experiment, columns_of, no_column, owner_of

STOP = "stop_when"


def is_complete(experiment: Experiment, done: int, directory: RunDirectory) -> bool:
    """Whether the run that is here, saved up to the step `done`, has nothing left to do."""
    rows, torn = read_lines(directory.metrics)
    sessions = Sessions(directory.environment)
    if torn or sessions.completed_at != done:
        return False
    if done < experiment.general.steps:  # with another condition that holds here too, a session notes it
        return sessions.stopped_by == reason_of_end(experiment, rows, done)
    event = next(experiment.events_after(experiment.general.steps - 1))
    return done == event.step and (not event.recorded or (bool(rows) and rows[-1]["step"] == done))


def rows_end_before(experiment: Experiment, directory: RunDirectory, begun: int, done: int) -> int | None:
    """The step of the last row, where rows up to the step `done` belong there and are not; None where they are there.

    begun: the step up to which this run has none of its own.
    """
    rows, _ = read_lines(directory.metrics)
    last = max(rows[-1]["step"], begun) if rows else begun
    # What only the end brings is no sign: a longer run that was saved here had none of it, and whoever ends here measures it.
    first = next((e.step for e in experiment.events_after(last) if e.changed or e.measured or e.step > done), None)
    return last if first is not None and first <= done else None


def check_steps(experiment: Experiment, directory: RunDirectory) -> None:
    """Raises UserError where the run that is here has made more steps than are asked for."""
    reached, steps = max(complete_steps(directory.checkpoints), default=0), experiment.general.steps
    if reached > steps:
        raise UserError(
            f"{directory.path}: this run is at step {reached:,}; steps={steps} is less. Ask for at least {reached}, "
            "or use another --workdir."
        )


def ends_here(experiment: Experiment, rows: Sequence[RowDict], step: int) -> bool:
    """Whether stop_when ends a run with these rows at this step; never where the last row is an earlier one."""
    if STOP not in experiment.conditions or not rows or rows[-1]["step"] != step:
        return False
    event = next(experiment.events_after(step - 1, _made_at(rows[-1], experiment)), None)
    if event is None or event.step != step:  # the row is there only because the run ended here, when it was shorter
        return False
    *before, row = rows
    return Watch(experiment, before).ends_at(experiment.ended(event), row)


def reason_of_end(experiment: Experiment, rows: Sequence[RowDict], step: int) -> str:
    """Why a run is over at this step, its last: COMPLETE, or the condition that held."""
    held = experiment.conditions[STOP] if ends_here(experiment, rows, step) else None
    return f"{STOPPED}{held.text} (step {step:,})" if held else COMPLETE


def _made_at(row: RowDict, experiment: Experiment) -> dict[str, tuple[int, int]]:
    """The turns of interventions by which those are due at the step of a row that left columns in it."""
    return {name: (row["step"], -1) for name in experiment.interventions if any(owner_of(column, (name,)) == name for column in row)}


class Watch:
    """Follows the rows of one run, and says after each whether a condition, by default stop_when, holds there.

    What it says depends on the rows alone. Values are the last recorded ones; what is measured only because a run ends does not
    count, so that a longer run ends where this one does. Each row costs the same, however many there are.
    """

    def __init__(self, experiment: Experiment, rows: Sequence[RowDict] = (), path: str = STOP):
        """rows: what is recorded so far, without what was measured only because the run ended. path: the field of the condition."""
        self._experiment, self._path, self._condition = experiment, path, experiment.conditions.get(path)
        self._columns = columns_of(self._condition) if self._condition else ()
        self._values: dict[str, int | float | None] = {}
        self._outcome = Outcome(experiment.task.headline)
        self._since = {name: found for name in (self._condition.names if self._condition else ()) if (found := best_column(name))}
        self._best: dict[str, tuple[float, int]] = {}  # of each since_best: (the greatest so far, its step)
        self._in_a_row = 0
        for row in rows if self._condition else ():
            self._take(row)

    def ends_at(self, event: Event, row: RowDict) -> bool:
        """Whether it holds at this event, whose row is new. Raises FieldError where a column that was due is not there."""
        if self._condition is None:
            return False
        row = only_due(row, event.measured, self._experiment.probes) if event.only_at_end else row
        self._take(row)
        for name in self._columns:
            owner = owner_of(name, self._experiment.probes)
            if name not in self._values and owner in event.measured and owner not in row.get(FAILURES, {}):
                raise no_column(self._path, self._condition, name, tuple(sorted(row.keys() - {"step", "seconds", *NOTES})))
        return self._measures(row) and self._in_a_row >= self._condition.events

    def _measures(self, row: RowDict) -> bool:
        return any(name in row for name in self._columns)

    def _take(self, row: RowDict) -> None:
        self._outcome.see(row)
        self._values |= {name: row[name] for name in self._columns if name in row}
        if self._condition and self._measures(row):
            self._see_best(row)
            reached = {"step": row["step"], "fitted": self._outcome.fitted, "grokked": self._outcome.grokked}
            self._in_a_row = self._in_a_row + 1 if self._condition.holds(self._values | reached) else 0

    def _see_best(self, row: RowDict) -> None:
        for name, (column, sign) in self._since.items():
            value = row.get(column)
            if value is not None and (name not in self._best or sign * value > self._best[name][0]):
                self._best[name] = sign * value, row["step"]
            if name in self._best:
                self._values[name] = row["step"] - self._best[name][1]


class Best:
    """Follows the rows of one run, and says at which step checkpoint.keep_best was greatest; the first of several."""

    def __init__(self, quantity: Condition | None, rows: Sequence[RowDict] = ()):
        """rows: what is recorded so far."""
        self._quantity, self._greatest = quantity, -math.inf
        self.step: int | None = None
        for row in rows:
            self.sees(row)

    def sees(self, row: RowDict) -> bool:
        """Whether a new row is the best so far."""
        value = None if self._quantity is None else self._quantity.value(row)
        if value is None or value <= self._greatest:
            return False
        self._greatest, self.step = value, int(row["step"])
        return True
