"""Drawing the training sample: how many points, and which."""

from typing import Any

import jax
import numpy as np

from framework import seeds
from framework.errors import FieldError
from framework.fields import evaluate


def sample_size(task: Any, population: int) -> int:
    """The number that `task.train_size` stands for. Names that it may use: the integer fields of the task, and N."""
    count = _resolved(task, "train_size", "N", population)
    limit = None if task.replacement else population
    if count < 1 or (limit is not None and count > limit):
        rule = f"is {count:,} points; it must be between 1 and the population of {population:,}"
        rule += "" if limit else " (or more, with replacement=true)" if count > population else ""
        raise FieldError("train_size", task.train_size, rule)
    return count


def batch_size(task: Any, count: int) -> int:
    """The number that `task.batch_size` stands for. Names that it may use: the integer fields of the task, and n."""
    size = _resolved(task, "batch_size", "n", count)
    if not 1 <= size <= count:
        raise FieldError("batch_size", task.batch_size, f"is {size:,} examples; it must be between 1 and the {count:,} of the sample")
    return size


def randomize(seed: int, labels: Any, share: float, outputs: int) -> Any:
    """The labels, round(share · n) of them replaced by uniform ones (which may be right by chance). Raises FieldError for values."""
    count = round(share * len(jax.tree.leaves(labels)[0]))
    if count == 0:
        return labels
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise FieldError("random_labels", share, "must be 0 where targets are values: it replaces labels")
    generator = seeds.host_generator(seed, "random_labels")
    changed = labels.copy()
    changed[generator.choice(len(labels), count, replace=False)] = generator.integers(0, outputs, count)
    return changed


def sample(seed: int, population: int, count: int, replacement: bool) -> tuple[np.ndarray, np.ndarray]:
    """(indices drawn, int64 [count], ascending; indices never drawn), uniform over the population."""
    generator = seeds.host_generator(seed, "data")
    drawn = np.sort(generator.choice(population, count, replace=replacement))
    return drawn, np.setdiff1d(np.arange(population), drawn, assume_unique=False)


def _resolved(task: Any, field: str, name: str, whole: int) -> int:
    """The value of the expression in a field of the task, in which `name` and 100 % stand for `whole`."""
    numbers = {key: value for key, value in vars(task).items() if type(value) is int}
    try:
        return evaluate(getattr(task, field), numbers | {name: whole}, whole=whole)
    except ValueError as error:
        raise FieldError(field, getattr(task, field), str(error)) from None
