"""The engine `slurm`: a job array, each task of which takes a share of the members and trains it as a local engine does."""

import logging
import math
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from framework import Engine, field, register
from framework.errors import FieldError, Interrupted, UserError
from framework.sessions import StopRequest
from framework.sweep import FINISHED, WAITING, WHYGROK, SweepFolder, check_engine, may_start
from plugins.cluster.queue import look
from plugins.cluster.submission import Submission, alone, prepared
from plugins.cluster.task import Task
from plugins.cluster.watch import Watch, log

TIME = (
    r"(?:(?P<days>\d+)-(?P<hours>\d+)(?::(?P<minutes>\d+)(?::(?P<seconds>\d+))?)?|(?:(?:(?P<h>\d+):)?(?P<m>\d+):(?P<s>\d+)|(?P<only>\d+)))"
)
EARLY = 60  # seconds by which Slurm's signal may come before it was asked for
MEMORY = r"[1-9]\d*[KMGT]?"


@register("slurm")
@dataclass(frozen=True, kw_only=True)
class Slurm(Engine):
    """A Slurm job array whose tasks train a share of the members each, as a local engine does. Submitted by submitit.

    At the time limit and at pre-emption members save, and their task is queued again. Fields have the scheduler's names;
    one that is empty is left to the cluster. Give `mem`: a cluster may hand out whole nodes otherwise. Source: whygrok; submitit.
    """

    partition: str = field("", "the partition of the jobs")
    account: str = field("", "who is charged")
    qos: str = field("", "the quality of service")
    constraint: str = field("", "features that a node must have")
    time: str = field("4:00:00", "limit of a task, after which it saves and is queued again, as in D-HH:MM:SS, HH:MM:SS or minutes")
    cpus_per_task: int | None = field(None, "cores of a task", at_least=1)
    mem: str = field("", "memory of a task, such as 4G")
    gpus_per_node: int | None = field(None, "GPUs of a task, which has one node", at_least=1)
    array_parallelism: int = field(256, "how many tasks run at once, at most", at_least=1)
    tasks: int = field(0, "how many tasks share the members; 0: as many as --jobs says", at_least=0)
    jobs: int = field(1, "how many members a task trains at once", at_least=1)
    inside: str = field("", "the engine of a task, such as processes or batch; by default what `whygrok sweep` would choose there")
    signal: int = field(90, "seconds before the time limit at which members save", at_least=1)
    requeues: int = field(100, "how often a task is queued again at its time limit, at most", at_least=0)
    patience: int = field(
        10, "seconds for which files of an ended job are waited for, where the file system is slow to show them", at_least=0
    )
    wait: bool = field(True, "whether to watch until all is trained, rather than to return when the jobs are queued")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not minutes(self.time):
            raise FieldError("time", self.time, "must be a time of Slurm's above 0, such as 30 (minutes), 4:00:00 or 2-12:00:00")
        seconds = 60 * minutes(self.time)
        if self.signal + EARLY >= seconds:
            why = f"must leave time before it: Slurm sends it up to {EARLY} seconds early, and time={self.time} is {seconds} seconds"
            raise FieldError("signal", self.signal, why)
        if self.mem and not re.fullmatch(MEMORY, self.mem):
            raise FieldError("mem", self.mem, "must be a whole number with K, M, G or T, such as 4G")
        if self.inside.partition(":")[0] == "slurm":
            raise FieldError("inside", self.inside, "must be an engine that trains in the task itself, such as processes")

    def refusal(self) -> str:
        """Why there is no cluster here."""
        if find_spec("submitit") is None:
            return "--engine=slurm needs submitit: pip install 'whygrok[slurm]'"
        if missing := [command for command in ("sbatch", "squeue", "srun") if shutil.which(command) is None]:
            return f"--engine=slurm is given where Slurm's commands are: there is no {missing[0]} in PATH here"
        if look(["whygrok"]) is None:
            return "--engine=slurm needs a Slurm that answers: squeue fails here, and says why when you call it"
        return ""

    def train(self, sweep: SweepFolder, jobs: int, stop: StopRequest) -> None:
        """Submits what is waiting and not submitted yet, then watches, unless `wait` is false. A signal ends the watching only."""
        if self.inside:
            check_engine(self.inside, self.jobs)
        watch = Watch(sweep, self.patience)
        with alone(sweep, stop):
            if not stop.received:
                watch.take_up(stop)
            waiting = [name for name in sweep.in_state(WAITING) if not stop.received and may_start(sweep, name)]
            if waiting:
                submission = prepared(sweep, waiting, self.tasks or jobs, self.inside, self.jobs)
                watch.follow(submission, numbers := self._submit(sweep, submission))
                _say(len(waiting), numbers)
        if self.wait:
            watch.until_over(stop)
        if stop.received and watch.jobs:
            finished, whole = len(sweep.in_state(FINISHED)), len(sweep.standings)
            go_on = f"scancel {' '.join(watch.jobs)} would stop what goes on"
            raise Interrupted(f"stopped watching by {stop.received}: {finished} of {whole} members are finished, and {go_on}")

    def _submit(self, sweep: SweepFolder, submission: Submission) -> list[str]:
        """Submits the tasks of a submission; the number of each. Raises UserError with the sentence of sbatch where it refuses."""
        submitit = _submitit()
        # -P: what lies in the user's folder must not be imported in place of our packages, or of others.
        executor = submitit.SlurmExecutor(submission.folder, self.requeues, python=f"{shlex.quote(sys.executable)} -P")
        executor.update_parameters(**self._parameters(), job_name=submission.name, comment=f"whygrok {sweep.path.name}")
        commands = [[*WHYGROK, "share", str(submission.folder / f"{number}.json")] for number in range(len(submission.shares))]
        try:
            with executor.batch():
                jobs = [executor.submit(Task(command)) for command in commands]
            return [job.job_id for job in jobs]
        except submitit.core.utils.FailedJobError as error:
            submission.collect()
            said = next((line for line in str(error).splitlines() if line.startswith("sbatch:")), str(error).partition("\n")[0])
            raise UserError(f"Slurm refused the jobs: {said.removeprefix('sbatch:').removeprefix(' error:').strip()}") from error

    def _parameters(self) -> dict[str, Any]:
        """What submitit is told; its time is in minutes, its signal_delay_s is what sbatch calls --signal."""
        named = {
            name: getattr(self, name) for name in ("partition", "constraint", "cpus_per_task", "mem", "gpus_per_node", "qos", "account")
        }
        given = {name: value for name, value in named.items() if value}
        if self.cpus_per_task:  # since Slurm 22.05 srun does not take it over, and would bind the task to one core
            given["srun_args"] = [f"--cpus-per-task={self.cpus_per_task}"]
        times = {"time": minutes(self.time), "signal_delay_s": self.signal}
        return {**given, **times, "array_parallelism": self.array_parallelism, "additional_parameters": {"requeue": True}}


