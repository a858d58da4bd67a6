"""Training from a config: in memory, or in a run directory that is locked, resumed, recorded and drawn."""

import contextlib
import functools
import logging
from collections.abc import Generator, Iterator, Sized
from pathlib import Path

from ml_collections import ConfigDict

from framework import registry
from framework.config import checked_config
from framework.errors import Damage, Diverged, Interrupted, ProbeFailed, StorageError, UserError
from framework.run import (
    ONE_DEVICE,
    Checkpoints,
    Follower,
    FollowingRecorder,
    NoCheckpoints,
    Progress,
    Recorder,
    Run,
    RunDirectory,
    RunRecorder,
    Sessions,
    Writers,
    check_alike,
    check_steps,
    complete_steps,
    ends_here,
    is_complete,
    load_run,
    reason_of_end,
    rows_end_before,
    start_backend,
)
from framework.sessions.alone import OneAlone
from framework.sessions.loop import Asking, Host, Trainee, measure_end, train_loop
from framework.sessions.origin import initial_state, recorded_up_to
from framework.sessions.telling import tell_pictures, telling
from framework.storage import Lock, remove_file
from framework.training import Clock, Experiment, TrainState, hosts, precision
from framework.training.clock import DRAWING
from framework.training.examples.checks import digest
from framework.training.examples.shapes import check_shapes

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
    run = host.serve(open_session(config, workdir, host, fresh, draw))
    if draw and run.experiment.recording.plot and hosts.is_first():
        _draw(RunDirectory.at(workdir))
    return run


def open_session(
    config: ConfigDict, workdir: str | Path, host: Host, fresh: bool = False, draw: bool = False
) -> Generator[int, tuple[int, int], Run]:
    """A session in a run directory: asks the host for steps, as `train_loop` does, and ends with the run. Raises as `train` does.

    draw: whether writers are given pictures at its end.
    """
    experiment, directory = _checked(config), RunDirectory.at(workdir)
    if not fresh:
        directory.check_whole()
        directory.check_same_run(experiment.config)
    # Before anything is written: a config that cannot start leaves no folder. A fork that has begun needs its origin no more.
    initial = initial_state(experiment, has_begun=not fresh and bool(complete_steps(directory.checkpoints)))
    hosts.by_first(lambda: _prepare(directory, experiment, fresh))
    with _locked(directory):
        yield from _train_in(experiment, initial, directory, host, draw)
        return load_run(directory.path)


def _prepare(directory: RunDirectory, experiment: Experiment, fresh: bool) -> None:
    directory.check_links(experiment.writers)
    if fresh and (directory.is_run or directory.parts_there):
        with Lock(directory.lock):
            aside = directory.set_aside()
            remove_file(aside / directory.lock.name)
        log.info("the run that was here is now %s", aside)
    directory.create()


@contextlib.contextmanager
def _locked(directory: RunDirectory) -> Iterator[None]:
    """The lock is held by the first host, which alone writes."""
    with contextlib.ExitStack() as held:
        hosts.by_first(lambda: held.enter_context(Lock(directory.lock)) and None)
        yield


def _checked(config: ConfigDict) -> Experiment:
    check_alike(checked_config(config))
    registry.check_destinations(config.get("writers", {}))  # before any plugin is built
    experiment = Experiment.from_config(config).on_mesh()
    for notice in experiment.notices():
        log.warning("%s", notice)
    check_shapes(experiment)
    return experiment


def _train_in_memory(experiment: Experiment, host: Host) -> Generator[int, tuple[int, int], Run]:
    recorder, initial = Recorder(_progress(experiment, host)), initial_state(experiment)
    begun = recorded_up_to(experiment, initial)
    with host.listen() as stop:
        try:
            recorder.rewind(begun, None, ())
            trainee = host.seat(experiment, initial)
            yield from train_loop(trainee, begun, NoCheckpoints(), recorder, stop)
        finally:
            recorder.close()
    return Run(experiment=experiment, rows=recorder.rows, final=trainee.state, stored=recorder.arrays)


def _train_in(experiment: Experiment, initial: TrainState, directory: RunDirectory, host: Host, draw: bool) -> Asking:
    directory.check_same_run(experiment.config)
    check_steps(experiment, directory)
    continuing = experiment.numerics.on_divergence == "continue"
    hosts.by_first(directory.remove_left_overs)
    checkpoints = Checkpoints(directory.checkpoints, experiment.checkpoint, keep_diverged=continuing)
    begun = recorded_up_to(experiment, initial)
    restored = _restored(experiment, initial, checkpoints, directory, begun)
    state, done = (initial, begun) if restored is None else (experiment.place_state(restored), int(restored.step))
    steps = experiment.general.steps
    if hosts.by_first(lambda: is_complete(experiment, done, directory)):
        why = Sessions(directory.environment).stopped_by if done < steps else ""
        log.info("already complete at step %s: %s%s", f"{done:,}", directory.path, f", {why}" if why else "")
        if directory.read_config().get("plugins") != list(experiment.config.plugins):  # a file has moved: whoever reads must find it
            hosts.by_first(lambda: directory.write_config(experiment.config))
        return
    started = f"resuming at step {done:,} of {steps:,}" if restored is not None else _new(experiment, done)
    log.info("%s: %s", started, directory.path)
    for name, value in (directory.new_fields(experiment.config) if restored is not None else {}).items():
        log.info("%s is new since this run began; it has its default, %s", name, value)
    hosts.by_first(lambda: directory.write_config(experiment.config))
    if restored is None and done == int(state.step):
        checkpoints.save(state)  # from here on the run does not need the one that it forked from
    sessions, trainee = Sessions(directory.environment), host.seat(experiment, state)
    with telling(trainee, directory, sessions) as writers:
        yield from _run_session(trainee, done, checkpoints, directory, sessions, _recorder(directory, experiment, writers, host), host)
        if draw and experiment.recording.plot and hosts.is_first():
            tell_pictures(writers, directory, int(trainee.state.step))


