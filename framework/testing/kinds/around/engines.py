"""What an Engine promises."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from framework.config import Member, members, override, product
from framework.run import load_run
from framework.sessions import train
from framework.storage import temporary_folder
from framework.sweep import FAILED, FINISHED, Standings, run_sweep
from framework.testing.promises import Broken, NotAsked, promise
from framework.testing.subject import Subject, bits, only_warnings, surroundings

ENGINE = "engine"
ROUNDING = 1e-4  # relative to the largest entry, after four steps
QUIET = {"recording.plot": False, "writers.tensorboard.name": "none", "recording.progress": False}


@promise(ENGINE, is_basis=True)
def it_finishes_every_member(subject: Subject) -> None:
    """It trains all members, each in its own run directory, to the bits of a run of its own; to rounding where same_bits is False."""
    with _swept(subject, {"seed": [0, 1]}) as (sweep, found, folder):
        if left := [standing for standing in found if standing.state != FINISHED]:
            said = f": {left[0].said}" if left[0].said else ""
            raise Broken(f"the member {left[0].member} is {left[0].state} when train returns{said}")
        for member in sweep:
            trained, alone = load_run(folder / member.name), train(member.config)
            if not _same(trained.params(), alone.params(), subject.plugin.same_bits):
                raise Broken(f"the member {member.name} has other parameters than a run of its own")


@promise(ENGINE)
def a_member_that_fails_stops_no_other(subject: Subject) -> None:
    """Where the first member diverges, it is marked as failed, with the sentence that says why, and the second is trained."""
    with _swept(subject, {"optimizer.learning_rate": [1e30, 0.1]}) as (_, found, _):
        if [standing.state for standing in found] != [FAILED, FINISHED]:
            raise Broken(f"of a member that diverges and one that does not, the first is {found[0].state} and the second {found[1].state}")
        if "diverged" not in found[0].said:
            raise Broken(f"a member that diverged is said to have failed with {found[0].said!r}: hand on its sentence")


def _same(params: Any, alone: Any, to_the_bit: bool) -> bool:
    if to_the_bit:
        return bits(params) == bits(alone)
    close = jax.tree.map(lambda one, other: np.allclose(one, other, rtol=ROUNDING, atol=ROUNDING * np.abs(other).max()), params, alone)
    return all(jax.tree.leaves(close))


@contextlib.contextmanager
def _swept(subject: Subject, axes: Mapping[str, Any]) -> Iterator[tuple[list[Member], Standings, Path]]:
    """(members, how they stand, their folder) of a small sweep that the engine trained; only warnings are heard meanwhile.

    Raises NotAsked for an engine that says why it cannot train here.
    """
    if refusal := subject.plugin.refusal():
        raise NotAsked(refusal)
    sweep = members(override(surroundings().config, QUIET), product(axes))
    with temporary_folder() as folder, only_warnings():
        yield sweep, run_sweep(sweep, Path(folder) / "runs", jobs=2, engine=subject.plugin), Path(folder) / "runs"
