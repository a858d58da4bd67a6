"""The engine `processes`: one process per run, so that one which dies takes no other with it."""

from dataclasses import dataclass

from framework import Engine, register
from framework.sessions import StopRequest
from framework.sweep import WHYGROK, Child, SweepFolder, member_arguments, supervise

COMMAND = [*WHYGROK, "run"]


@register("processes")
@dataclass(frozen=True, kw_only=True)
class Processes(Engine):
    """One process per member: a member that dies takes no other with it.

    What the processes compute with (cores, flags) is what `whygrok run` would have: equal bits depend on it.
    Source: whygrok.
    """

    def train(self, sweep: SweepFolder, jobs: int, stop: StopRequest) -> None:
        """Trains what is waiting, each member in a process of its own."""
        supervise(sweep, jobs, stop, lambda name: Process(sweep, name))


class Process(Child):
    """A run in a process of its own."""

    def __init__(self, sweep: SweepFolder, name: str):
        super().__init__(sweep.log(name), [*COMMAND, *member_arguments(sweep, name)])

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    @property
    def code(self) -> int:
        """Its exit code, negative for a signal."""
        return self._process.returncode
