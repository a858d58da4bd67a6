"""The engine `processes`: processes that train one member after another, so that what is imported and compiled once serves the next.

A process that dies takes only its present member with it; another is started for the next.
"""

import contextlib
import json
import logging
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from framework import Engine, field, register
from framework.sessions import StopRequest
from framework.sweep import WAITING, WHYGROK, Child, Gpus, SweepFolder, member_arguments, supervise

log = logging.getLogger("whygrok")

COMMAND = [*WHYGROK, "work"]
GRACE, PATIENCE = 5.0, 60.0  # seconds: a process without members usually ends within the first, and has to end within the second


@register("processes")
@dataclass(frozen=True, kw_only=True)
class Processes(Engine):
    """At most `--jobs` processes, each of which trains one member after another; one that dies takes no other member with it.

    What they compute with (cores, flags) is what `whygrok run` would have, and so are the bits; where there are several GPUs,
    each process has one of its own, or as many as its mesh asks for, and where several share one, each takes its part of the memory.
    Source: whygrok.
    """

    members: int = field(0, "how many members one process trains before another takes its place; 0: no limit, 1: one each", at_least=0)

    def train(self, sweep: SweepFolder, jobs: int, stop: StopRequest) -> None:
        """Trains what is waiting in at most `jobs` processes."""
        started: list[Process] = []
        meshes = (sweep.experiment(standing.member).mesh for standing in sweep.standings)
        gpus = Gpus(min(jobs, len(sweep.standings)), max(mesh.examples * mesh.neurons for mesh in meshes))
        if gpus.said and sweep.in_state(WAITING):
            log.info("%s", gpus.said)

        def start(name: str) -> Process:
            for process in [one for one in started if one.is_gone]:
                started.remove(process)
                dismiss([process])
                gpus.give_back(process.variables)
            free = next((one for one in started if one.is_free), None)
            if free is None:
                started.append(free := Process(sweep, name, self.members, gpus.take()))
            else:
                free.give(sweep, name)
            return free

        try:
            supervise(sweep, jobs, stop, start)
        finally:
            dismiss(started)


def dismiss(processes: Sequence["Process"]) -> None:
    """Tells processes that no other member will come, and waits for their ends, which what plugins have left behind may delay."""
    for process in processes:
        process.release()
    if late := _late(processes, GRACE):
        log.warning("waiting for processes that do not end, as plugins have left threads or processes behind in them: %d", len(late))
    for process in _late(late, PATIENCE):
        process.kill()


def _late(processes: Sequence["Process"], seconds: float) -> list["Process"]:
    """Those that do not end within this time, which is that of all together."""
    until = time.monotonic() + seconds
    return [process for process in processes if not process.end(max(until - time.monotonic(), 0.0))]


class Process(Child):
    """A process that trains the members it is given, and how its present one stands."""

    def __init__(self, sweep: SweepFolder, name: str, limit: int, variables: Mapping[str, str]):
        """name: its first member. limit: how many members it may be given; 0: any number. variables: of its environment."""
        super().__init__(sweep.log(name), COMMAND, talks=True, variables=variables)
        self.variables = variables
        assert self._process.stdin
        self._members = self._process.stdin
        self._code: int | None = None
        self._limit, self._given = limit, 0
        self._tell(sweep, name)

    def give(self, sweep: SweepFolder, name: str) -> None:
        """Has it train another member."""
        self._code = None
        self.begin_log(sweep.log(name))
        self._tell(sweep, name)

    @property
    def is_free(self) -> bool:
        """Whether it could be given another member: after a failure a process is not trusted again, and it ends itself."""
        return self._code == 0 and not self._stopping and not self._members.closed and not self.is_gone

    @property
    def is_gone(self) -> bool:
        """Whether it has answered for its last member and ended."""
        return self._code is not None and self._process.poll() is not None

    @property
    def has_ended(self) -> bool:
        """Whether it has answered for its member, or is gone."""
        if self._code is None and select.select([self.answers], [], [], 0)[0]:
            answer = self.answers.readline()
            if answer.strip().isdigit():
                self._code = int(answer)
            elif not answer:  # it is gone; any other line was printed by something before it began to listen
                self._code = self._process.wait()
        return self._code is not None

    @property
    def code(self) -> int:
        """The exit code of its member."""
        assert self._code is not None
        return self._code

    def release(self) -> None:
        """Tells it that no other member will come."""
        self._members.close()

    def end(self, seconds: float) -> bool:
        """Whether it has ended, or does so within this time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        with self._process:  # closes the other pipe
            return True

    def kill(self) -> None:
        """Ends it: what it has trained is saved."""
        self._process.kill()
        self.end(PATIENCE)

    def _tell(self, sweep: SweepFolder, name: str) -> None:
        told = json.dumps({"arguments": member_arguments(sweep, name), "log": str(sweep.log(name))})
        with contextlib.suppress(BrokenPipeError):  # it is gone: has_ended finds out
            self._members.write(f"{told}\n".encode())
        self._given += 1
        if self._given == self._limit:
            self._members.close()  # which says that no other member will come
