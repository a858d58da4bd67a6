"""The curves of runs over their steps, each setting with a band over its seeds, and the verdict that it generalizes."""

from collections.abc import Sequence

from framework import Curve, Panel, Run, Verdict
from framework.records import GROKKED
from plugins.shapes.runs import Value, diverged, final_accuracy, modulus, until_divergence
from plugins.shapes.seeds import band, by_setting, over_seeds


def accuracies(runs: Sequence[Run], label: str, colour: int) -> list[Curve]:
    """Training accuracy dashed, test accuracy solid, of the task's headline, over the seeds of one setting."""
    return _pair(runs, runs[0].headline, label, colour)


def losses(runs: Sequence[Run], label: str, colour: int) -> list[Curve]:
    """Training loss dashed, test loss solid, over the seeds of one setting."""
    return _pair(runs, "loss", label, colour)


def quantity(runs: Sequence[Run], metric: str, label: str, style: str = "-", colour: int = 0, second: bool = False) -> list[Curve]:
    """A metric over the steps, its median and range over the seeds of one setting; what diverged ends there and has no band."""
    if any(map(diverged, runs)):
        return [Curve(label, *until_divergence(run, metric), style, colour, second, faint=i > 0) for i, run in enumerate(runs)]
    return band([run.series(metric) for run in runs], label, style, colour, second)


def several(runs: Sequence[Run], value: Value, symbol: str, title: str) -> Panel:
    """Accuracies of runs that differ in one value, one colour per value, with a band over the seeds of each."""
    groups = by_setting(runs)
    curves = [curve for i, seeds in enumerate(groups) for curve in accuracies(seeds, f"{symbol} = {value(seeds[0]):g}", i)]
    return Panel(title, "step", "accuracy", curves)


def generalizes(runs: Sequence[Run], setting: str) -> Verdict:
    """Whether every run, whatever its p and its seed, ends with test accuracy ≥ 0.99; how many seeds of each p do, beside it."""
    measured: dict[str, int | float | None] = {}
    for seeds in sorted(by_setting(runs), key=lambda seeds: modulus(seeds[0])):
        p, ends = modulus(seeds[0]), list(map(final_accuracy, seeds))
        measured |= over_seeds({f"test accuracy at p = {p}": ends})
        if len(seeds) > 1:
            measured[f"seeds of {len(seeds)} that generalize at p = {p}"] = sum(end >= GROKKED for end in ends)
    expected = f"≥ {GROKKED} for every p and seed"
    return Verdict(f"{setting}: generalizes", measured, expected, all(final_accuracy(run) >= GROKKED for run in runs))


def _pair(runs: Sequence[Run], name: str, label: str, colour: int) -> list[Curve]:
    styles = (("train", "--"), ("test", "-"))
    return [curve for split, style in styles for curve in quantity(runs, f"{split}/{name}", f"{label} {split}".strip(), style, colour)]
