"""Test accuracy against the number of samples: the curves for several p, and the law by which the samples needed grow with p."""

import math
from collections.abc import Sequence

import numpy as np

from framework import Curve, Panel, Run, Verdict
from framework.pictures import Law, Samples, Thresholds, collapse, interval
from plugins.shapes.runs import final_accuracy, modulus, size
from plugins.shapes.seeds import across, by_setting

MIDDLE = (0.3, 0.4, 0.5, 0.6, 0.7)  # accuracies far from chance and from 1
APART = 1 / 3  # between the exponents 4/3, 5/3 and 2 that are to be told apart
REACH = "the 95 % interval over seeds, joined with exponent ± 2 standard errors over p"
TOLD = 0.95  # share of the draws in which one law must predict better than all others to be told from them
LAWS: dict[str, Law] = {
    "p^(3/2)": lambda p: p**1.5,
    "p^(5/3)": lambda p: p ** (5 / 3),
    "p²/log p": lambda p: p**2 / math.log(p),
    "p²": lambda p: p**2,
    "p^2.25": lambda p: p**2.25,
    "p^2.5": lambda p: p**2.5,
    "p³": lambda p: p**3,
}


def samples_of(runs: Sequence[Run]) -> Samples:
    """For each p the training sizes n, ascending, and the test accuracies at the end, [seeds, sizes]. Every size has the same seeds."""
    found: dict[int, list[tuple[int, list[float]]]] = {}
    for seeds in by_setting(runs):
        found.setdefault(modulus(seeds[0]), []).append((size(seeds[0]), list(map(final_accuracy, seeds))))
    made = {}
    for p, points in sorted(found.items()):
        sizes, accuracies = zip(*sorted(points), strict=True)
        made[p] = (list(sizes), np.nan_to_num(np.array(accuracies).T))  # what diverged has learned nothing
    return made


def sizes_panel(runs: Sequence[Run], power: float, said: str, title: str) -> Panel:
    """Test accuracy at the end against n / p^power, one colour per p: median, range and each run over seeds."""
    curves: list[Curve] = []
    for i, (p, (sizes, accuracies)) in enumerate(samples_of(runs).items()):
        points = {n / p**power: list(column) for n, column in zip(sizes, accuracies.T, strict=True)}
        curves += across(points, f"p = {p}", i)
    return Panel(title, f"n / {said}", "test accuracy", curves, x_axis="linear")


def thresholds_panels(runs: Sequence[Run], laws: Sequence[str], title: str) -> list[Panel]:
    """The n at which the mean accuracy over seeds is ½ against p, with its 95 % interval over seeds, and laws laid through it.

    No panel where fewer than two p reach it.
    """
    samples = samples_of(runs)
    half = Thresholds.of(samples, [0.5]).reached[0]
    there = [p for p, n in zip(samples, half, strict=True) if math.isfinite(n)]
    if len(there) < 2:
        return []
    drawn = np.exp(Thresholds.drawn(samples, [0.5]).only(there).reached[:, 0])
    low, high = zip(*map(interval, drawn.T), strict=True)
    measured = half[np.isfinite(half)]
    curves = [Curve("n at accuracy ½", there, np.exp(measured), "o-", 0, low=low, high=high)]
    for style, name in zip(("--", "-.", ":"), laws, strict=False):
        law = np.log([LAWS[name](p) for p in there])
        curves.append(Curve(name, there, np.exp(law + np.mean(measured - law)), style, None))
    return [Panel(title, "p", "n at accuracy ½", curves, x_axis="log", log_y=True)]


def growth(runs: Sequence[Run]) -> dict[str, int | float | None]:
    """How the samples needed grow with p: the exponent of the collapse with its errors, its local values, and the n at accuracy ½.

    The 95 % interval is over seeds, from draws with replacement at each p; the standard error leaves out one p at a time.
    """
    samples = samples_of(runs)
    every, least = Thresholds.of(samples), min(samples)
    low, high = interval(Thresholds.drawn(samples).exponent())
    found, error = collapse({p: (n, accuracies.mean(axis=0)) for p, (n, accuracies) in samples.items()})
    without, middle = every.only([p for p in samples if p != least]), Thresholds.of(samples, MIDDLE)
    measured: dict[str, int | float | None] = {"exponent": found, "95 % from": low, "95 % to": high, "standard error over p": error}
    measured |= {f"exponent without p = {least}": float(without.exponent())}
    measured |= {"exponent at accuracies 0.3 to 0.7": float(middle.exponent())}
    measured |= {f"local exponent {a} to {b}": value for (a, b), value in every.local_exponents().items()}
    half = np.exp(Thresholds.of(samples, [0.5]).reached[0])
    return measured | {f"n at accuracy 1/2, p = {p}": float(n) for p, n in zip(samples, half, strict=True)}


def law_holds(runs: Sequence[Run], predicted: str, rivals: Sequence[str], setting: str) -> Verdict:
    """Whether a law of growth predicts the samples needed at a p that was left out better than its rivals do.

    Seen if it has the least error in 95 % of the draws over seeds. What has the least error in at least 5 % of them cannot be told
    from it, which is said.
    """
    samples = samples_of(runs)
    every = Thresholds.of(samples)
    laws = {name: LAWS[name] for name in (predicted, *rivals)}
    measured: dict[str, int | float | None] = {f"held-out error, {name}": float(every.held_out_error(law)) for name, law in laws.items()}
    measured["held-out error, fitted power"] = float(every.held_out_error(None))
    shares = Thresholds.drawn(samples).best_in_draws(laws)
    measured |= {f"best in draws, {name}": share for name, share in shares.items()}
    near = [name for name, share in shares.items() if share > 1 - TOLD]
    told = f"; cannot be told apart here: {', '.join(near)}" if len(near) > 1 else ""
    expected = f"{predicted} best in ≥ {TOLD:.0%} of draws{told}"
    return Verdict(f"{setting}: the samples needed grow like {predicted}", measured, expected, shares[predicted] >= TOLD)


def exponent_is(runs: Sequence[Run], predicted: float, said: str, setting: str) -> Verdict:
    """Whether accuracy against n is one curve for all p when n is divided by p^predicted, and not another power.

    Seen if the exponent may be the predicted one, by its interval over seeds and two standard errors over p together, and may not
    be the powers a third away.
    """
    measured = growth(runs)
    low, high = reach(measured)
    expected = f"{predicted:.4g} is in, {predicted - APART:.4g} and {predicted + APART:.4g} are out of: {REACH}"
    seen = predicted - APART < low <= predicted <= high < predicted + APART
    return Verdict(f"{setting}: accuracy against n collapses at n / {said}", measured, expected, seen)


def reach(measured: dict[str, int | float | None]) -> tuple[float, float]:
    """The ends of what an exponent may be, by seeds and by p together; NaN where one of them is not known."""
    e, error, low, high = (measured[name] for name in ("exponent", "standard error over p", "95 % from", "95 % to"))
    if e is None or error is None or low is None or high is None:
        return math.nan, math.nan
    return float(np.minimum(low, e - 2 * error)), float(np.maximum(high, e + 2 * error))
