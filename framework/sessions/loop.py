"""The loop: at each event advance, change, measure, record, save. It asks for steps, and decides what happens between them."""

import abc
import contextlib
import logging
from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np

from framework.errors import Diverged, Interrupted
from framework.interfaces import Values
from framework.records import FAILURES
from framework.run import Best, Checkpoints, NoCheckpoints, Recorder, RowDict, Watch
from framework.sessions.forecast import Forecast
from framework.sessions.mishaps import Mishaps
from framework.sessions.signals import StopRequest
from framework.training import BEST, METRICS, NEVER, Clock, Event, Experiment, TrainState
from framework.training.clock import CHECKPOINTS, INTERVENTIONS, RECORDING

log = logging.getLogger("whygrok")

# Yields how many steps are wanted, at most; is sent (how many were made, the first of them that diverged or −1).
Asking = Generator[int, tuple[int, int], None]


class Trainee(abc.ABC):
    """A network in training, alone or beside others. Whoever holds it makes the steps that the loop asks for."""

    def __init__(self, experiment: Experiment):
        self.experiment, self.clock = experiment, Clock()  # clock: where the seconds of its session go
        self._mishaps = Mishaps(experiment)

    @property
    @abc.abstractmethod
    def state(self) -> TrainState:
        """As it is now."""

    @abc.abstractmethod
    def become(self, state: TrainState) -> None:
        """Goes on from another state of the same step."""

    @abc.abstractmethod
    def measure(self, event: Event) -> Values:
        """What is due at an event; the state then holds what the probes remember of it."""

    def look(self, event: Event, known: Values | None = None) -> tuple[Values, TrainState]:
        """(what is due at an event, the state that then remembers it); a probe that fails is named in what the row will say.

        known: the task's metrics, where they are. Raises ProbeFailed where the config asks to stop then.
        """
        failures: dict[str, str] = {}
        values, state = self.experiment.measure(self.state, event, known, self.clock, failures)
        self._mishaps.consider(event.step, values, failures)
        return values | ({FAILURES: failures} if failures else {}), state

    def change(self, event: Event) -> Values:
        """Makes the interventions of an event, and gives how much they changed."""
        if not event.changed:
            return {}
        with self.clock.spending(INTERVENTIONS):
            values, state = self.experiment.change(self.state, event.changed)
            self.become(state)
        return values

    def plan(self, name: str, step: int) -> None:
        """Has an intervention due at a step, once."""
        state = self.state
        turn = self.experiment.place(np.array([step, -1], np.int32))
        self.become(replace(state, turns=state.turns | {name: turn}))


class Host(abc.ABC):
    """Who makes the steps that sessions ask for: of one session, or of several at once."""

    shows_progress: bool
    width: int  # how many networks its program trains at once

    @abc.abstractmethod
    def seat(self, experiment: Experiment, state: TrainState) -> Trainee:
        """Takes the network that a session is about to train."""

    @abc.abstractmethod
    def listen(self) -> contextlib.AbstractContextManager[StopRequest]:
        """While in use, what asks the session to stop."""


def train_loop(trainee: Trainee, done: int, checkpoints: Checkpoints | NoCheckpoints, recorder: Recorder, stop: StopRequest) -> Asking:
    """Runs to the last event, or to one where stop_when holds.

    After a kill at any instant, calling it again ends in the same rows and the same bits. done: the step up to which rows
    are recorded, −1 for none. Raises Interrupted after a signal and Diverged after a NaN, both with the state or the last finite
    one saved, and FieldError where stop_when names a column that turns out not to be there.
    """
    experiment, watch = trainee.experiment, Watch(trainee.experiment, recorder.rows)
    here, plans, best = int(trainee.state.step), Plans(trainee, recorder.rows), Best(experiment.conditions.get(BEST), recorder.rows)
    forecast = Forecast(experiment, trainee.clock, done, here)
    checkpoints.keep_too(best.step)
    while (event := next(experiment.events_after(done, plans.planned), None)) is not None:
        yield from _advance_to(trainee, here, event.step, checkpoints, recorder, stop)
        forecast.consider(event.step)
        changed = plans.carry_out(event)
        values = changed | trainee.measure(event)
        if event.recorded:
            row = _record(trainee, event.step, values, recorder)  # before saving: a restored step's row is always there
            if METRICS in event.due and row["objective"] is None:
                _diverged(experiment, event.step)
            plans.see(event, row)
            if best.sees(row):
                event = replace(event, saved=True)
                checkpoints.keep_too(best.step)
            if watch.ends_at(event, row) and not event.last:
                event = experiment.ended(event)
                measure_end(trainee, event.step, event.only_at_end, recorder)
        if event.saved or stop.received or checkpoints.is_overdue():
            _save(trainee, event.step, checkpoints)
        _obey(stop, event.step, event.last)
        here = done = event.step
        if event.last:
            break


