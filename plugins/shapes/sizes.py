"""Test accuracy against the number of samples: the curves for several p, and the exponent at which they collapse."""

from collections.abc import Sequence

from framework import Curve, Panel, Run, Verdict
from framework.pictures import collapse
from plugins.shapes.runs import final_accuracy, modulus, size

MIDDLE = (0.3, 0.4, 0.5, 0.6, 0.7)  # accuracies far from chance and from 1
APART = 1 / 3  # between the exponents 4/3, 5/3 and 2 that are to be told apart


def size_curves(runs: Sequence[Run]) -> dict[int, tuple[list[int], list[float]]]:
    """For each p (training sizes n, test accuracies at the end), by n."""
    by_p: dict[int, list[tuple[int, float]]] = {}
    for run in runs:
        by_p.setdefault(modulus(run), []).append((size(run), final_accuracy(run)))
    return {p: tuple(map(list, zip(*sorted(points), strict=True))) for p, points in sorted(by_p.items())}  # type: ignore[misc]


def sizes_panel(runs: Sequence[Run], power: float, said: str, title: str) -> Panel:
    """Test accuracy at the end against n / p^power, one curve per p."""
    curves = [
        Curve(f"p = {p}", [n / p**power for n in sizes], accuracy, "o-", i)
        for i, (p, (sizes, accuracy)) in enumerate(size_curves(runs).items())
    ]
    return Panel(title, f"n / {said}", "test accuracy", curves, x_axis="linear")


def collapses(runs: Sequence[Run], predicted: float, said: str, setting: str) -> Verdict:
    """Whether test accuracy against n is one curve for all p when n is divided by p^predicted."""
    measured = collapse_of(runs)
    found, error = measured["exponent"], measured["standard error"]
    expected = f"{predicted:.4g}: error × 2 + distance < {APART:.2g}"
    return Verdict(f"{setting}: accuracy against n collapses at n / {said}", measured, expected, abs(found - predicted) + 2 * error < APART)


def collapse_of(runs: Sequence[Run]) -> dict[str, float]:
    """The exponent of the collapse and its error; beside them what they are without the smallest p, and in the middle of the curves."""
    curves = size_curves(runs)
    without = {p: curve for p, curve in curves.items() if p != min(curves)}
    said = {"": collapse(curves), f" without p = {min(curves)}": collapse(without), " at accuracies 0.3 to 0.7": collapse(curves, MIDDLE)}
    return {
        f"{name}{which}": number for which, both in said.items() for name, number in zip(("exponent", "standard error"), both, strict=True)
    }