def minutes(time: str) -> int:
    """Minutes of a time in one of Slurm's formats, rounded up as Slurm does; 0 where it is none of these."""
    match = re.fullmatch(TIME, time)
    if not match:
        return 0
    part = {name: int(text or 0) for name, text in match.groupdict().items()}
    hours = 24 * part["days"] + part["hours"] + part["h"]
    seconds = 60 * (60 * hours + part["minutes"] + part["m"] + part["only"]) + part["seconds"] + part["s"]
    return math.ceil(seconds / 60)


def _submitit() -> Any:
    """The library. It would close the handlers of every log when it is imported, and write a log of its own to standard output."""
    before = os.environ.get("SUBMITIT_LOG_LEVEL")
    os.environ["SUBMITIT_LOG_LEVEL"] = "NOCONFIG"
    try:
        import submitit
        import submitit.core.utils
    finally:
        del os.environ["SUBMITIT_LOG_LEVEL"]
        os.environ |= {} if before is None else {"SUBMITIT_LOG_LEVEL": before}
    logging.getLogger("submitit").addHandler(logging.NullHandler())
    return submitit


def _say(members: int, numbers: list[str]) -> None:
    job, tasks = numbers[0].partition("_")[0], len(numbers)
    log.info("submitted job %s: %d member%s in %d task%s", job, members, "s"[: members > 1], tasks, "s"[: tasks > 1])