def _restored(
    experiment: Experiment, initial: TrainState, checkpoints: Checkpoints, directory: RunDirectory, begun: int
) -> TrainState | None:
    """The newest good state whose rows are there; later ones are set aside, so that the rows that a power cut took are recorded again."""
    while True:
        with precision(experiment.numerics):  # else a float64 array would come back as float32
            restored = checkpoints.restore(initial, experiment.device)
        done = begun if restored is None else int(restored.step)
        last = hosts.by_first(functools.partial(rows_end_before, experiment, directory, begun, done))
        if last is None:
            return restored
        if not hosts.by_first(functools.partial(checkpoints.set_aside_after, last)):
            raise Damage(f"{directory.metrics} ends at step {last:,}, before the state of step {done:,}", directory.path)


def _new(experiment: Experiment, done: int) -> str:
    steps, origin = experiment.general.steps, experiment.general.fork_of
    return f"fork of {origin}: going on from step {done:,} to {steps:,}" if origin else f"new run of {steps:,} steps"


def _run_session(
    trainee: Trainee, done: int, checkpoints: Checkpoints, directory: RunDirectory, sessions: Sessions, recorder: Recorder, host: Host
) -> Asking:
    experiment = trainee.experiment
    sessions.check_data(digest(experiment.splits))
    mesh = ONE_DEVICE if experiment.spread is None else experiment.spread.words
    examples = {name: len(split) for name, split in experiment.splits if isinstance(split, Sized)}
    facts = {"headline": experiment.task.headline, "examples": examples}
    changes = hosts.by_first(lambda: sessions.start(max(done, 0), host.width, mesh, **facts))
    for change in changes if done >= 0 else ():
        log.warning("this run began in another environment, so equal bits are not promised: %s", change)
    here = next(experiment.events_after(done - 1, {name: (made, -1) for name, (_, made) in trainee.state.planned.items()}))
    reason, reached = "failed", None
    with host.listen() as stop:
        try:
            recorder.rewind(done, here.recorded if here.step == done else None, experiment.owners)
            if done == experiment.general.steps or ends_here(experiment, recorder.rows, done):
                yield 0  # until the others are there too
                missing = hosts.by_first(lambda: recorder.missing(done, experiment.ended(here).due, experiment.owners))
                measure_end(trainee, done, missing, recorder)
            else:
                yield from train_loop(trainee, done, checkpoints, recorder, stop)
            reached = int(trainee.state.step)
            reason = reason_of_end(experiment, recorder.rows, reached)
        except (Interrupted, Diverged, ProbeFailed, StorageError) as error:
            reason = str(error)
            raise
        finally:
            recorder.close()
            last = recorder.rows[-1]["step"] if recorder.rows else 0
            if hosts.is_first():
                _end(sessions, last if reached is None else reached, reason, trainee.clock)
    if hosts.is_first():
        remove_file(directory.figures / "curves.png")


def _recorder(directory: RunDirectory, experiment: Experiment, writers: Writers, host: Host) -> Recorder:
    return RunRecorder(directory, [writers, *_progress(experiment, host)]) if hosts.is_first() else FollowingRecorder(directory)


def _progress(experiment: Experiment, host: Host) -> list[Follower]:
    shown = experiment.recording.progress and host.shows_progress and hosts.is_first()
    return [Progress(experiment.general.steps)] if shown else []


def _end(sessions: Sessions, step: int, reason: str, clock: Clock) -> None:
    try:
        sessions.end(step, reason, clock.accounts)
    except StorageError as error:
        log.warning("%s", error)  # the error that ended the run is on its way; this one must not hide it


def _draw(directory: RunDirectory) -> None:
    """Draws the curves of a run that is complete, unless they are there."""
    from framework.reading import draw_curves

    if (directory.figures / "curves.png").is_file():
        return
    clock = Clock()
    try:
        with clock.spending(DRAWING):
            for file in draw_curves([load_run(directory.path)], directory.figures / "curves.png"):
                log.info("drew %s", file)
    except UserError as error:  # nothing to draw is no reason to call a finished run a failure
        log.warning("no curves are drawn: %s", error)
    with contextlib.suppress(UserError, StorageError), Lock(directory.lock):  # else another session has begun
        Sessions(directory.environment).spent(DRAWING, clock.accounts[DRAWING])
