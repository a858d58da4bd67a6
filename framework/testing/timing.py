"""Times programs that take turns, so that a machine whose speed drifts slows all of them alike. Medians are reported."""

import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from framework.errors import UserError

Program = Callable[[int], Any]  # does its work so many times, to the end


def in_turn(programs: Mapping[str, Program], repeats: int, seconds: float) -> dict[str, list[float]]:
    """Milliseconds per call of each program, `repeats` times, in turn, each time for about so many seconds."""
    for program in programs.values():
        program(1)  # compiles
    counts = {name: _count(program, seconds) for name, program in programs.items()}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, program in programs.items():
            times[name].append(1e3 * seconds_of(program, counts[name]) / counts[name])
    return times


def _count(program: Program, seconds: float) -> int:
    """How many calls take about so many seconds; one that takes longer by itself is called no more often than needed to see that."""
    if seconds_of(program, 1) > seconds:
        return 1
    return max(1, int(seconds / max(seconds_of(program, 3) / 3, 1e-6)))


def seconds_of(program: Program, count: int) -> float:
    """Seconds that `count` calls take."""
    start = time.perf_counter()
    program(count)
    return time.perf_counter() - start


def timed_command(command: Sequence[str]) -> tuple[float, float]:
    """(seconds, processor seconds) of a command with all that it starts. Raises UserError with its last words where it fails."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise UserError(f"a timed command ended with code {done.returncode}: {done.stderr.strip().rpartition(chr(10))[2]}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bench_row(benchmark: str, setting: dict[str, Any], ours: list[float], reference: str, theirs: list[float]) -> dict[str, Any]:
    """A row of `whygrok bench --json`. The spread is half the distance between the quartiles, the ratio the median over the pairs.

    theirs: empty where the reference is not installed; its numbers are then None.
    """
    quarter, median, three_quarters = np.percentile(ours, [25, 50, 75])
    return {
        "benchmark": benchmark,
        "setting": setting,
        "milliseconds": float(median),
        "spread": float(three_quarters - quarter) / 2,
        "reference": reference,
        "reference_milliseconds": float(np.median(theirs)) if theirs else None,
        "ratio": float(np.median(np.array(ours) / np.array(theirs))) if theirs else None,
    }
