"""What the figures have in common: curves read from runs, and the shapes that are looked for in them."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from framework import Curve, Panel, Run, Verdict
from framework.pictures import collapse, exponent
from framework.reading import fitted_step, grokked_step, last_value
from framework.records import GROKKED

DRIFT = "ntk_drift/absolute"  # ‖Θ_t − Θ_0‖_F, what the paper draws
ORDERS = 0.01  # "negligible" is two orders of magnitude below
NEARLY = 0.95  # share of the training examples: the last of them may take long, and be lost again
LATER = 0.1  # share of the kernel's change that counts as going on
FLAT = 0.1  # a slope that counts as none, and an error of it that still tells
MIDDLE = (0.3, 0.4, 0.5, 0.6, 0.7)  # accuracies far from chance and from 1
APART = 1 / 3  # between the exponents 4/3, 5/3 and 2 that are to be told apart
Value = Callable[[Run], float]  # what the members of a panel differ in


def accuracies(run: Run, label: str, colour: int) -> list[Curve]:
    """Training accuracy dashed, test accuracy solid, of the task's headline."""
    return _pair(run, run.headline, label, colour)


def losses(run: Run, label: str, colour: int) -> list[Curve]:
    """Training loss dashed, test loss solid."""
    return _pair(run, "loss", label, colour)


def kernel_change(run: Run, label: str, colour: int, second: bool = False) -> Curve:
    """‖Θ_t − Θ_0‖_F; dotted where it shares a panel with accuracies."""
    said = f"{label} eNTK change".strip() if second else label
    return Curve(said, *until_divergence(run, DRIFT), ":" if second else "-", colour, second)


def several(runs: Sequence[Run], value: Value, symbol: str, title: str) -> Panel:
    """Accuracies of runs that differ in one value, one colour per value."""
    curves = [curve for i, run in enumerate(runs) for curve in accuracies(run, f"{symbol} = {value(run):g}", i)]
    return Panel(title, "step", "accuracy", curves)


def final_norms(runs: Sequence[Run], title: str) -> Panel:
    """‖θ‖_∞ at the end against p."""
    ordered = sorted(runs, key=modulus)
    curve = Curve("‖θ‖_∞", list(map(modulus, ordered)), list(map(_final_norm, ordered)), "o-")
    return Panel(title, "p", "‖θ‖_∞ at the end", [curve], x_axis="linear", from_zero=True)


def size_curves(runs: Sequence[Run]) -> dict[int, tuple[list[int], list[float]]]:
    """For each p (training sizes n, test accuracies at the end), by n."""
    by_p: dict[int, list[tuple[int, float]]] = {}
    for run in runs:
        by_p.setdefault(modulus(run), []).append((size(run), _final_accuracy(run)))
    return {p: tuple(map(list, zip(*sorted(points), strict=True))) for p, points in sorted(by_p.items())}  # type: ignore[misc]


def sizes_panel(runs: Sequence[Run], power: float, said: str, title: str) -> Panel:
    """Test accuracy at the end against n / p^power, one curve per p."""
    curves = [
        Curve(f"p = {p}", [n / p**power for n in sizes], accuracy, "o-", i)
        for i, (p, (sizes, accuracy)) in enumerate(size_curves(runs).items())
    ]
    return Panel(title, f"n / {said}", "test accuracy", curves, x_axis="linear")


def kernel_waits(run: Run, setting: str) -> Verdict:
    """Whether the kernel is where it was when the training set is fitted, and far from there at the end."""
    fitted = interpolated_step(run)
    then, end = kernel_at(run, fitted), last_value(run, DRIFT)
    share = then / end if then is not None and end else None
    nearly = kernel_at(run, _first_step(run, "train/accuracy", NEARLY))
    measured = {"step fitted": fitted, "change when fitted": then, "change at the end": end, "ratio": share}
    measured[f"ratio when {NEARLY:.0%} are fitted"] = nearly / end if nearly is not None and end else None
    seen = share is not None and share <= ORDERS
    return Verdict(f"{setting}: the eNTK changes only after the training set is fitted", measured, f"ratio ≤ {ORDERS}", seen)


def kernel_goes_on(run: Run, setting: str) -> Verdict:
    """Whether much of the kernel's change comes after the training set is interpolated."""
    fitted = interpolated_step(run)
    then, end = kernel_at(run, fitted), last_value(run, DRIFT)
    later = 1 - then / end if then is not None and end else None
    measured = {"step fitted": fitted, "change when fitted": then, "change at the end": end, "share after": later}
    seen = later is not None and later >= LATER
    return Verdict(f"{setting}: the eNTK keeps changing after interpolation", measured, f"share after ≥ {LATER}", seen)


def gap_closes(runs: Sequence[Run], value: Value, setting: str) -> Verdict:
    """Whether a smaller α closes the gap between training and test accuracy.

    Judged by the area between them, where the run of the smallest α generalizes: one that learns nothing has a small area too.
    log10(grokked step / fitted step), which is null where a run has not grokked, is reported beside it.
    """
    ordered = sorted(runs, key=value)
    areas = [area(run) for run in ordered]
    measured: dict[str, int | float | None] = {f"area at α = {value(run):g}": one for run, one in zip(ordered, areas, strict=True)}
    measured |= {f"decades from fitted to grokked at α = {value(run):g}": _delay(run) for run in ordered}
    measured |= {"test accuracy at the smallest α": (end := _final_accuracy(ordered[0]))}
    seen = len(areas) > 1 and all(a < b for a, b in zip(areas, areas[1:], strict=False)) and end >= GROKKED
    expected = f"area ascending in α, test accuracy ≥ {GROKKED}"
    return Verdict(f"{setting}: a smaller α closes the gap between training and test", measured, expected, seen)


