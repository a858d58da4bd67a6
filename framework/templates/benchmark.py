"""The benchmark my_benchmark: say in one line what is timed beside what."""

from dataclasses import dataclass

import numpy as np

from framework import Benchmark, field, register
from framework.testing.timing import bench_row, in_turn


@register("my_benchmark")
@dataclass(frozen=True, kw_only=True)
class MyBenchmark(Benchmark):
    """A product of two matrices in float32 beside the same in float64. Source: whose question it is."""

    size: int = field(64, "rows and columns of the matrices", at_least=1)

    def measure(self, repeats, seconds):
        """One row: ours and the reference took turns, so that a machine whose speed drifts slows both alike."""
        times = in_turn({dtype: self._products(dtype) for dtype in ("float32", "float64")}, repeats, seconds)
        return [bench_row("my_benchmark", {"size": self.size}, times["float32"], "float64", times["float64"])]

    def _products(self, dtype):
        matrix = np.ones((self.size, self.size), dtype)
        return lambda count: [matrix @ matrix for _ in range(count)]
