"""Exponents from a few points: slopes on log axes, and the exponent at which curves collapse."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from framework.pictures.panel import Numbers

LEVELS = tuple(np.arange(0.1, 0.95, 0.1))  # accuracies at which curves are compared

AccuracyCurve = tuple[Numbers, Numbers]  # sizes n, ascending, and accuracy at each


def exponent(x: Numbers, y: Numbers) -> tuple[float, float]:
    """(e, standard error) of y ∝ x^e by least squares on logarithms; NaN where points are too few.

    Two different x suffice for e, three for a standard error. y must be positive.
    """
    if len(x) < 2:
        return float("nan"), float("nan")
    return _common_slope([(np.log(np.asarray(x, float)), np.log(np.asarray(y, float)))])


def crossing(n: Numbers, accuracy: Numbers, level: float) -> float:
    """The n at which accuracy first reaches a level, interpolated in log n; NaN where it starts above or never does."""
    n, accuracy = np.asarray(n, float), np.asarray(accuracy, float)
    reached = np.flatnonzero(accuracy >= level)
    if not len(reached) or reached[0] == 0:
        return float("nan")
    after = reached[0]
    share = (level - accuracy[after - 1]) / (accuracy[after] - accuracy[after - 1])
    return float(np.exp(np.log(n[after - 1]) * (1 - share) + np.log(n[after]) * share))


def collapse(curves: Mapping[Any, AccuracyCurve], levels: Numbers = LEVELS) -> tuple[float, float]:
    """(e, standard error) at which accuracy against n / p^e is most nearly one curve for all p.

    curves: p → (n, accuracy). Least squares of log n at equal accuracy against log p, with one constant per level: the curves
    then lie nearest to each other horizontally. The standard error leaves one p out at a time (jackknife), as the points of
    one curve share its noise: NaN below three p. NaN for e where no level is crossed by two p.
    """
    found = collapse_exponent(curves, levels)
    if len(curves) < 3:
        return found, float("nan")
    left_out = np.array([collapse_exponent({p: curve for p, curve in curves.items() if p != gone}, levels) for gone in curves])
    count = len(left_out)
    return found, float(np.sqrt((count - 1) / count * np.sum((left_out - left_out.mean()) ** 2)))


def collapse_exponent(curves: Mapping[Any, AccuracyCurve], levels: Numbers = LEVELS) -> float:
    """The exponent of `collapse` without its error."""
    groups: list[tuple[np.ndarray, np.ndarray]] = []
    for level in levels:
        crossed = [(np.log(p), np.log(crossing(*curve, level))) for p, curve in curves.items()]
        there = [(x, y) for x, y in crossed if np.isfinite(y)]
        if len(there) > 1:
            groups.append((np.array([x for x, _ in there]), np.array([y for _, y in there])))
    return _common_slope(groups)[0]


def _common_slope(groups: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """The slope that groups of points share, each with a constant of its own, and its standard error."""
    x = np.concatenate([x - x.mean() for x, _ in groups]) if groups else np.empty(0)
    y = np.concatenate([y - y.mean() for _, y in groups]) if groups else np.empty(0)
    if not np.any(x):
        return float("nan"), float("nan")
    slope = float(x @ y / (x @ x))
    freedom = len(x) - len(groups) - 1
    rest = float(np.sum((y - slope * x) ** 2))
    return slope, float(np.sqrt(rest / freedom / (x @ x))) if freedom > 0 else float("nan")