def slower_when_small(runs: Sequence[Run], value: Value, setting: str) -> Verdict:
    """Whether a smaller α delays fitting."""
    ordered = sorted(runs, key=value)
    steps = [interpolated_step(run) for run in ordered]
    measured = {f"step fitted at α = {value(run):g}": step for run, step in zip(ordered, steps, strict=True)}
    known = [step for step in steps if step is not None]
    seen = len(known) == len(steps) > 1 and all(a >= b for a, b in zip(known, known[1:], strict=False)) and known[0] > known[-1]
    return Verdict(f"{setting}: a smaller α slows training", measured, "descending in α", seen)


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


def generalizes(runs: Sequence[Run], setting: str) -> Verdict:
    """Whether every run ends with test accuracy ≥ 0.99."""
    measured = {f"test accuracy at p = {modulus(run)}": _final_accuracy(run) for run in sorted(runs, key=modulus)}
    return Verdict(f"{setting}: generalizes", measured, f"≥ {GROKKED} for every p", all(x >= GROKKED for x in measured.values()))


def flat(runs: Sequence[Run], setting: str, grokked: bool = False) -> Verdict:
    """Whether ‖θ‖_∞ at the end depends on p: the exponent of a power law. grokked: only of runs that generalize."""
    ordered = [run for run in sorted(runs, key=modulus) if not grokked or _final_accuracy(run) >= GROKKED]
    slope, error = exponent([modulus(run) for run in ordered], [_final_norm(run) for run in ordered])
    norms = {f"‖θ‖_∞ at p = {modulus(run)}": _final_norm(run) for run in ordered}
    measured = {"exponent": slope, "standard error": error, **norms}
    seen = abs(slope) <= FLAT and error <= FLAT  # a slope that nobody knows is not flat
    which = "after grokking" if grokked else "at the end"
    return Verdict(f"{setting}: ‖θ‖_∞ {which} is flat in p", measured, f"exponent 0, within {FLAT}, error ≤ {FLAT}", seen)


def method(run: Run) -> str:
    """'max-entry penalty λ = 10, adam', 'weight decay 0.3, adamw'; 'as printed' for gradient descent with the printed penalty."""
    optimizer, penalty = run.config.optimizer, run.config.penalty
    if (optimizer.name, penalty.name) == ("gd", "linf"):
        return "as printed"
    if penalty.name == "none":
        return f"weight decay {optimizer.weight_decay:g}, {optimizer.name}"
    return f"{'max-entry' if penalty.name == 'linf' else 'squares'} penalty λ = {penalty.coefficient:g}, {optimizer.name}"


def setting(run: Run) -> str:
    """'as printed, p = 47, n = 2*p^2.25'."""
    return f"{method(run)}, p = {run.config.task.p}, n = {run.config.task.train_size}"


def interpolated_step(run: Run) -> int | None:
    """The first step at which every training example is answered correctly: in regression every tuple, g > p/2 where it is true."""
    return fitted_step(run, "accuracy")


def scale(run: Run) -> float:
    """α, the factor on the initialization."""
    return float(run.config.model.init_scale)


def modulus(run: Run) -> int:
    """The modulus p."""
    return int(run.config.task.p)


def size(run: Run) -> int:
    """n, the number of training points."""
    return len(run.experiment.splits.train)


def kernel_at(run: Run, step: int | None) -> float | None:
    """The eNTK change at a step, between measurements by a power law in 1 + step; None where the step is, or before the first change."""
    if step is None:
        return None
    steps, values = run.series(DRIFT)
    steps, values = steps[values > 0], values[values > 0]
    if not len(steps) or step < steps[0]:
        return None
    return float(np.exp(np.interp(np.log1p(step), np.log1p(steps), np.log(values))))


def _first_step(run: Run, metric: str, level: float) -> int | None:
    steps, values = until_divergence(run, metric)
    reached = np.flatnonzero(values >= level)
    return int(steps[reached[0]]) if len(reached) else None


def area(run: Run) -> float:
    """∫ (training − test accuracy) d log₁₀ step from step 1 on by trapezoids, in decades; NaN for a run that diverged."""
    if diverged(run):
        return math.nan
    (steps, train), (_, test) = (run.series(f"{split}/{run.headline}") for split in ("train", "test"))
    there = steps >= 1
    return float(np.trapezoid((train - test)[there], np.log10(steps[there])))


def diverged(run: Run) -> bool:
    """Whether the training loss ended as NaN or infinite."""
    return bool(np.isnan(run.metrics()["train/loss"][-1]))


def until_divergence(run: Run, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) of a metric while the training loss was finite: after that an accuracy is an accident."""
    steps, values = run.series(metric)
    columns = run.metrics()
    lost = columns["step"][np.isnan(columns["train/loss"])]
    before = steps < (lost[0] if len(lost) else np.inf)
    return steps[before], values[before]


def _pair(run: Run, quantity: str, label: str, colour: int) -> list[Curve]:
    styles = (("train", "--"), ("test", "-"))
    return [Curve(f"{label} {split}".strip(), *until_divergence(run, f"{split}/{quantity}"), style, colour) for split, style in styles]


def _delay(run: Run) -> float:
    """log10(grokked / fitted); NaN where the run never fits or never groks."""
    fitted, grokked = interpolated_step(run), grokked_step(run)
    return math.nan if fitted is None or grokked is None else math.log10(max(grokked, 1) / max(fitted, 1))


def _final_accuracy(run: Run) -> float:
    return _last(run, f"test/{run.headline}")


def _final_norm(run: Run) -> float:
    return _last(run, "norms/linf")


def _last(run: Run, metric: str) -> float:
    value = last_value(run, metric)
    return math.nan if value is None or diverged(run) else value
