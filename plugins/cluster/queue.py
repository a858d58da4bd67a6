"""What waits or runs in Slurm's queue, asked for all jobs at once and by their names."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

SECONDS = 60.0  # how long squeue may take: a busy controller answers late
# The states in which a job has ended. All are asked for, as a job that is being queued again may be in one that squeue leaves out.
OVER = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"}


@dataclass(frozen=True)
class Job:
    """One task of a job array, as the queue shows it: '17_3', 'PENDING', 'Resources'."""

    id: str
    state: str
    reason: str

    @property
    def is_running(self) -> bool:
        """Whether it runs; else it waits, is about to run, or is being ended."""
        return self.state == "RUNNING"

    @property
    def is_held(self) -> bool:
        """Whether it waits until somebody releases it, as after a node could not start it."""
        return self.state == "PENDING" and "held" in self.reason.lower()

    @property
    def words(self) -> str:
        """'job 17_3: pending (Resources)'."""
        return f"job {self.id}: {self.state.lower()} ({self.reason})"


def look(names: Iterable[str]) -> dict[tuple[str, int], Job] | None:
    """(name of the array, number of the task) → the job, for all that wait or run; None where the queue gives no answer.

    By their names, not by their numbers: a number that is forgotten is an error, and whoever was killed while it submitted knows none.
    """
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%j|%i|%T|%r", f"--name={','.join(names)}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True, start_new_session=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = {}
    for line in answer.splitlines():
        if match := re.fullmatch(r"\s*([^|]*)\|(\d+(?:_(\d+))?)\|([^|]*)\|(.*?)\s*", line):
            name, job, number, state, reason = match.groups()
            if state not in OVER:
                found[name, int(number or 0)] = Job(job, state, reason)
    return found
