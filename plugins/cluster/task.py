"""What a task of a job array does: it starts a command, and passes on to it what the cluster asks for."""

import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any


class Task:
    """Starts a command in a process of its own. A signal asks the command to save and end; then the task ends, or is queued again.

    A job reads it from a pickle, by its name: this module imports nothing of ours, so that JAX is imported by the command alone.
    """

    def __init__(self, command: Sequence[str]):
        self.command = list(command)

    def __call__(self) -> int:
        """Runs the command; its exit code. SIGTERM is what scancel and a requeue send."""
        child = subprocess.Popen(self.command, process_group=0)
        self.child = child.pid
        signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child.pid, signal.SIGTERM))
        self._wait()
        return child.wait()

    def checkpoint(self) -> Any:
        """Called by submitit at the signal before the time limit, or before pre-emption: waits until all is saved; what to queue again."""
        from submitit.helpers import DelayedSubmission

        os.kill(self.child, signal.SIGTERM)
        self._wait()
        return DelayedSubmission(type(self)(self.command))

    def _wait(self) -> None:
        """Waits for the child and leaves its exit code to be asked for: the handler of a signal may wait while __call__ does."""
        os.waitid(os.P_PID, self.child, os.WEXITED | os.WNOWAIT)
