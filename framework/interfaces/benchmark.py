"""Benchmark: programs of ours, timed beside the ones that they are compared with."""

import abc
from dataclasses import dataclass
from typing import Any

from framework.interfaces.plugin import Plugin


@dataclass(frozen=True, kw_only=True)
class Benchmark(Plugin):
    """Something that `whygrok bench` times; its fields are the sizes at which it is timed."""

    @abc.abstractmethod
    def measure(self, repeats: int, seconds: float) -> list[dict[str, Any]]:
        """Rows made by `framework.testing.timing.bench_row`, from programs that took turns.

        repeats: number of timed runs of each program; their median is reported. seconds: about how long each of them takes.
        """
