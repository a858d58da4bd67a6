"""Commands in processes that begin at once: each is forked from one that has imported everything and has not started JAX."""

import importlib
import itertools
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import types
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import whygrok
from framework import cli, registry
from framework.evidence import reproduce
from tests.command_server import NEEDED

for _module in (*NEEDED, "matplotlib.backends.backend_agg", "matplotlib.ticker", *(module for module, _ in cli.COMMANDS.values())):
    importlib.import_module(_module)
supervise = importlib.import_module("framework.sweep.supervise")  # the module: the package has a function of that name
_ = [registry.entries(kind) for kind in registry.KINDS]

LIMIT_SECONDS = 900.0  # in which every command must end: the machine may be busy
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGING = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}


@dataclass(frozen=True)
class Instant:
    """The call-th change of a file by one of the processes of a command: by itself (0), or by the n-th that it starts."""

    call: int
    process: int = 0
    together: bool = False  # whether those that it started die with it
    kills: bool = True  # else whoever started the command is told, and sends a signal


class Running:
    """A command that runs in a process of its own, and what it says."""

    def __init__(self, words: Sequence[str], folder: Path, instant: Instant | None = None, figure: str = ""):
        """folder: that of the changes which are counted; what the command says goes to a file beside it.

        figure: a sweep file that takes the place of a figure's.
        """
        self.error = folder.with_name(f"{folder.name}.said")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.faults.prepared"])
        self._told, tells = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(list(words), str(folder), str(self.error), instant, figure, tells))
        self._process.start()
        tells.close()
        self.heard()  # it is about to begin

    def heard(self, seconds: float = LIMIT_SECONDS) -> str | None:
        """What the command tells within that time: "ready", the number of changes that it made, "here" at the instant; else None."""
        try:
            return str(self._told.recv()) if self._told.poll(seconds) else None
        except EOFError:
            return None

    def send(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self._process.is_alive() and self._process.pid:
            os.kill(self._process.pid, number)

    def kill_with_all(self) -> None:
        """As a power cut: with what it has started."""
        started = children(self._process.pid or 0)
        self.send(signal.SIGKILL)
        for one in started:
            kill(one)

    def ended(self) -> int:
        """The exit code, negative for a signal. Raises TimeoutError where it hangs, and kills it."""
        self._process.join(LIMIT_SECONDS)
        if self._process.exitcode is None:
            self.kill_with_all()
            raise TimeoutError(f"still running after {LIMIT_SECONDS:.0f} s: {self.said()[-400:]}")
        return self._process.exitcode

    def said(self) -> str:
        """Its standard error."""
        return self.error.read_text() if self.error.exists() else ""


def in_process(function: Callable[..., Any], *arguments: Any, seconds: float = 3600.0) -> Any:
    """What a function gives in a process of its own, in which JAX may be started."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.prepared"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result(seconds)


def children(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after[1]) == pid and after[0] != "Z":
            found.append(int(file.parent.name))
    return found


def kill(pid: int) -> None:
    """kill −9, also of what has ended."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


_here = 0  # which process of the command this is
_started: list[int] = []  # what it has started
_count = itertools.count()


def _work(words: list[str], folder: str, error: str, instant: Instant | None, figure: str, told: Connection) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, whygrok._stop)
    for number, file in ((0, os.devnull), (1, os.devnull), (2, error)):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1, closefd=False)
    supervise.subprocess = types.SimpleNamespace(Popen=Forked, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL)
    if figure:
        load_sweep = reproduce.load_sweep
        reproduce.load_sweep = lambda spec, changes=None: load_sweep(figure, changes)
    _count_changes(folder, instant, told)
    sys.argv = ["whygrok", *words]
    told.send("ready")
    try:
        whygrok.main()
    finally:
        told.send(next(_count))


def _count_changes(folder: str, instant: Instant | None, told: Connection) -> None:
    def seen(event: str, arguments: tuple[Any, ...]) -> None:
        writing = event in _CHANGING or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING)
        if writing and folder in str(arguments[0]) and next(_count) == getattr(instant, "call", -1) and _here == instant.process:
            if not instant.kills:
                told.send("here")
                return
            for one in _started if instant.together else ():
                kill(one)
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(seen)


class Forked:
    """What `subprocess.Popen` is to the engine `processes`: `whygrok work`, in a process forked from this one."""

    _ends: list[Any] = []  # ours of all pipes: no other process may hold them open

    def __init__(self, command: Sequence[str], *, stderr: Any, env: dict[str, str], **_: Any):
        from jax._src import xla_bridge

        assert command[-1] == "work" and not xla_bridge.backends_are_initialized()
        global _here, _count
        reads, writes = os.pipe()
        answered, answers = os.pipe()
        self.stdin, self.stdout = os.fdopen(writes, "wb", 0), os.fdopen(answered, "rb", 0)
        Forked._ends += [self.stdin, self.stdout]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.pid = os.fork()
        if not self.pid:
            _here, _count = len(_started) + 1, itertools.count()
            os.setpgid(0, 0)
            for end in Forked._ends:
                end.close()
            for number, file in ((reads, 0), (answers, 1), (stderr.fileno(), 2)):
                os.dup2(number, file)
            os.environ |= env
            sys.argv = ["whygrok", "work"]
            try:
                whygrok.main()
            except SystemExit as end:
                os._exit(end.code if isinstance(end.code, int) else 1)
            os._exit(1)
        _started.append(self.pid)
        os.close(reads)
        os.close(answers)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        until = time.monotonic() + (math.inf if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("whygrok work", timeout or 0.0)
            time.sleep(0.005)
        return code

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def __enter__(self) -> "Forked":
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self.stdin, self.stdout):
            end.close()
            Forked._ends.remove(end)
        self.wait()
