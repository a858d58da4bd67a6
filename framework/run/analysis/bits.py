"""Two runs of one config, to the bit: their rows, their arrays, and every array of the states that both have saved."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from framework.run.analysis.comparison import UNTIMED, compare_rows

if TYPE_CHECKING:
    from framework.run.loading import Run


@dataclass(frozen=True)
class Bits:
    """What was compared, and the first difference in a clause; nothing where every bit is the same."""

    rows: int
    arrays: int
    states: int
    difference: str

    def __str__(self) -> str:
        said = f"{self.rows} rows, {self.arrays} events with arrays and {self.states} saved states"
        return f"not the same: {self.difference}" if self.difference else f"the same to the bit: {said}"


def same_bits(one: "Run", other: "Run") -> Bits:
    """How two runs of one config compare. Raises UserError where a checkpoint is damaged."""
    rows = compare_rows(one, other)
    names = sorted({name for run in (one, other) for name in run.array_names()})
    arrays = {name: (one.arrays(name), other.arrays(name)) for name in names}
    steps = sorted({*one.steps} & {*other.steps})
    events = {step for pair in arrays.values() for side in pair for step in side}
    found = next(_differences(one, other, rows["first_difference"], arrays, steps), "")
    return Bits(rows["in_common"], len(events), len(steps), found)


def _differences(one: "Run", other: "Run", first: dict | None, arrays: dict, steps: list[int]) -> Iterator[str]:
    if first is not None:
        yield f"{first['column']} at step {first['step']:,} is {first['one']}, then {first['other']}"
    sides = [{row["step"]: row.keys() - {*UNTIMED} for row in run.rows} for run in (one, other)]
    for step in sorted(sides[0].keys() & sides[1].keys()):
        if lone := sorted(sides[0][step] ^ sides[1][step]):
            yield f"{lone[0]} is recorded at step {step:,} in one of the two"
    last = min(max([*side, *run.steps], default=-1) for side, run in zip(sides, (one, other), strict=True))  # a run may have been stopped
    for step in sorted(step for step in sides[0].keys() ^ sides[1].keys() if step <= last):
        yield f"there is a row of step {step:,} in one of the two"
    for name, (mine, theirs) in arrays.items():
        for step in sorted(step for step in {*mine, *theirs} if step <= last):
            if step not in mine or step not in theirs or not _same(mine[step], theirs[step]):
                yield f"{name} at step {step:,}"
    for step in steps:
        mine, theirs = one.leaves(step), other.leaves(step)
        for name in sorted(mine.keys() | theirs.keys()):
            if name not in mine or name not in theirs or not _same(mine[name], theirs[name]):
                yield f"{name} of the state saved at step {step:,}"


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return (one.dtype, one.shape) == (other.dtype, other.shape) and one.tobytes() == other.tobytes()
