"""The kernel of g at random triples (a, b, c), at which figure 2 was printed, beside that of the summed outputs at all pairs."""

from collections.abc import Sequence

from framework import Run, Verdict
from plugins.shapes.kernels import ORDERS, kernel_at
from plugins.shapes.runs import interpolated_step, last
from plugins.shapes.seeds import over_seeds

TRIPLES = "ntk_triples/absolute"


def has_triples(runs: Sequence[Run]) -> bool:
    """Whether these runs record it."""
    return "ntk_triples" in runs[0].config.probes


def triples_wait(runs: Sequence[Run], setting: str) -> Verdict:
    """Whether this kernel's change is orders of magnitude larger in the end than when the training set is fitted, for every seed."""
    then = [kernel_at(run, interpolated_step(run), TRIPLES) for run in runs]
    ends = [last(run, TRIPLES) for run in runs]
    shares = [a / b if a is not None and b else None for a, b in zip(then, ends, strict=True)]
    measured = over_seeds({"change when fitted": then, "change at the end": ends, "change when fitted ÷ change at the end": shares})
    claim = f"{setting}: at random triples the eNTK's change is orders of magnitude larger after the training set is fitted"
    seen = all(share is not None and share <= ORDERS for share in shares)
    return Verdict(claim, measured, f"change when fitted ÷ change at the end ≤ {ORDERS}", seen)
