"""What an Engine promises."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from framework.config import members, override, product
from framework.sessions import train
from framework.sweep import FINISHED, run_sweep
from framework.testing.promises import Broken, promise
from framework.testing.subject import Subject, bits, surroundings

ENGINE = "engine"
QUIET = {"recording.plot": False, "recording.tensorboard": False, "recording.progress": False}


@promise(ENGINE, is_basis=True)
def it_finishes_every_member(subject: Subject) -> None:
    """It trains all members of a small sweep, each in its own run directory, to the bits of a run of its own."""
    sweep = members(override(surroundings().config, QUIET), product({"seed": [0, 1]}))
    with tempfile.TemporaryDirectory() as folder, _silence():
        found = run_sweep(sweep, Path(folder) / "runs", jobs=2, engine=subject.plugin)
        if left := [standing for standing in found if standing.state != FINISHED]:
            said = f": {left[0].said}" if left[0].said else ""
            raise Broken(f"the member {left[0].member} is {left[0].state} when train returns{said}")
        for member in sweep:
            trained, alone = train(member.config, Path(folder) / "runs" / member.name), train(member.config)
            if bits(trained.params()) != bits(alone.params()):
                raise Broken(f"the member {member.name} has other parameters than a run of its own")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Lets only warnings through: where runs start and end is of no interest here."""
    log = logging.getLogger("whygrok")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)
