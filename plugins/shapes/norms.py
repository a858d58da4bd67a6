"""‖θ‖_∞ at the end against p."""

from collections.abc import Sequence

from framework import Curve, Panel, Run, Verdict
from framework.pictures import exponent
from framework.records import GROKKED
from plugins.shapes.runs import final_accuracy, last, modulus

FLAT = 0.1  # a slope that counts as none, and an error of it that still tells


def final_norms(runs: Sequence[Run], title: str) -> Panel:
    """‖θ‖_∞ at the end against p."""
    ordered = sorted(runs, key=modulus)
    curve = Curve("‖θ‖_∞", list(map(modulus, ordered)), list(map(final_norm, ordered)), "o-")
    return Panel(title, "p", "‖θ‖_∞ at the end", [curve], x_axis="linear", from_zero=True)


def flat(runs: Sequence[Run], setting: str, grokked: bool = False) -> Verdict:
    """Whether ‖θ‖_∞ at the end depends on p: the exponent of a power law. grokked: only of runs that generalize."""
    ordered = [run for run in sorted(runs, key=modulus) if not grokked or final_accuracy(run) >= GROKKED]
    slope, error = exponent([modulus(run) for run in ordered], [final_norm(run) for run in ordered])
    norms = {f"‖θ‖_∞ at p = {modulus(run)}": final_norm(run) for run in ordered}
    measured = {"exponent": slope, "standard error": error, **norms}
    seen = abs(slope) <= FLAT and error <= FLAT  # a slope that nobody knows is not flat
    which = "after grokking" if grokked else "at the end"
    return Verdict(f"{setting}: ‖θ‖_∞ {which} is flat in p", measured, f"exponent 0, within {FLAT}, error ≤ {FLAT}", seen)


def final_norm(run: Run) -> float:
    """‖θ‖_∞ in the last row; NaN for a run that diverged."""
    return last(run, "norms/linf")
