"""Runs the members of a sweep, each in a run directory of its own; finished members stay as they are, the others go on."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from framework import registry
from framework.config import Member
from framework.errors import Interrupted, UserError, WhygrokError
from framework.interfaces import Engine
from framework.sessions import StopRequest
from framework.sweep.choice import Choice, choose_engine, usable_engine
from framework.sweep.folder import Show, SweepFolder
from framework.sweep.standings import ELSEWHERE, FAILED, FINISHED, QUEUED, RUNNING, STOPPED, WAITING, Standings
from framework.sweep.supervise import POLL_SECONDS, may_start

log = logging.getLogger("whygrok")


def run_sweep(
    members: Sequence[Member],
    workdir: str | Path,
    *,
    jobs: int = 1,
    engine: str | Engine | None = None,
    wait: bool = False,
    show: Show = lambda standings: None,
) -> Standings:
    """Runs the unfinished members of a sweep, at most `jobs` at once; returns how each member stands.

    members: from `load_sweep(file)` or `members(config, product(…))`. Each gets the run directory workdir/NAME;
    workdir/sweep.csv has one row per member. A member that fails stops no other, and is tried again by the next call.
    engine: a name, or an engine; by default the one that `choose_engine` chooses. show: called with all `Standings` whenever one
    changes, such as a `SweepProgress()`. wait: also wait for members that another process is writing, such as one left behind by
    an earlier sweep. Raises UserError, before anything is started, for a member that could not start or whose folder holds
    another run; StorageError; Interrupted after a signal, when all have saved.
    """
    _check(members)
    choice = choose_engine(members, jobs) if engine is None else Choice(engine)
    trained_by = usable_engine(choice.engine, jobs)
    sweep = SweepFolder(members, workdir, show)
    sweep.create()
    log.info("sweep of %d members, %d of them finished already: %s", len(members), len(sweep.in_state(FINISHED)), sweep.path)
    if sweep.strangers:
        log.info("not in this sweep, and left as they are: %s", ", ".join(sweep.strangers))
    if choice.why and sweep.in_state(WAITING):
        log.info("engine %s: %s", choice.engine, choice.why)
    with StopRequest() as stop:
        try:
            train_members(sweep, trained_by, jobs, stop, wait)
        finally:
            sweep.write_table()
    stopped, finished = sweep.in_state(STOPPED), sweep.in_state(FINISHED)
    if stopped or (stop.received and len(finished) < len(members)):
        by = f" by {stop.received}" if stop.received else ""
        raise Interrupted(f"stopped{by}: {len(finished)} of {len(members)} members are finished, {len(stopped)} stopped on the way")
    return sweep.standings


def _check(members: Sequence[Member]) -> None:
    """Raises UserError for what are no members, and for those whose rows would go where this user has not asked for."""
    if not isinstance(members, Sequence) or not members or not all(isinstance(member, Member) for member in members):
        raise UserError(
            "run_sweep takes members, at least one, as members(config, product(…)) or load_sweep(FILE) of framework.config gives them"
        )
    for member in members:  # here, and not in each process
        registry.check_destinations(member.config.writers)


def train_members(sweep: SweepFolder, engine: Engine, jobs: int, stop: StopRequest, wait: bool) -> None:
    """Has an engine train what is waiting; with `wait` also what other processes write, when they have let go of it."""
    _train(sweep, engine, jobs, stop)
    if wait:
        _wait_for_others(sweep, stop, lambda: _train(sweep, engine, jobs, stop))


def _train(sweep: SweepFolder, engine: Engine, jobs: int, stop: StopRequest) -> None:
    """One call of the engine. What somebody's says of its members is compared with their files."""
    before = set(sweep.in_state(FINISHED))
    with registry.at_work(engine):
        engine.train(sweep, jobs, stop)
    if registry.is_ours(engine):
        return
    who = f"the engine {type(engine).__name__}"
    for name in sweep.in_state(FINISHED):
        if name not in before and not sweep.is_finished(name):
            sweep.mark(name, FAILED, f"{who} says that it is finished, and its run is not", WhygrokError.exit_code)
    if stop.received or not getattr(engine, "wait", True):  # those that do not wait leave jobs behind them
        return
    for name in [name for state in (WAITING, RUNNING, QUEUED) for name in sweep.in_state(state)]:
        if may_start(sweep, name):
            sweep.mark(name, WAITING, f"{who} has returned without training it to its end")


def _wait_for_others(sweep: SweepFolder, stop: StopRequest, go_on: Callable[[], None]) -> None:
    """Waits until no other process writes a member; what it leaves unfinished goes on here."""
    others = [standing for standing in sweep.standings if standing.state == ELSEWHERE]
    for standing in others:
        log.info("waiting for %s: %s", standing.member, standing.said)
    while sweep.in_state(ELSEWHERE) and not stop.received:
        time.sleep(POLL_SECONDS)
        if sweep.let_go():
            go_on()
