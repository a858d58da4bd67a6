"""Training from a config: in memory, or in a run directory that is locked, resumed, recorded and drawn."""

import logging
from dataclasses import replace
from pathlib import Path

from ml_collections import ConfigDict

from framework.errors import Diverged, Interrupted, StorageError, UserError
from framework.run import (
    COMPLETE,
    Checkpoints,
    Follower,
    NoCheckpoints,
    Progress,
    Recorder,
    Run,
    RunDirectory,
    RunRecorder,
    Sessions,
    TensorBoard,
    check_steps,
    is_complete,
    load_run,
    start_backend,
)
from framework.sessions.loop import train_loop
from framework.sessions.origin import initial_state
from framework.sessions.signals import StopRequest
from framework.storage import Lock
from framework.training import Event, Experiment, TrainState, precision

log = logging.getLogger("whygrok")


def train(config: ConfigDict, workdir: str | Path | None = None, fresh: bool = False) -> Run:
    """Trains to config.steps and returns the run; without a work directory, everything stays in memory.

    A directory that holds this run is resumed to the same bits; one that holds another is refused, or set aside (never
    deleted) with `fresh`. Raises UserError, Interrupted, Diverged or StorageError.
    """
    start_backend()
    experiment = Experiment.from_config(config)
    for notice in experiment.notices():
        log.warning("%s", notice)
    if workdir is None:
        return _train_in_memory(experiment)
    directory = RunDirectory.at(workdir)
    if not fresh:
        directory.check_same_run(experiment.config)
    initial = initial_state(experiment)  # before anything is written: a config that cannot start leaves no folder
    if fresh and directory.is_run:
        with Lock(directory.lock):
            aside = directory.set_aside()
            (aside / directory.lock.name).unlink(missing_ok=True)
        log.info("the run that was here is now %s", aside)
    directory.create()
    with Lock(directory.lock):
        return _train_in(experiment, initial, directory)


def _train_in_memory(experiment: Experiment) -> Run:
    recorder = Recorder(_progress(experiment))
    with StopRequest() as stop:
        try:
            recorder.rewind(-1, None, ())
            state = train_loop(experiment, initial_state(experiment), -1, NoCheckpoints(), recorder, stop)
        finally:
            recorder.close()
    return Run(experiment=experiment, rows=recorder.rows, final=state, stored=recorder.arrays)


def _train_in(experiment: Experiment, initial: TrainState, directory: RunDirectory) -> Run:
    directory.check_same_run(experiment.config)
    check_steps(experiment, directory)
    continuing = experiment.numerics.on_divergence == "continue"
    directory.remove_left_overs()
    checkpoints = Checkpoints(directory.checkpoints, experiment.checkpoint, keep_diverged=continuing)
    with precision(experiment.numerics):  # else a float64 array would come back as float32
        restored = checkpoints.restore(initial, experiment.device)
    state, done = (initial, -1) if restored is None else (restored, int(restored.step))
    steps = experiment.general.steps
    if is_complete(experiment, done, directory):
        log.info("already complete at step %s: %s", f"{steps:,}", directory.path)
        if directory.read_config().get("plugins") != list(experiment.config.plugins):
            directory.write_config(experiment.config)  # a plugin's file has moved: whoever reads the run must find it
    else:
        started = f"resuming at step {done:,} of {steps:,}" if done >= 0 else f"new run of {steps:,} steps"
        log.info("%s: %s", started, directory.path)
        for name, value in (directory.new_fields(experiment.config) if done >= 0 else {}).items():
            log.info("%s is new since this run began; it has its default, %s", name, value)
        directory.write_config(experiment.config)
        _run_session(experiment, state, done, checkpoints, directory)
    if experiment.recording.plot and not (directory.figures / "curves.png").is_file():
        _draw(directory)
    return load_run(directory.path)


def _run_session(experiment: Experiment, state: TrainState, done: int, checkpoints: Checkpoints, directory: RunDirectory) -> None:
    sessions = Sessions(directory.environment)
    sessions.check_data(experiment.data_digest())
    changes = sessions.start(max(done, 0))
    for change in changes if done >= 0 else ():
        log.warning("this run began in another environment, so equal bits are not promised: %s", change)
    tensorboard = [TensorBoard(directory.tensorboard, sessions.first_start)] if experiment.recording.tensorboard else []
    recorder = RunRecorder(directory, [*tensorboard, *_progress(experiment)])
    here = next(experiment.events_after(done - 1))
    reason = "failed"
    with StopRequest() as stop:
        try:
            recorder.rewind(done, here.due if here.step == done else None, experiment.probes)
            if done == experiment.general.steps:
                _measure_end(experiment, state, here, recorder)
            train_loop(experiment, state, done, checkpoints, recorder, stop)
            reason = COMPLETE
        except (Interrupted, Diverged, StorageError) as error:
            reason = str(error)
            raise
        finally:
            recorder.close()
            last = recorder.rows[-1]["step"] if recorder.rows else 0
            _end(sessions, experiment.general.steps if reason == COMPLETE else last, reason)
    (directory.figures / "curves.png").unlink(missing_ok=True)


def _progress(experiment: Experiment) -> list[Follower]:
    return [Progress(experiment.general.steps)] if experiment.recording.progress else []


def _measure_end(experiment: Experiment, state: TrainState, event: Event, recorder: RunRecorder) -> None:
    """Measures what is still missing at a last step that was saved before the run was meant to end there."""
    missing = recorder.missing(event.step, event.due, experiment.probes)
    if missing:
        values, _ = experiment.measure(state, replace(event, measured=(), only_at_end=missing))
        recorder.row(event.step, values)


def _end(sessions: Sessions, step: int, reason: str) -> None:
    try:
        sessions.end(step, reason)
    except StorageError as error:
        log.warning("%s", error)  # the error that ended the run is on its way; this one must not hide it


def _draw(directory: RunDirectory) -> None:
    from framework.reading import draw_curves

    try:
        for file in draw_curves([load_run(directory.path)], directory.figures / "curves.png"):
            log.info("drew %s", file)
    except UserError as error:  # nothing to draw is no reason to call a finished run a failure
        log.warning("no curves are drawn: %s", error)
