"""What a Benchmark promises."""

from framework.testing.promises import Broken, promise
from framework.testing.subject import Subject

BENCHMARK = "benchmark"
COLUMNS = {"benchmark", "setting", "milliseconds", "spread", "reference", "reference_milliseconds", "ratio"}


@promise(BENCHMARK)
def its_rows_can_be_compared(subject: Subject) -> None:
    """Measured for a moment, it gives rows as `bench_row` makes them: a time, a reference beside it, and their ratio."""
    for row in subject.plugin.measure(1, 0.001):
        if missing := sorted(COLUMNS - set(row)):
            raise Broken(f"a row of measure has no {missing[0]!r}: make rows with framework.testing.timing.bench_row")
        if not row["milliseconds"] > 0 or not row["reference_milliseconds"] > 0:
            raise Broken(f"a row of {row['benchmark']!r} took no time: time a program that does its work so many times, to the end")
