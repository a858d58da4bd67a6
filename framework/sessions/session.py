"""Training from a config: in memory, or in a run directory that is locked, resumed, recorded and drawn."""

import logging
from collections.abc import Generator, Sized
from pathlib import Path

from ml_collections import ConfigDict

from framework.errors import Diverged, Interrupted, StorageError, UserError
from framework.run import (
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
    ends_here,
    is_complete,
    load_run,
    reason_of_end,
    start_backend,
)
from framework.sessions.alone import OneAlone
from framework.sessions.loop import Asking, Host, Trainee, measure_end, train_loop
from framework.sessions.origin import initial_state
from framework.storage import Lock
from framework.training import Experiment, TrainState, precision

log = logging.getLogger("whygrok")


def train(config: ConfigDict, workdir: str | Path | None = None, fresh: bool = False, draw: bool = True) -> Run:
    """Trains to config.steps and returns the run; without a work directory, everything stays in memory.

    A directory that holds this run is resumed to the same bits; one that holds another is refused, or set aside (never
    deleted) with `fresh`. draw: whether the curves are drawn at the end, if recording.plot asks for them.
    Raises UserError, Interrupted, Diverged or StorageError.
    """
    start_backend()
    host = OneAlone()
    if workdir is None:
        return host.serve(_train_in_memory(_checked(config), host))
    run = host.serve(open_session(config, workdir, host, fresh))
    if draw and run.experiment.recording.plot:
        _draw(RunDirectory.at(workdir))
    return run


def open_session(config: ConfigDict, workdir: str | Path, host: Host, fresh: bool = False) -> Generator[int, tuple[int, int], Run]:
    """A session in a run directory: asks the host for steps, as `train_loop` does, and ends with the run. Raises as `train` does."""
    experiment, directory = _checked(config), RunDirectory.at(workdir)
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
        yield from _train_in(experiment, initial, directory, host)
        return load_run(directory.path)


def _checked(config: ConfigDict) -> Experiment:
    experiment = Experiment.from_config(config)
    for notice in experiment.notices():
        log.warning("%s", notice)
    return experiment


def _train_in_memory(experiment: Experiment, host: Host) -> Generator[int, tuple[int, int], Run]:
    recorder = Recorder(_progress(experiment, host))
    with host.listen() as stop:
        try:
            recorder.rewind(-1, None, ())
            trainee = host.seat(experiment, initial_state(experiment))
            yield from train_loop(trainee, -1, NoCheckpoints(), recorder, stop)
        finally:
            recorder.close()
    return Run(experiment=experiment, rows=recorder.rows, final=trainee.state, stored=recorder.arrays)


def _train_in(experiment: Experiment, initial: TrainState, directory: RunDirectory, host: Host) -> Asking:
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
        why = Sessions(directory.environment).stopped_by if done < steps else ""
        log.info("already complete at step %s: %s%s", f"{done:,}", directory.path, f", {why}" if why else "")
        if directory.read_config().get("plugins") != list(experiment.config.plugins):
            directory.write_config(experiment.config)  # a plugin's file has moved: whoever reads the run must find it
        return
    started = f"resuming at step {done:,} of {steps:,}" if done >= 0 else f"new run of {steps:,} steps"
    log.info("%s: %s", started, directory.path)
    for name, value in (directory.new_fields(experiment.config) if done >= 0 else {}).items():
        log.info("%s is new since this run began; it has its default, %s", name, value)
    directory.write_config(experiment.config)
    yield from _run_session(host.seat(experiment, state), done, checkpoints, directory, host)


def _run_session(trainee: Trainee, done: int, checkpoints: Checkpoints, directory: RunDirectory, host: Host) -> Asking:
    experiment, sessions = trainee.experiment, Sessions(directory.environment)
    sessions.check_data(experiment.data_digest())
    examples = {name: len(split) for name, split in experiment.splits if isinstance(split, Sized)}
    changes = sessions.start(max(done, 0), host.width, headline=experiment.task.headline, examples=examples)
    for change in changes if done >= 0 else ():
        log.warning("this run began in another environment, so equal bits are not promised: %s", change)
    tensorboard = [TensorBoard(directory.tensorboard, sessions.first_start)] if experiment.recording.tensorboard else []
    recorder = RunRecorder(directory, [*tensorboard, *_progress(experiment, host)])
    here = next(experiment.events_after(done - 1))
    reason, reached = "failed", None
    with host.listen() as stop:
        try:
            recorder.rewind(done, here.due if here.step == done else None, experiment.probes)
            if done == experiment.general.steps or ends_here(experiment, recorder.rows, done):
                yield 0  # until the others are there too
                missing = recorder.missing(done, experiment.ended(here).due, experiment.probes)
                measure_end(trainee, done, missing, recorder)
            else:
                yield from train_loop(trainee, done, checkpoints, recorder, stop)
            reached = int(trainee.state.step)
            reason = reason_of_end(experiment, recorder.rows, reached)
        except (Interrupted, Diverged, StorageError) as error:
            reason = str(error)
            raise
        finally:
            recorder.close()
            last = recorder.rows[-1]["step"] if recorder.rows else 0
            _end(sessions, last if reached is None else reached, reason)
    (directory.figures / "curves.png").unlink(missing_ok=True)


def _progress(experiment: Experiment, host: Host) -> list[Follower]:
    return [Progress(experiment.general.steps)] if experiment.recording.progress and host.shows_progress else []


def _end(sessions: Sessions, step: int, reason: str) -> None:
    try:
        sessions.end(step, reason)
    except StorageError as error:
        log.warning("%s", error)  # the error that ended the run is on its way; this one must not hide it


def _draw(directory: RunDirectory) -> None:
    """Draws the curves of a run that is complete, unless they are there."""
    from framework.reading import draw_curves

    if (directory.figures / "curves.png").is_file():
        return
    try:
        for file in draw_curves([load_run(directory.path)], directory.figures / "curves.png"):
            log.info("drew %s", file)
    except UserError as error:  # nothing to draw is no reason to call a finished run a failure
        log.warning("no curves are drawn: %s", error)
