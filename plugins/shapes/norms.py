"""‖θ‖_∞ at the end against p."""

from collections.abc import Sequence

import numpy as np

from framework import Panel, Run, Verdict
from framework.pictures import DRAWS, exponent, interval
from framework.records import GROKKED
from plugins.shapes.runs import final_accuracy, last, modulus
from plugins.shapes.seeds import across, by_setting, median, over_seeds

FLAT = 0.1  # a slope that counts as none, and an error of it that still tells


def final_norms(runs: Sequence[Run], title: str) -> Panel:
    """‖θ‖_∞ at the end against p: its median and range over seeds."""
    points = {modulus(seeds[0]): list(map(final_norm, seeds)) for seeds in _by_p(runs)}
    return Panel(title, "p", "‖θ‖_∞ at the end", across(points, "‖θ‖_∞"), x_axis="linear", from_zero=True)


def flat(runs: Sequence[Run], setting: str, grokked: bool = False) -> Verdict:
    """Whether ‖θ‖_∞ at the end depends on p: the exponent of a power law in the medians over seeds, and its 95 % interval over seeds.

    grokked: only of runs that generalize.
    """
    groups = [[run for run in seeds if not grokked or final_accuracy(run) >= GROKKED] for seeds in _by_p(runs)]
    norms = {modulus(seeds[0]): list(map(final_norm, seeds)) for seeds in groups if seeds}
    slope, error = exponent(list(norms), list(map(median, norms.values())))
    low, high = interval(_slopes(norms)) if max(map(len, norms.values()), default=0) > 1 else (slope, slope)
    measured: dict[str, int | float | None] = {"exponent": slope, "standard error": error, "95 % from": low, "95 % to": high}
    measured |= over_seeds({f"‖θ‖_∞ at p = {p}": ends for p, ends in norms.items()})
    seen = np.max(np.abs([low, high, error])) <= FLAT  # a slope that nobody knows is not flat
    which = "after grokking" if grokked else "at the end"
    expected = f"exponent 0: its interval over seeds within {FLAT}, its error over p ≤ {FLAT}"
    return Verdict(f"{setting}: ‖θ‖_∞ {which} is flat in p", measured, expected, bool(seen))


def final_norm(run: Run) -> float:
    """‖θ‖_∞ in the last row; NaN for a run that diverged."""
    return last(run, "norms/linf")


def _by_p(runs: Sequence[Run]) -> list[list[Run]]:
    return sorted(by_setting(runs), key=lambda seeds: modulus(seeds[0]))


def _slopes(norms: dict[int, list[float]]) -> np.ndarray:
    """The exponent in draws of the seeds with replacement, for each p by itself."""
    generator = np.random.default_rng(0)
    drawn = np.stack([np.log(np.nanmedian(generator.choice(ends, (DRAWS, len(ends))), axis=1)) for ends in norms.values()], axis=1)
    x = np.log(list(norms)) - np.log(list(norms)).mean()
    return drawn @ x / (x @ x if len(norms) > 1 else np.nan)