class Plans:
    """When the interventions of one run are made, those with a condition one step after the row in which it first holds.

    The turns lie in the state, so that a run that is resumed, or that forks from this one, makes each of them once.
    """

    def __init__(self, trainee: Trainee, rows: Sequence[RowDict]):
        """rows: what is recorded so far."""
        self._trainee, self.planned = trainee, trainee.state.planned
        waiting = [name for name in trainee.experiment.interventions if self.planned[name] == NEVER]
        paths = {name: f"interventions.{name}.when" for name in waiting}
        self._watches = {
            name: Watch(trainee.experiment, rows, path) for name, path in paths.items() if path in trainee.experiment.conditions
        }

    def carry_out(self, event: Event) -> Values:
        """Makes what is due at an event."""
        values = self._trainee.change(event)
        self.planned |= {name: (self.planned[name][0], event.step) for name in event.changed}
        return values

    def see(self, event: Event, row: RowDict) -> None:
        """Plans what a new row brings about."""
        for name in [name for name, watch in self._watches.items() if watch.ends_at(event, row)]:
            self.planned[name] = (event.step + 1, NEVER[1])
            self._trainee.plan(name, event.step + 1)
            del self._watches[name]


def measure_end(trainee: Trainee, step: int, names: tuple[str, ...], recorder: Recorder) -> None:
    """Measures what is due only because the run ends at this step, whose row is there: the state remembers nothing of it."""
    if names:
        recorder.row(step, trainee.measure(Event(step, (), names, last=True)))


def _advance_to(
    trainee: Trainee, step: int, target: int, checkpoints: Checkpoints | NoCheckpoints, recorder: Recorder, stop: StopRequest
) -> Asking:
    """Asks until the network is at `target`, at least once: where the chunks end changes no bit."""
    experiment = trainee.experiment
    while True:
        count, diverged = yield target - step
        step += count
        recorder.progress(step)
        if diverged >= 0 and experiment.numerics.on_divergence == "stop":
            recorder.row(step, trainee.measure(Event(step, (), (METRICS,), last=False)))
            _diverged(experiment, diverged)
        if step == target:
            return
        if stop.received or checkpoints.is_overdue():
            _save(trainee, step, checkpoints)
            _obey(stop, step, last=False)


def _record(trainee: Trainee, step: int, values: Values, recorder: Recorder) -> RowDict:
    with trainee.clock.spending(RECORDING):
        return recorder.row(step, values)


def _save(trainee: Trainee, step: int, checkpoints: Checkpoints | NoCheckpoints) -> None:
    with trainee.clock.spending(CHECKPOINTS):
        finite = checkpoints.save(trainee.state)
    if not finite:
        _diverged(trainee.experiment, step)


def _obey(stop: StopRequest, step: int, last: bool) -> None:
    if stop.received and not last:
        raise Interrupted(f"stopped by {stop.received} at step {step:,}, after saving")


def _diverged(experiment: Experiment, step: int) -> None:
    said = f"training diverged: the objective is not finite at step {step:,}"
    if experiment.numerics.on_divergence == "stop":
        raise Diverged(said + ". Finite checkpoints are kept; try a smaller optimizer.learning_rate in a new --workdir.")
    log.warning("%s; going on, as numerics.on_divergence=continue asks", said)
