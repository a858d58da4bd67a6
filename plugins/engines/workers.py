"""The engine `workers`: processes that train one member after another, so that what is imported once serves the next.

A worker that dies takes only its present member with it; another worker is started for the next.
"""

import contextlib
import json
import select
from dataclasses import dataclass

from framework import Engine, register
from framework.sessions import StopRequest
from framework.sweep import WHYGROK, Child, SweepFolder, member_arguments, supervise

COMMAND = [*WHYGROK, "work"]


@register("workers")
@dataclass(frozen=True, kw_only=True)
class Workers(Engine):
    """Processes that train several members in turn, which is faster when members are short.

    Bits are those of `whygrok run`. Source: whygrok.
    """

    def train(self, sweep: SweepFolder, jobs: int, stop: StopRequest) -> None:
        """Trains what is waiting in at most `jobs` processes."""
        started: list[Worker] = []

        def start(name: str) -> Worker:
            worker = next((one for one in started if one.is_free), None)
            if worker is None:
                started.append(worker := Worker(sweep, name))
            else:
                worker.give(sweep, name)
            return worker

        try:
            supervise(sweep, jobs, stop, start)
        finally:
            for worker in started:
                worker.dismiss()


class Worker(Child):
    """A process that trains the members it is given, and how its present one stands."""

    def __init__(self, sweep: SweepFolder, name: str):
        super().__init__(sweep.log(name), COMMAND, talks=True)
        assert self._process.stdin and self._process.stdout
        self._members, self._answers = self._process.stdin, self._process.stdout
        self._code: int | None = None
        self._tell(sweep, name)

    def give(self, sweep: SweepFolder, name: str) -> None:
        """Has it train another member."""
        self._code = None
        self.begin_log(sweep.log(name))
        self._tell(sweep, name)

    @property
    def is_free(self) -> bool:
        """Whether it could be given another member: after a failure a process is not trusted again, and it ends itself."""
        return self._code == 0 and not self._stopping and self._process.poll() is None

    @property
    def has_ended(self) -> bool:
        """Whether it has answered for its member, or is gone."""
        if self._code is None and select.select([self._answers], [], [], 0)[0]:
            answer = self._answers.readline()
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

    def dismiss(self) -> None:
        """Tells it that no other member will come, and waits for its end."""
        self._members.close()
        with self._process:  # closes the other pipe, and waits
            pass

    def _tell(self, sweep: SweepFolder, name: str) -> None:
        told = json.dumps({"arguments": member_arguments(sweep, name), "log": str(sweep.log(name))})
        with contextlib.suppress(BrokenPipeError):  # it is gone: has_ended finds out
            self._members.write(f"{told}\n".encode())
