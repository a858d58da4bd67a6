"""The curves of a run over its steps, and the verdict that it generalizes."""

from collections.abc import Sequence

from framework import Curve, Panel, Run, Verdict
from framework.records import GROKKED
from plugins.shapes.runs import Value, final_accuracy, modulus, until_divergence


def accuracies(run: Run, label: str, colour: int) -> list[Curve]:
    """Training accuracy dashed, test accuracy solid, of the task's headline."""
    return _pair(run, run.headline, label, colour)


def losses(run: Run, label: str, colour: int) -> list[Curve]:
    """Training loss dashed, test loss solid."""
    return _pair(run, "loss", label, colour)


def several(runs: Sequence[Run], value: Value, symbol: str, title: str) -> Panel:
    """Accuracies of runs that differ in one value, one colour per value."""
    curves = [curve for i, run in enumerate(runs) for curve in accuracies(run, f"{symbol} = {value(run):g}", i)]
    return Panel(title, "step", "accuracy", curves)


def generalizes(runs: Sequence[Run], setting: str) -> Verdict:
    """Whether every run ends with test accuracy ≥ 0.99."""
    measured = {f"test accuracy at p = {modulus(run)}": final_accuracy(run) for run in sorted(runs, key=modulus)}
    return Verdict(f"{setting}: generalizes", measured, f"≥ {GROKKED} for every p", all(x >= GROKKED for x in measured.values()))


def _pair(run: Run, quantity: str, label: str, colour: int) -> list[Curve]:
    styles = (("train", "--"), ("test", "-"))
    return [Curve(f"{label} {split}".strip(), *until_divergence(run, f"{split}/{quantity}"), style, colour) for split, style in styles]
