"""Commands given in this process, in a sandbox: how they end, what they say, and what they touch outside of it."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from framework import registry, train
from framework.cli import run_command
from framework.config import members, to_dict
from framework.registry import log
from framework.sweep import run_sweep
from framework.training import Experiment
from tests.helpers import tiny

LIMIT_SECONDS = 3.0  # what takes longer has been accepted, and is left
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGING = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.symlink", "os.link", "os.chmod", "os.chown"}
_hooked: list["Sandbox"] = []  # the one in use, if any: an audit hook is for ever

OWN = '''"""A config."""
from configs.quickstart import get_config as quickstart
from framework.config import override


def get_config(arg=""):
    return override(quickstart(arg), {"task.p": 5, "model.width": 4, "steps": 6, "events.metrics": "every 2"})


def get_sweep(config):
    return [{"seed": 0}, {"seed": 1}]
'''
DRIFT = re.search(r"```python\n# drift\.py\n(.*?)```", (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8"), re.DOTALL)
assert DRIFT


class Begun(BaseException):
    """Stands for the work that a command has begun: no `except Exception` sees it."""


class Sandbox:
    """A folder with runs, a sweep, configs and a plugin, in which commands are given; all else can only be read."""

    def __init__(self, root: Path):
        self.root, self.here, self.outside = root, root / "a" / "b" / "here", list[str]()
        self.made = root / "made"
        if not self.made.exists():
            self._make()
        self.renew()

    def _make(self) -> None:
        beside = self.made.with_name("being made")
        shutil.rmtree(beside, ignore_errors=True)
        (beside / "runs").mkdir(parents=True)
        with registry.temporary():
            train(tiny(plugins=(), probes={}), beside / "runs" / "first")
            train(tiny(plugins=(), probes={}, seed=1), beside / "runs" / "small")
            run_sweep(members(tiny(plugins=(), probes={}), [{"seed": 0}, {"seed": 1}]), beside / "runs" / "scales", engine="batch")
        (beside / "own.py").write_text(OWN)
        (beside / "drift.py").write_text(DRIFT[1])
        (beside / "broken.py").write_text("def get_config(:\n")
        (beside / "data.bin").write_bytes(bytes(range(256)))
        (beside / "own.json").write_text(json.dumps(to_dict(tiny(plugins=(), probes={}))))
        beside.rename(self.made)

    def renew(self) -> None:
        """Everything is as it was, in a folder of the same name, which is the present one again where it was."""
        was_here = _hooked[-1:] == [self]
        shutil.rmtree(self.here, ignore_errors=True)
        shutil.copytree(self.made, self.here)
        if was_here:
            os.chdir(self.here)
        (self.root / "temporary").mkdir(exist_ok=True)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """The present folder is here, and nothing else can be written."""
        before, temporary, bytecode = os.getcwd(), os.environ.get("TMPDIR"), sys.dont_write_bytecode
        sys.dont_write_bytecode = True  # else Python keeps what it has compiled beside the modules
        os.chdir(self.here)
        os.environ["TMPDIR"] = str(self.root / "temporary")
        if not _hooked:
            sys.addaudithook(_seen)
        _hooked.append(self)
        try:
            yield
        finally:
            _hooked[-1:] = [] if len(_hooked) > 1 else [None]  # type: ignore[list-item]
            os.chdir(before)
            sys.dont_write_bytecode = bytecode
            os.environ.pop("TMPDIR")
            os.environ |= {"TMPDIR": temporary} if temporary else {}

    def wrong(self, words: Sequence[str]) -> str:
        """What is wrong about how a command ends, in words; nothing where it ends as commands should."""
        self.outside.clear()
        code, error, failure = given(words)
        if failure is not None:
            return f"{type(failure).__name__}: {failure}"[:600]
        if code is not None and code not in range(6):
            return f"exit code {code}"
        if code is not None and "Traceback" in error and "--debug" not in words:
            return f"a traceback: {error[-600:]}"
        last = error[error.rfind("\nwhygrok: ") + 1 :].rstrip("\n").splitlines() if "whygrok: " in error else error.splitlines()
        if code not in (None, 0) and len(last) > 3 and "--debug" not in words:
            return f"{len(last)} lines: {error[-600:]}"
        if code == 1 and not error and words[:1] != ["doctor"]:
            return "code 1 without a word"
        if touched := [path for path in self.outside if not any(word in path for word in _paths(words))]:
            return f"wrote {touched[:3]}"
        return ""


def given(words: Sequence[str]) -> tuple[int | None, str, Exception | None]:
    """(exit code or None where it was left at work, standard error, what it raised and did not explain)."""
    error, handlers = io.StringIO(), log.handlers[:]
    log.handlers.clear()
    code, failure = None, None
    try:
        with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()), registry.temporary(), _limited():
            code = run_command(list(words))
    except Begun:
        pass
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except Exception as raised:
        failure = raised
    finally:
        log.handlers[:] = handlers
    return code, error.getvalue(), failure


@contextlib.contextmanager
def working() -> Iterator[None]:
    """No process is started, and no step of training is made: a command that comes to it has begun its work."""
    import subprocess

    def begun(*_: Any, **__: Any) -> Any:
        raise Begun

    advance, init = Experiment.advance, subprocess.Popen.__init__
    Experiment.advance, subprocess.Popen.__init__ = begun, begun  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Experiment.advance, subprocess.Popen.__init__ = advance, init  # type: ignore[method-assign]


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    until = time.monotonic() + LIMIT_SECONDS

    def enough(*_: object) -> None:
        if time.monotonic() >= until:
            raise Begun

    before = signal.signal(signal.SIGALRM, enough)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS, 0.5)  # again: what is raised in a callback may be swallowed
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _seen(event: str, arguments: tuple[Any, ...]) -> None:
    sandbox = _hooked[-1]
    if sandbox is None or not (event in _CHANGING or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING)):
        return
    if isinstance(arguments[0], int) or (
        event != "open" and arguments[-1] not in (-1, None) and not os.path.isabs(os.fsdecode(arguments[0]))
    ):
        return  # of a folder that was opened before
    path = os.path.realpath(os.fsdecode(arguments[0]))
    if path not in _folders() and not path.startswith((str(sandbox.root), "/dev/", "/proc/", *_kept())):
        sandbox.outside.append(path)
        raise PermissionError(13, "Permission denied", path)


def _folders() -> list[str]:
    """The folders of the user's own for what is kept."""
    home = os.environ.get("HOME", "/nowhere")
    kinds = {"XDG_STATE_HOME": ".local/state", "XDG_CACHE_HOME": ".cache", "XDG_CONFIG_HOME": ".config"}
    return [os.environ.get(name, f"{home}/{below}") for name, below in kinds.items()]


def _kept() -> list[str]:
    """Where commands may leave something without being told to: compiled programs, whose plugins are trusted, matplotlib's fonts."""
    ours = [f"{folder}/{name}" for folder in _folders() for name in ("whygrok", "matplotlib")]
    return [*ours, os.environ.get("JAX_COMPILATION_CACHE_DIR", ours[0])]


def _paths(words: Sequence[str]) -> list[str]:
    """What the words name as paths: who names a folder means it."""
    values = [word.partition("=")[2] or word for word in words]
    return [os.path.realpath(os.path.expanduser(value)) for value in values if "/" in value or "~" in value or ".." in value]
