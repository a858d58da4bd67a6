"""Runs the members of a sweep, each in a run directory of its own; finished members stay as they are, the others go on."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from framework import registry
from framework.config import Member
from framework.errors import Interrupted, UserError
from framework.fields import fields_of
from framework.interfaces import Engine
from framework.run import start_backend
from framework.sessions import StopRequest
from framework.sweep.folder import ELSEWHERE, FINISHED, STOPPED, Show, Standing, SweepFolder
from framework.sweep.supervise import POLL_SECONDS

log = logging.getLogger("whygrok")


def run_sweep(
    members: Sequence[Member],
    workdir: str | Path,
    *,
    jobs: int = 1,
    engine: str | Engine = "processes",
    wait: bool = False,
    show: Show = lambda standings: None,
) -> list[Standing]:
    """Runs the unfinished members of a sweep, at most `jobs` at once; returns how each member stands.

    members: from `load_sweep(file)` or `members(config, product(…))`. Each gets the run directory workdir/NAME;
    workdir/sweep.csv has one row per member. A member that fails stops no other, and is tried again by the next call.
    engine: a name, or an engine. show: called with all standings whenever one changes. wait: also wait for members that
    another process is writing, such as one left behind by an earlier sweep. Raises UserError, before anything is
    started, for a member that could not start or whose folder holds another run; StorageError; Interrupted after a
    signal, when all have saved.
    """
    trained_by = check_engine(engine, jobs)
    start_backend()
    sweep = SweepFolder(members, workdir, show)
    sweep.create()
    log.info("sweep of %d members, %d of them finished already: %s", len(members), len(sweep.in_state(FINISHED)), sweep.path)
    if sweep.strangers:
        log.info("not in this sweep, and left as they are: %s", ", ".join(sweep.strangers))
    with StopRequest() as stop:
        trained_by.train(sweep, jobs, stop)
        if wait:
            _wait_for_others(sweep, stop, lambda: trained_by.train(sweep, jobs, stop))
    stopped, finished = sweep.in_state(STOPPED), sweep.in_state(FINISHED)
    if stopped or (stop.received and len(finished) < len(members)):
        by = f" by {stop.received}" if stop.received else ""
        raise Interrupted(f"stopped{by}: {len(finished)} of {len(members)} members are finished, {len(stopped)} stopped on the way")
    return sweep.standings


def check_engine(engine: str | Engine, jobs: int) -> Engine:
    """The engine of that name, NAME or NAME:field=value,…; or as it is given. Raises UserError where there is none."""
    if jobs < 1:
        raise UserError(f"jobs = {jobs}: must be at least 1: how many members run at once")
    if isinstance(engine, Engine):
        return engine
    name, _, given = engine.partition(":")
    return registry.build("engine", name, **fields_of([item for item in given.split(",") if item]))  # type: ignore[no-any-return]


def _wait_for_others(sweep: SweepFolder, stop: StopRequest, go_on: Callable[[], None]) -> None:
    """Waits until no other process writes a member; what it leaves unfinished goes on here."""
    others = [standing for standing in sweep.standings if standing.state == ELSEWHERE]
    for standing in others:
        log.info("waiting for %s: %s", standing.member, standing.said)
    while sweep.in_state(ELSEWHERE) and not stop.received:
        time.sleep(POLL_SECONDS)
        if sweep.let_go():
            go_on()
