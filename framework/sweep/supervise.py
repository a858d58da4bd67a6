"""What engines with processes have in common: members are started, watched, stopped and marked."""

import abc
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from framework.errors import Diverged, Interrupted, StorageError, UserError
from framework.sessions import StopRequest
from framework.storage import append_to, holder, open_file, storage
from framework.sweep.folder import SweepFolder
from framework.sweep.standings import ELSEWHERE, FAILED, FINISHED, RUNNING, STOPPED, WAITING

EXPLAINED = (UserError.exit_code, Diverged.exit_code, StorageError.exit_code)  # a member that ends with one of these has said why
# The file, not -m, which would look for our packages in the user's folder first.
WHYGROK = [sys.executable, str(Path(__file__).resolve().parents[2] / "whygrok.py")]
POLL_SECONDS = 0.1  # how often signals and processes are checked
REFRESH_SECONDS = 1.0  # how often the running members are read


class Child(abc.ABC):
    """A member in another process, and its log."""

    def __init__(self, log: Path, command: Sequence[str], talks: bool = False, variables: Mapping[str, str] | None = None):
        """talks: its input and output are unbuffered pipes; otherwise its output goes to the log, as its stderr always does.

        variables: those of its environment that are not ours, such as what `Gpus.take` gives.
        """
        self._stopping = False
        self.begin_log(log)
        with storage("writing", log), append_to(log) as file:
            ends: dict[str, Any] = {"stdin": subprocess.PIPE if talks else subprocess.DEVNULL, "stdout": subprocess.PIPE if talks else file}
            ends |= {"stderr": file, "env": os.environ | dict(variables or {})}
            # In a group of its own, Ctrl-C reaches it through us only.
            self._process = subprocess.Popen(command, **ends, process_group=0, bufsize=0)
        self.answers: Any = self._process.stdout  # what it writes, where it talks

    def begin_log(self, log: Path) -> None:
        """Notes where the log ends now: what an earlier attempt wrote is not this one's."""
        with storage("writing", log), append_to(log) as file:
            self._log, self._begins = log, file.tell()

    @property
    @abc.abstractmethod
    def has_ended(self) -> bool:
        """Whether the member has ended, one way or another."""

    @property
    @abc.abstractmethod
    def code(self) -> int:
        """The exit code of the member that has ended, negative for a signal."""

    def stop(self) -> None:
        """Asks it, once, to save and stop."""
        if not self._stopping:
            self._process.terminate()
        self._stopping = True

    def wait(self) -> None:
        """Waits until the process is gone."""
        self._process.wait()

    def last_words(self) -> str:
        """The sentence with which it ended."""
        if self.code < 0:
            return f"killed by {next((one.name for one in signal.Signals if one == -self.code), f'signal {-self.code}')}"
        with storage("reading", self._log), open_file(self._log) as log:
            log.seek(self._begins)
            said = log.read().decode(errors="replace")
        ours = explained(said) if self.code in EXPLAINED else ""
        return ours or raised(said) or f"ended with exit code {self.code}, without a word"


def member_arguments(sweep: SweepFolder, name: str) -> list[str]:
    """What follows `whygrok run` for a member: its config and its run directory; its curves are drawn when somebody looks at it."""
    return [f"--config={sweep.config(name)}", f"--workdir={sweep.directory(name).path}", "--undrawn"]


def supervise(sweep: SweepFolder, jobs: int, stop: StopRequest, start: Callable[[str], Child]) -> None:
    """Runs the unfinished members, at most `jobs` at once. After a signal all save and stop, and no other is started."""
    waiting, running = deque(sweep.in_state(WAITING)), dict[str, Child]()
    read = time.monotonic()
    try:
        while running or (waiting and not stop.received):
            while waiting and len(running) < jobs and not stop.received:
                _start(sweep, waiting.popleft(), running, start)
            if stop.received:
                _stop(running)
            for name in [name for name, child in running.items() if child.has_ended]:
                sweep.mark(name, *_end(sweep, name, running.pop(name), stop))
            if not (waiting or running or stop.received):
                waiting.extend(sweep.let_go())
            elif time.monotonic() - read > REFRESH_SECONDS:
                sweep.refresh()
                read = time.monotonic()
            if running:
                _pause(running)
    finally:
        _stop(running)
        for child in running.values():
            child.wait()


def explained(said: str) -> str:
    """The last message of ours that is not a warning."""
    ours = [line.removeprefix("whygrok: ") for line in said.splitlines() if line.startswith("whygrok: ")]
    return next((line for line in reversed(ours) if not line.startswith("warning: ")), "")


def raised(said: str) -> str:
    """The line of an exception, after the frames of its traceback; nothing where there is none."""
    _, traceback, after = said.rpartition("Traceback (most recent call last):\n")
    return next((line for line in after.splitlines() if line[:1].strip()), "") if traceback else ""


def _start(sweep: SweepFolder, name: str, running: dict[str, Child], start: Callable[[str], Child]) -> None:
    if may_start(sweep, name):
        running[name] = start(name)
        sweep.mark(name, RUNNING)


def may_start(sweep: SweepFolder, name: str) -> bool:
    """Whether a member is to be started: not where another process has finished it meanwhile, or writes it, which is marked."""
    if sweep.is_finished(name):
        sweep.mark(name, FINISHED)
    elif other := holder(sweep.directory(name).lock):
        sweep.mark(name, ELSEWHERE, f"{other} writes it")
    else:
        return True
    return False


def _pause(running: dict[str, Child]) -> None:
    """Waits until a child has something to say, but not for long: signals, and children that say nothing, are looked at as well."""
    talking = [child.answers for child in running.values() if child.answers]
    if not talking:
        time.sleep(POLL_SECONDS)
    wait(talking, POLL_SECONDS)


def _stop(running: dict[str, Child]) -> None:
    for child in running.values():
        child.stop()


def _end(sweep: SweepFolder, name: str, child: Child, stop: StopRequest) -> tuple[str, str, int]:
    """(state, sentence, exit code) of a member whose process has ended: its files decide, then its exit code."""
    if sweep.is_finished(name):
        return FINISHED, "", child.code
    too_early = stop.received and child.code == -signal.SIGTERM  # before it could listen to signals
    if child.code == Interrupted.exit_code or too_early:
        return STOPPED, "", child.code
    if child.code == UserError.exit_code and (other := holder(sweep.directory(name).lock)):  # that one took the lock first
        return ELSEWHERE, f"{other} writes it", child.code
    return FAILED, child.last_words(), child.code
