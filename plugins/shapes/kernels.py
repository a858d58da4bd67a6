"""How the tangent kernel of a run moves: its curve, and the verdicts on when it does, each over the seeds of one setting."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framework import Curve, Run, Verdict
from framework.reading import last_value
from plugins.shapes.runs import first_step, interpolated_step, last, until_divergence
from plugins.shapes.seeds import band, over_seeds

DRIFT, RELATIVE, COSINE = "ntk_drift/absolute", "ntk_drift/relative", "ntk_drift/cosine"  # ‖Θ_t − Θ_0‖_F is what the paper draws
LINEARIZED = "laziness/train_error"
ORDERS = 0.01  # "orders of magnitude" are two
NEAR = 0.1  # of ‖Θ_0‖: what the kernel may move in its regime
ALIGNED = 0.995  # √(1 − NEAR²): a kernel that moved by NEAR is no farther than this from its old direction
NEARLY = 0.95  # share of the training examples: the last of them may take long, and be lost again
LATER = 0.1  # share of the kernel's change that counts as going on


@dataclass(frozen=True)
class Fit:
    """A run when it first answers its training set: the kernel's change against its end, against ‖Θ_0‖, and the cosine with Θ_0.

    None where the run never fits, or the kernel was not measured before. The share of a run that diverged is NaN: its end is none.
    """

    step: int | None
    share: float | None
    relative: float | None
    cosine: float | None

    @classmethod
    def of(cls, run: Run) -> "Fit":
        """What a run with the probe ntk_drift recorded."""
        step = interpolated_step(run)
        then, end = kernel_at(run, step), last(run, DRIFT)
        share = then / end if then is not None and end else None
        return cls(step, share, kernel_at(run, step, RELATIVE), cosine_at(run, step) if then is not None else None)

    @property
    def waits(self) -> bool:
        """Whether the kernel's change at the end is orders of magnitude larger."""
        return self.share is not None and self.share <= ORDERS

    @property
    def lazy(self) -> bool:
        """Whether the kernel is still the initial one; its direction then is too, to rounding."""
        return self.relative is not None and self.cosine is not None and self.relative <= NEAR and self.cosine >= ALIGNED


def kernel_changes(runs: Sequence[Run], label: str, colour: int, second: bool = False) -> list[Curve]:
    """‖Θ_t − Θ_0‖_F over the seeds of one setting; dotted where it shares a panel with accuracies."""
    said = f"{label} eNTK change".strip() if second else label
    return band([until_divergence(run, DRIFT) for run in runs], said, ":" if second else "-", colour, second)


def kernel_waits(runs: Sequence[Run], setting: str) -> Verdict:
    """Whether the kernel's change is orders of magnitude larger in the end than when the training set is fitted, for every seed."""
    fits = list(map(Fit.of, runs))
    nearly = [kernel_at(run, first_step(run, "train/accuracy", NEARLY)) for run in runs]
    ends = [last(run, DRIFT) for run in runs]
    early = [then / end if then is not None and end else None for then, end in zip(nearly, ends, strict=True)]
    measured = numbers(fits)
    if any(share is not None for share in early):
        measured |= over_seeds({f"change when {NEARLY:.0%} are fitted ÷ change at the end": early})
    claim = f"{setting}: the eNTK's change is orders of magnitude larger after the training set is fitted"
    return Verdict(claim, measured, f"change when fitted ÷ change at the end ≤ {ORDERS}", all(fit.waits for fit in fits))


def kernel_regime(runs: Sequence[Run], setting: str) -> Verdict:
    """Whether every seed is in the kernel regime when it fits: the eNTK is the initial one to a tenth of its norm.

    The kernel's predictions do not feel its scale, so the cosine stands beside it: a change of a tenth leaves at least √(1 − 0.1²).
    """
    fits = list(map(Fit.of, runs))
    measured = numbers(fits)
    if any(last_value(run, LINEARIZED) is not None for run in runs):
        errors = [value_at(run, interpolated_step(run), LINEARIZED) for run in runs]
        measured |= over_seeds({"error of the linearized network when fitted": errors})
    expected = f"change when fitted ÷ ‖Θ_0‖ ≤ {NEAR}, so that cosine ≥ {ALIGNED}"
    return Verdict(f"{setting}: the network is in the kernel regime when it has fitted", measured, expected, all(fit.lazy for fit in fits))


def kernel_goes_on(runs: Sequence[Run], setting: str) -> Verdict:
    """Whether much of the kernel's change comes after the training set is interpolated, for every seed."""
    fits = list(map(Fit.of, runs))
    later = [None if fit.share is None else 1 - fit.share for fit in fits]
    measured = numbers(fits) | over_seeds({"share of the change after": later})
    seen = all(share is not None and share >= LATER for share in later)
    return Verdict(f"{setting}: the eNTK keeps changing after interpolation", measured, f"share after ≥ {LATER}", seen)


def numbers(fits: Sequence[Fit]) -> dict[str, int | float | None]:
    """The three numbers by which laziness is judged, and the step at which they are read: median and range over seeds."""
    return over_seeds(
        {
            "step fitted": [fit.step for fit in fits],
            "change when fitted ÷ change at the end": [fit.share for fit in fits],
            "change when fitted ÷ ‖Θ_0‖": [fit.relative for fit in fits],
            "cosine with Θ_0 when fitted": [fit.cosine for fit in fits],
        }
    )


def kernel_at(run: Run, step: int | None, metric: str = DRIFT) -> float | None:
    """The eNTK change at a step, between measurements by a power law in 1 + step; None where the step is, or before the first change."""
    if step is None:
        return None
    steps, values = run.series(metric)
    steps, values = steps[values > 0], values[values > 0]
    if not len(steps) or step < steps[0]:
        return None
    return float(np.exp(np.interp(np.log1p(step), np.log1p(steps), np.log(values))))


def cosine_at(run: Run, step: int | None) -> float | None:
    """The cosine of the eNTK with the initial one at a step."""
    return value_at(run, step, COSINE)


def value_at(run: Run, step: int | None, metric: str) -> float | None:
    """A metric at a step, between measurements on a straight line over log(1 + step); None where the step is, or nothing was measured."""
    if step is None or last_value(run, metric) is None:
        return None
    steps, values = run.series(metric)
    there = np.isfinite(values)
    return float(np.interp(np.log1p(step), np.log1p(steps[there]), values[there])) if there.any() else None
