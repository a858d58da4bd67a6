"""The loop: restore, rewind, then at each event advance, measure, record, save."""

import logging
import time
from typing import Any

from framework.errors import Diverged, Interrupted
from framework.run import Checkpoints, NoCheckpoints, Recorder, Watch
from framework.sessions.signals import StopRequest
from framework.training import METRICS, Event, Experiment, TrainState

log = logging.getLogger("whygrok")

CHUNK_SECONDS = 1.0  # how long the compiled program runs before anyone looks at signals and clocks


def train_loop(
    experiment: Experiment, state: TrainState, done: int, checkpoints: Checkpoints | NoCheckpoints, recorder: Recorder, stop: StopRequest
) -> TrainState:
    """Runs to the last event, or to one where stop_when holds.

    After a kill at any instant, calling it again ends in the same rows and the same bits. done: the step up to which rows
    are recorded, −1 for none. Raises Interrupted after a signal and Diverged after a NaN, both with the state or the last finite
    one saved, and FieldError where stop_when names a column that turns out not to be there.
    """
    pace, watch = Pace(), Watch(experiment, recorder.rows)
    for event in experiment.events_after(done):
        state = _advance_to(experiment, state, max(done, 0), event.step, checkpoints, recorder, stop, pace)
        values, state = experiment.measure(state, event)
        if event.due:
            row = recorder.row(event.step, values)  # before saving: a restored step's row is always there
            if METRICS in event.due and row["objective"] is None:
                _diverged(experiment, event.step)
            if watch.ends_at(event, row) and not event.last:
                event = experiment.ended(event)
                measure_end(experiment, state, event.step, event.only_at_end, recorder)
        if event.saved or stop.received or checkpoints.is_overdue():
            _save(experiment, state, event.step, checkpoints)
        _obey(stop, event.step, event.last)
        done = event.step
        if event.last:
            break
    return state


def measure_end(experiment: Experiment, state: TrainState, step: int, names: tuple[str, ...], recorder: Recorder) -> None:
    """Measures what is due only because the run ends at this step, whose row is there: the state remembers nothing of it."""
    if names:
        values, _ = experiment.measure(state, Event(step, (), names, last=True))
        recorder.row(step, values)


def _advance_to(
    experiment: Experiment,
    state: TrainState,
    step: int,
    target: int,
    checkpoints: Checkpoints | NoCheckpoints,
    recorder: Recorder,
    stop: StopRequest,
    pace: "Pace",
) -> TrainState:
    """The state at `target`, reached in chunks of about a second: where the chunks end changes no bit."""
    while step < target:
        count = pace.steps(target - step)
        with pace:
            state, diverged = experiment.advance(state, count)
        step += count
        recorder.progress(step)
        if diverged >= 0 and experiment.numerics.on_divergence == "stop":
            values, _ = experiment.measure(state, Event(step, (), (METRICS,), last=False))
            recorder.row(step, values)
            _diverged(experiment, diverged)
        if step < target and (stop.received or checkpoints.is_overdue()):
            _save(experiment, state, step, checkpoints)
            _obey(stop, step, last=False)
    return state


def _save(experiment: Experiment, state: TrainState, step: int, checkpoints: Checkpoints | NoCheckpoints) -> None:
    if not checkpoints.save(state):
        _diverged(experiment, step)


def _obey(stop: StopRequest, step: int, last: bool) -> None:
    if stop.received and not last:
        raise Interrupted(f"stopped by {stop.received} at step {step:,}, after saving")


def _diverged(experiment: Experiment, step: int) -> None:
    said = f"training diverged: the objective is not finite at step {step:,}"
    if experiment.numerics.on_divergence == "stop":
        raise Diverged(said + ". Finite checkpoints are kept; try a smaller optimizer.learning_rate in a new --workdir.")
    log.warning("%s; going on, as numerics.on_divergence=continue asks", said)


class Pace:
    """Chooses how many steps make about a second; a context manager around each chunk keeps the count."""

    def __init__(self) -> None:
        self._per_second = 1.0
        self._count = 0
        self._start = 0.0

    def steps(self, wanted: int) -> int:
        """At most `wanted`; starts small, since the first chunk includes compiling."""
        self._count = max(1, min(wanted, int(self._per_second * CHUNK_SECONDS)))
        return self._count

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: Any) -> None:
        self._per_second = self._count / max(time.perf_counter() - self._start, 1e-9)
