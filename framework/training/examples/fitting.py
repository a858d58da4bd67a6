"""Whether model, probes and loss take the inputs of a task, and its targets; a pair that does not go together is refused in a sentence."""

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp

from framework import registry
from framework.errors import FieldError, UserError, one_of
from framework.fields import parts
from framework.interfaces import Model, Probe, Split, Splits, Task


def check_model(task: Task, model: Model) -> None:
    """Raises FieldError for a model, or one inside it, that does not take the task's inputs."""
    for path, part in parts(model, "model"):
        if isinstance(part, Model) and (kind := task.sizes.kind) not in part.inputs:
            others = [entry.name for entry in registry.entries("model") if kind in entry.cls.inputs]  # type: ignore[attr-defined]
            fitting = f"{_whose(task)}; models that take {kind}: {one_of(others)}"
            raise FieldError(f"{path}.name", name_of(part), f"takes {_in_words(part.inputs)}, not {fitting}; {_tasks(part.inputs)}")


def check_probes(task: Task, splits: Splits, probes: dict[str, Probe]) -> None:
    """Raises FieldError for a probe that does not take the task's inputs, or that needs labels where there are none."""
    kind = task.sizes.kind
    labels = not any(probe.needs_labels for probe in probes.values()) or _has_labels(splits)
    for name, probe in probes.items():
        for path, part in parts(probe, f"probes.{name}"):
            if not isinstance(part, Probe) or (kind in part.inputs and (labels or not part.needs_labels)):
                continue
            classes = {entry.name: entry.cls for entry in registry.entries("probe")}
            others = [name for name, cls in classes.items() if kind in cls.inputs and (labels or not cls.needs_labels)]  # type: ignore[attr-defined]
            if kind not in part.inputs:
                fitting = f"looks at {_in_words(part.inputs)}, not {_whose(task)}; {_tasks(part.inputs)}"
            else:
                fitting = f"needs targets that are labels, and those of task.name = {name_of(task)!r} are values"
            raise FieldError(f"{path}.name", name_of(part), f"{fitting}; probes that fit: {one_of(others)}")


def check_loss(task: Task, splits: Splits) -> None:
    """Raises FieldError for a loss of labels where the task's answers are values."""
    if not task.loss.of_values and not _has_labels(splits):
        others = [entry.name for entry in registry.entries("loss") if entry.cls.of_values]  # type: ignore[attr-defined]
        fitting = f"is a loss of labels, and the answers of task.name = {name_of(task)!r} are values; losses of values: {one_of(others)}"
        raise FieldError("task.loss.name", name_of(task.loss), fitting)


def _has_labels(splits: Splits) -> bool:
    """Whether the right answers are labels, also where a task has splits of its own; where those do not say, the probe will."""
    if isinstance(splits.population, Split):
        return splits.population.has_labels
    try:
        _, answers, _ = splits.population.questions
    except AttributeError:
        return True
    return hasattr(answers, "dtype") and bool(jnp.issubdtype(answers.dtype, jnp.integer))


def _whose(task: Task) -> str:
    return f"the {task.sizes} of task.name = {name_of(task)!r}"


def _tasks(kinds: Iterable[str]) -> str:
    """'tasks of tokens: …': of those whose defaults are enough to know it."""
    found = [entry.name for entry in registry.entries("task") if _kind_of(entry.cls) in kinds]
    return f"tasks of {_in_words(kinds)}: {one_of(found)}"


def _kind_of(cls: type[Any]) -> str:
    try:
        return str(cls().sizes.kind)
    except UserError:  # a task that needs a file
        return ""


def _in_words(kinds: Iterable[str]) -> str:
    return " or ".join(kinds)


def name_of(plugin: Any) -> str:
    """The name that it is registered by; of one that is not, its class."""
    entries = registry.entries(registry.interface_of(type(plugin)))
    return next((entry.name for entry in entries if entry.cls is type(plugin)), type(plugin).__name__)
