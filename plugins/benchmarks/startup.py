"""How long whygrok takes to begin: whole commands in processes of their own, beside Python's import of JAX."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework import Benchmark, field, register
from framework.errors import FieldError
from framework.storage import append_to, read_file, read_text, temporary_folder
from framework.testing.timing import bench_row

WHYGROK = (sys.executable, "-P", "-m", "whygrok")
REFERENCES = {"import jax": "import jax", "pass": "pass"}  # what `python -c` is given
COMMANDS = {"help": ("--help",), "list": ("list",)}
RUNS = ("cold", "warm")
POLL_SECONDS = 0.002


@register("startup")
@dataclass(frozen=True, kw_only=True)
class Startup(Benchmark):
    """Whole commands, from their start: `whygrok --help`, `whygrok list`, and a run's first step without and with a cache.

    "cold" and "warm" are `whygrok run` with one step, until the row of step 1 is on disk: before it are the imports, the
    compilation, the row of step 0 and its checkpoint; the picture comes after. "cold" has an empty folder for compiled
    programs, "warm" one that the same run has filled. The references are `python -c "import jax"` and `python -c pass`. A
    command takes as long as it takes, so --seconds changes nothing. Source: whygrok.
    """

    command: tuple[str, ...] = field((*COMMANDS, *RUNS), "what is timed", choices=(*COMMANDS, *RUNS))
    config: str = field("quickstart", "the config of the run whose first step is timed")

    def measure(self, repeats: int, seconds: float) -> list[dict[str, Any]]:
        """One row per command and reference."""
        with temporary_folder() as folder:
            commands = {name: self._command(name, Path(folder)) for name in self.command}
            references = {name: _until_end([sys.executable, "-c", code]) for name, code in REFERENCES.items()}
            times = _in_turn(commands | references, repeats)
        settings = {name: {"command": name} | ({"config": self.config} if name in RUNS else {}) for name in commands}
        return [bench_row("startup", settings[name], times[name], other, times[other]) for name in commands for other in references]

    def _command(self, name: str, folder: Path) -> Callable[[], float]:
        """What starts a command and returns the seconds that it took."""
        if name in COMMANDS:
            return _until_end([*WHYGROK, *COMMANDS[name]])
        if name == "warm":
            _first_step(self.config, folder / "warm")  # fills the cache
        return lambda: _first_step(self.config, folder / "warm" if name == "warm" else folder / f"cold-{secrets.token_hex(4)}")


def _in_turn(programs: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each program, `repeats` times, in turn."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, program in programs.items():
            times[name].append(1e3 * program())
    return times


def _until_end(command: Sequence[str]) -> Callable[[], float]:
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start

    return seconds


def _first_step(config: str, cache: Path) -> float:
    """Seconds until the row of step 1 is on disk. Raises FieldError, with the run's own last line, when the run fails."""
    settings = {"JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    with temporary_folder() as folder:
        rows, said = Path(folder) / "run" / "metrics.jsonl", Path(folder) / "said"
        command = [*WHYGROK, "run", f"--config={config}", "--config.steps=1", f"--workdir={rows.parent}"]
        start = time.perf_counter()
        with append_to(said) as log, subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log) as child:
            while child.poll() is None and not _has_second_row(rows):
                time.sleep(POLL_SECONDS)
            took = time.perf_counter() - start
        if child.returncode:
            last = read_text(said, errors="replace").strip().splitlines()[-1].removeprefix("whygrok: ")
            raise FieldError("config", config, f"cannot be timed: {last}")
    return took


def _has_second_row(rows: Path) -> bool:
    """The first row is that of step 0."""
    return rows.exists() and read_file(rows).count(b"\n") >= 2
