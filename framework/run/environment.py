"""What a run's bits depend on: versions, processor, devices, flags. Written beside the run, compared at resume."""

import functools
import logging
import os
import platform
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from framework.config import flatten, to_dict
from framework.errors import StorageError, UserError
from framework.records import COMPLETE, KILLED, STOPPED, read_environment
from framework.registry import broken_package
from framework.run.programs import keep_programs
from framework.storage import IN_THE_WAY, explain, read_text, set_aside, write_json
from framework.training import PROGRAMS, hosts

log = logging.getLogger("whygrok")

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "ml-collections", "numpy", "whygrok")
ONE_DEVICE = "1 × 1"  # the mesh of a run that is not spread
GIT_SECONDS = 60.0  # how old the answer of git may be
_ISA_FLAGS = ("avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "neon", "asimd", "sve")


def bits_depend_on() -> dict[str, Any]:
    """Everything that the promise of "the same bits" depends on; a resume says what differs."""
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "programs": PROGRAMS,
        "platform": f"{platform.system()} {platform.machine()}",
        "instruction_set": _instruction_set(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "device": jax.devices()[0].device_kind,
        "devices": jax.device_count(),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
    }


_started_in: set[int] = set()  # the processes in which JAX was started, of which all but this one are further up


def start_backend() -> None:
    """Starts JAX before anything is written, and lets it keep compiled programs.

    Raises UserError when JAX_PLATFORMS names a platform that is not there, and in a process that was forked from one in which JAX has
    started: its threads are not here, and whatever waits for them waits for ever.
    """
    if os.getpid() in _started_in:
        return
    if _started_in:
        raise UserError(
            "JAX had started in the process from which this one was forked, and does not work here: start processes anew, as by "
            'multiprocessing.get_context("spawn")'
        )
    if flags := os.environ.get("XLA_FLAGS"):
        log.info("XLA_FLAGS=%s (a flag that XLA does not know ends the process here)", flags)
    try:
        jax.devices()
    except Exception as error:  # while it starts, it asks every installed package whether it has devices
        if broken := broken_package(error):
            raise broken from error
        if not isinstance(error, RuntimeError | AssertionError):
            raise
        platforms = os.environ.get("JAX_PLATFORMS", "")
        raise UserError(f"JAX cannot start (JAX_PLATFORMS={platforms!r}): {error}") from error
    _started_in.add(os.getpid())
    keep_programs()


def check_alike(config: ConfigDict) -> None:
    """Raises UserError, on all hosts of a run, where one has another config, other versions or another processor than the first.

    What lies whole on several devices is computed on each of them: it has to be the same bits.
    """
    if hosts.count() == 1:
        return
    mine = flatten(to_dict(config)) | bits_depend_on()
    theirs = hosts.from_first(mine)
    differing = [name for name in dict.fromkeys([*theirs, *mine]) if mine.get(name) != theirs.get(name)]
    if not (others := hosts.from_all([len(differing)])[:, 0]).any():
        return
    lines = [f"  {name}: {theirs.get(name)!r} on host 0, {mine.get(name)!r} on host {hosts.number()}" for name in differing]
    which = ", ".join(str(number) for number in others.nonzero()[0])
    said = ":" if lines else ", which says in what"
    raise UserError(
        f"the hosts of a run must have one config, one kind of processor and one version of everything; host {which} differs{said}",
        then="\n".join(lines),
    )


class Sessions:
    """environment.json: the environment now, and one record per session (start, end, reason)."""

    def __init__(self, path: Path):
        self._path, self._damage = path, ""
        try:
            self._content = read_environment(path)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in IN_THE_WAY:
                raise StorageError(f"reading {path}: {explain(error, path)}") from error
            self._content, self._damage = {"sessions": []}, str(error)

    @property
    def content(self) -> dict[str, Any]:
        """What environment.json holds; a warning where it is damaged."""
        if self._damage:
            log.warning("%s cannot be read, and is not used: %s", self._path, self._damage)
        return self._content

    @property
    def first_start(self) -> float:
        """Seconds since the epoch at which the run first started."""
        sessions = self._content["sessions"]
        return datetime.fromisoformat(sessions[0]["start"]).timestamp() if sessions else time.time()

    @property
    def completed_at(self) -> int | None:
        """The step at which the last session completed the run; None when it did not."""
        return self._last.get("at_step") if self._last.get("reason") == COMPLETE or self.stopped_by else None

    @property
    def stopped_by(self) -> str:
        """Why the last session ended the run before its last step: "stop_when: objective < 0.1 (step 400)"; empty where it did not."""
        reason = str(self._last.get("reason"))
        return reason if reason.startswith(STOPPED) else ""

    @property
    def _last(self) -> dict[str, Any]:
        return self._content["sessions"][-1] if self._content["sessions"] else {}

    def check_data(self, digest: str) -> None:
        """Raises UserError where the run began with other data: a file that a task reads has changed since."""
        before = self._content["data"] = self._content.get("data") or digest
        if before != digest:
            raise UserError(
                f"{self._path.parent}: the examples are not those that this run began with (data in {self._path.name}: {before[:12]}, "
                f"now {digest[:12]}). A file that the task reads has changed: put it back, or use a new --workdir."
            )

    def start(self, step: int, lanes: int = 1, mesh: str = ONE_DEVICE, **facts: Any) -> list[str]:
        """Records a session that begins at `step`; returns what has changed since the last one, in words.

        lanes: how many networks its program trains at once. mesh: how one network is spread over devices. facts: what else is written
        for readers of the run without its plugins.
        """
        if self._damage:  # what it said of earlier sessions, and of their examples, is lost to this run
            aside = set_aside(self._path, "damaged").name
            log.warning("%s could not be read (%s): it is now %s, and a new record begins", self._path, self._damage, aside)
        now = bits_depend_on() | {"lanes": lanes, "mesh": mesh, "hosts": hosts.count()}
        before = {"lanes": 1, "mesh": ONE_DEVICE, "hosts": 1} | (self._content.get("bits_depend_on") or now)
        changed = [f"{name}: {before.get(name)} → {now[name]}" for name in now if before.get(name) != now[name]]
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]).encode("utf-8", "backslashreplace").decode()  # bytes of any kind
        session = {"start": _now(), "from_step": step, "host": socket.gethostname(), "command": command, "changed": changed}
        self._content |= {"bits_depend_on": now, "git_commit": _git_commit(), **facts}
        self._content["sessions"].append(session | {"end": None, "at_step": None, "reason": KILLED})
        write_json(self._path, self._content)
        return changed

    def end(self, step: int, reason: str, seconds: Mapping[str, float]) -> None:
        """Records how the session ended. seconds: where its time went, by account."""
        self._content["sessions"][-1] |= {"end": _now(), "at_step": step, "reason": reason, "seconds": dict(seconds)}
        write_json(self._path, self._content)

    def spent(self, account: str, seconds: float) -> None:
        """Records what was done for the last session after its end."""
        if self._last.get("seconds"):
            self._last["seconds"][account] = seconds
            write_json(self._path, self._content)

    @property
    def seconds(self) -> dict[str, float]:
        """Where the time of the last session went, by account; empty where that is not known."""
        return dict(self._last.get("seconds") or {})


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


@functools.cache
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@functools.cache
def _instruction_set() -> str:
    try:
        lines = read_text("/proc/cpuinfo", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    flags = next((line.split() for line in lines if line.startswith(("flags", "Features"))), [])
    return " ".join(flag for flag in _ISA_FLAGS if flag in flags)


def _git_commit() -> str | None:
    """Commit of the working directory, with '+ changes' when there are uncommitted ones; None outside a repository."""
    try:
        return _asked_of_git(os.getcwd(), int(time.monotonic() / GIT_SECONDS))
    except (OSError, subprocess.SubprocessError):
        return None


@functools.lru_cache(maxsize=1)
def _asked_of_git(folder: str, moment: int) -> str:
    """moment: git is asked again when it has changed, and not by each of many short runs in one process."""
    keywords: dict[str, Any] = {"cwd": folder, "capture_output": True, "text": True, "timeout": 5, "check": True}
    commit = subprocess.run(["git", "rev-parse", "HEAD"], **keywords).stdout.strip()
    dirty = subprocess.run(["git", "--no-optional-locks", "status", "--porcelain"], **keywords).stdout
    return commit + (" + changes" if dirty else "")
