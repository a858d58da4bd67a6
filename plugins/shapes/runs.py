"""What a run is one of, and what it ended with: the facts by which figures choose and order runs."""

import math
from collections.abc import Callable

import numpy as np

from framework import Run
from framework.reading import fitted_step, last_value

Value = Callable[[Run], float]  # what the members of a panel differ in


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


def scale(run: Run) -> float:
    """α, the factor on the initialization."""
    return float(run.config.model.init_scale)


def modulus(run: Run) -> int:
    """The modulus p."""
    return int(run.config.task.p)


def size(run: Run) -> int:
    """n, the number of training points."""
    return len(run.experiment.splits.train)


def interpolated_step(run: Run) -> int | None:
    """The first step at which every training example is answered correctly: in regression every tuple, g > p/2 where it is true."""
    return fitted_step(run, "accuracy")


def first_step(run: Run, metric: str, level: float) -> int | None:
    """The first step at which a metric is at least at a level; None where it never is."""
    steps, values = until_divergence(run, metric)
    reached = np.flatnonzero(values >= level)
    return int(steps[reached[0]]) if len(reached) else None


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


def final_accuracy(run: Run) -> float:
    """Test accuracy in the last row, of the task's headline; NaN for a run that diverged."""
    return last(run, f"test/{run.headline}")


def last(run: Run, metric: str) -> float:
    """The last value of a metric; NaN where there is none, and for a run that diverged."""
    value = last_value(run, metric)
    return math.nan if value is None or diverged(run) else value
