"""The engine `processes`: a process a run, so that one which dies takes no other with it."""

import sys
from pathlib import Path

from framework.sessions.signals import StopRequest
from framework.sweep.folder import SweepFolder
from framework.sweep.supervise import Child, supervise

# The file, not -m: that would look for our packages in the folder of the user first.
WHYGROK = [sys.executable, str(Path(__file__).resolve().parents[2] / "whygrok.py")]
COMMAND = [*WHYGROK, "run"]


def processes(sweep: SweepFolder, jobs: int, stop: StopRequest) -> None:
    """Runs what is not finished, each member in a process of its own.

    What the processes compute with (cores, flags) is what `whygrok run` would have: equal bits depend on it.
    """
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


def member_arguments(sweep: SweepFolder, name: str) -> list[str]:
    """What follows `whygrok run` for a member."""
    return [f"--config={sweep.config(name)}", f"--workdir={sweep.directory(name).path}"]
