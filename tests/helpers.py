"""Small runs and how to compare them, for the tests of what survives an interruption."""

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_collections import ConfigDict

from framework import Engine, train
from framework.config import experiment, from_dict, select
from framework.run import complete_steps, read_leaves
from framework.sweep import train_here

PLUGINS = str(Path(__file__).parent / "data" / "remembering.py")
QUIET = {"tensorboard": False, "progress": False, "plot": False}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Here(Engine):
    """Each member in this process, one after another."""

    def train(self, sweep: Any, jobs: int, stop: Any) -> None:
        for name in sweep.in_state("waiting"):
            if not stop.received:
                train_here(sweep, name)


def tiny(steps: int = 6, **changes: Any) -> ConfigDict:
    """A run of a moment: p = 5, four neurons, AdamW, probes that remember; checkpoints at every third step, none by the clock."""
    parts: dict[str, Any] = {
        "task": select("modular_addition", p=5, k=2),
        "model": select("quadratic", width="4", init_scale=2.0),
        "optimizer": select("adamw", learning_rate=0.01),
        "probes": {"norms": select("norms", schedule="every 3"), "count": select("counting", schedule="every 2")},
        "events": {"metrics": "every 2"},
        "checkpoint": {"every_steps": 3, "every_seconds": 0.0, "keep": 2},
        "recording": QUIET,
        "plugins": (PLUGINS,),
    }
    return experiment(steps=steps, **parts | changes)


def rows(path: Path) -> list[str]:
    """The lines of metrics.jsonl as they stand, but for the seconds."""
    text = (path / "metrics.jsonl").read_text()
    assert text.endswith("\n")
    return [re.sub(r'"seconds": [0-9.e-]+, ?', "", line) for line in text.splitlines()]


def leaves(path: Path, step: int | None = None) -> dict[str, tuple[str, bytes]]:
    """Every leaf of a checkpoint, by default the newest, as dtype and bytes."""
    step = max(complete_steps(path / "checkpoints")) if step is None else step
    stored = read_leaves(path / "checkpoints" / str(step))
    return {name: (f"{leaf.dtype}{leaf.shape}", leaf.tobytes()) for name, leaf in stored.items()}


def arrays(path: Path) -> dict[str, bytes]:
    """Every array of arrays/, as bytes, by step and name."""
    found = {}
    for file in sorted((path / "arrays").glob("*")):
        with np.load(file) as stored:
            found |= {f"{file.stem}/{name}": stored[name].tobytes() for name in stored.files}
    return found


def assert_same_run(path: Path, uninterrupted: Path) -> None:
    """Rows, arrays, parameters, optimizer and probe state are the same to the bit, and nothing is left over."""
    assert rows(path) == rows(uninterrupted)
    assert arrays(path) == arrays(uninterrupted)
    assert leaves(path) == leaves(uninterrupted)
    assert sorted(file.name for file in path.rglob("*tmp*")) == []


def content(path: Path) -> dict[str, tuple[int, bytes]]:
    """Modification time and bytes of every file of a run."""
    return {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in sorted(path.rglob("*")) if file.is_file()}


def slow_but(quick: Any, values: Iterable[Any]) -> list[Any]:
    """The values of a parametrized test; those for which `quick` is false are run by `pytest -m slow` only."""
    slow = pytest.mark.slow
    several = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*one, marks=() if quick(one if len(one) > 1 else one[0]) else slow) for one in several]


def train_json(text: str, path: str, cache: str) -> None:
    """Trains the config that a JSON text holds: what a process of its own is given to do.

    cache: a folder in which such processes share compiled programs, since compiling is most of what they would do.
    """
    import jax

    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    train(from_dict(json.loads(text)), path)


def cached(folder: Path) -> dict[str, str]:
    """The environment of a command that shares compiled programs through a folder."""
    return {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(folder), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


@contextlib.contextmanager
def command_server(environment: dict[str, str]) -> Iterator[Callable[[Path, list[str]], tuple[int, str]]]:
    """A function of folder and words that runs `whygrok …` or a script in a process of its own: exit code and standard error."""
    words = [sys.executable, "-m", "tests.command_server"]
    server = subprocess.Popen(
        words, cwd=Path(__file__).parents[1], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin and server.stdout
    given, answers = server.stdin, server.stdout

    def run(folder: Path, words: list[str]) -> tuple[int, str]:
        error = folder / "standard_error"
        error.write_text("")
        given.write(json.dumps([str(folder), str(error), words]) + "\n")
        given.flush()
        return int(answers.readline()), error.read_text()

    yield run
    server.communicate(timeout=60)
