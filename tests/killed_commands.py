"""Processes that end by SIGKILL, as `kill -9` ends them, at one instant around a step: for the tests of what survives that."""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from framework import registry
from framework.cli import run_command
from framework.config import from_dict, members
from framework.run import RunRecorder, checkpoints
from framework.sessions.loop import Trainee
from framework.sweep import run_sweep

_ = [registry.entries(kind) for kind in registry.KINDS]  # imported once, and not by each process that is started from this one
INSTANTS = ("before", "changed", "recorded", "publishing")  # of the step in which an intervention is made


def run_from(file: str, path: str) -> int:
    """`whygrok run` of a config file."""
    return run_command(["run", f"--config={file}", f"--workdir={path}"])


def batch_from(file: str, path: str) -> int:
    """Two members of the config, that differ in their seeds, as one batch."""
    config = from_dict(json.loads(Path(file).read_text()))
    return sum(one.state != "finished" for one in run_sweep(members(config, [{"seed": 0}, {"seed": 1}]), path, engine="batch"))


def ended(work: Callable[[str, str], int], file: Path, path: Path, death: tuple[int, str] | None = None) -> int:
    """The exit code of a process of its own that does the work: −9 where it was killed. death: (step, instant), or never."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.killed_commands", "orbax.checkpoint"])
    process = context.Process(target=_work, args=(work, str(file), str(path), death))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _work(work: Callable[[str, str], int], file: str, path: str, death: tuple[int, str] | None) -> None:
    if death is not None:
        _die_at(*death)
    sys.exit(work(file, path))


def _die_at(step: int, instant: str) -> None:
    """From now on, this process kills itself there."""

    def kill(_: Any = None) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(owner: Any, name: str, is_here: Callable[..., bool], after: bool) -> None:
        original = getattr(owner, name)

        def dying(*args: Any, **kwargs: Any) -> Any:
            here = is_here(*args)
            if here and not after:
                kill()
            result = original(*args, **kwargs)
            if here:
                kill()
            return result

        setattr(owner, name, dying)

    if instant in ("before", "changed"):
        wrapped(Trainee, "change", lambda _, event: event.step == step and bool(event.changed), after=instant == "changed")
    elif instant == "recorded":
        wrapped(RunRecorder, "row", lambda _, at, values: at == step, after=True)
    else:
        wrapped(checkpoints, "move", lambda _, new: Path(new).name == str(step), after=False)
