"""The engine `batch`: members of one structure are lanes of one program, for accelerators that one small network leaves idle."""

from collections.abc import Hashable
from dataclasses import dataclass

from framework import Engine, Experiment, field, register
from framework.fields import structure_of
from framework.run import start_backend
from framework.sessions import Group, StopRequest
from framework.sweep import WAITING, SweepFolder, train_here, train_together


@register("batch")
@dataclass(frozen=True, kw_only=True)
class Batch(Engine):
    """Members that differ in numbers and seeds only advance together in one program, spread over all devices.

    The axis of members is `jax.vmap`'s. Numbers equal those of `whygrok run` to rounding, and are the same bits whenever the
    same sweep is trained with the same size on the same devices. A member that has no like is trained by itself. Source: whygrok.
    """

    same_bits = False
    size: int = field(64, "how many members one program trains at once, at most", at_least=1)

    def train(self, sweep: SweepFolder, jobs: int, stop: StopRequest) -> None:
        """Trains what is waiting, group by group; `jobs` is not used: all is done in this process."""
        start_backend()
        alike: dict[Hashable, list[str]] = {}
        for standing in sweep.standings:
            alike.setdefault(structure(sweep.experiment(standing.member)), []).append(standing.member)
        for members in alike.values():
            width = min(self.size, len(members))  # also where some have finished: the program stays the same
            waiting = [name for name in members if sweep.standings.of(name).state == WAITING]
            for first in range(0, len(waiting), width):
                names = waiting[first : first + width]
                alone = train_together(sweep, names, Group(width, stop)) if len(members) > 1 else names
                for name in alone:
                    if not stop.received:
                        train_here(sweep, name)


def structure(experiment: Experiment) -> Hashable:
    """What members must have in common to be lanes of one program, as far as their configs tell."""
    parts = experiment.task, experiment.model, experiment.optimizer, experiment.penalty
    return *map(structure_of, parts), experiment.numerics
