"""At which points a probe looks at the network, and what the right answers are there."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from framework import Context, Probe
from framework.errors import FieldError, UserError
from framework.interfaces import rows_in, take

SPLITS = ("train", "test", "population")
RULE = 'must be "train", "test", "population" or a number of random points'


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Questions:
    """Inputs, their right answers int32 [n], and whether each is asked: in regression, whether it was drawn."""

    inputs: Any
    labels: Int[Array, " n"]
    asked: Bool[Array, " n"]


@dataclass(frozen=True, kw_only=True)
class ProbeAtPoints(Probe):
    """A probe with a field `points`: one word for where it looks, or several."""

    def __post_init__(self) -> None:
        """Also checks the points."""
        super().__post_init__()
        points = self.points  # type: ignore[attr-defined]
        for one in (points,) if isinstance(points, str) else points:
            check_points(one)

    def lighter(self) -> list[str]:
        """Fewer outputs and fewer points, where there are all of them."""
        fewer = {"outputs": ("all", "first"), "points": ("population", "train")}
        return [f"{name}={less}" for name, (most, less) in fewer.items() if getattr(self, name, None) == most]


def check_points(points: str) -> str:
    """The name under which these points are recorded: the split's, or "random". Raises FieldError for anything else."""
    if points in SPLITS:
        return points
    if points.isdecimal() and int(points) > 0:
        return "random"
    raise FieldError("points", points, RULE)


def questions_at(context: Context, points: str) -> Questions:
    """The questions of a split, or, for a number, that many of the population's: the same ones at every event.

    Raises UserError for a task whose targets are not labels.
    """
    inputs, labels, asked = _asked_at(context, points)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise UserError(f"this probe needs targets that are labels; those of {type(context.task).__name__} are {labels.dtype}")
    return Questions(inputs, labels, asked)


def inputs_at(context: Context, points: str) -> tuple[Any, Bool[Array, " n"]]:
    """The inputs of the questions, and whether each is asked: also of a task whose targets are no labels."""
    inputs, _, asked = _asked_at(context, points)
    return inputs, asked


def _asked_at(context: Context, points: str) -> tuple[Any, Any, Bool[Array, " n"]]:
    split = getattr(context.splits, points if points in SPLITS else "population")
    questions = split.questions
    if points in SPLITS:
        return questions  # type: ignore[no-any-return]
    count = rows_in(questions)
    if int(points) > count:
        raise UserError(f"points = {points}: the population has only {count:,} points")
    return take(questions, jax.random.choice(context.key, count, (int(points),), replace=False))  # type: ignore[no-any-return]


def points_of(context: Context, points: str, outputs: str) -> tuple[Any, Shaped[np.ndarray, "n ..."]]:
    """(inputs, right answers: labels [n] or values [n, q]) of a split or of random points; for outputs="own" what `rows_of` gives.

    Raises UserError for a split without points.
    """
    context = replace(context, splits=jax.tree.map(jnp.asarray, context.splits))  # a probe on the host gets NumPy arrays
    if outputs == "own":
        split = getattr(context.splits, points if points in SPLITS else "population")
        count = len(split) if points in SPLITS else int(points)
        x, y = subset(*rows_of(split), count, context.key)
    else:
        x, y, _ = jax.tree.map(np.asarray, _asked_at(context, points))
    if not len(y):
        raise UserError(f"points = {points!r}: there are none; take another split or a larger one")
    return x, y


def rows_of(split: Any) -> tuple[Any, Float[np.ndarray, " n"]]:
    """The examples as points that name an output, and the target of that output alone: in regression on tuples those of the split,
    repeats included; with labels, each input with its right answer, target 1.

    Points are tokens with the output's number in one more column, or of numbers (inputs, the output's number int32 [n]). Raises
    UserError for targets that are several values each.
    """
    inputs, targets = jax.tree.map(np.asarray, split.inputs), np.asarray(split.targets)
    of_tokens = isinstance(inputs, np.ndarray) and np.issubdtype(inputs.dtype, np.integer)
    if np.issubdtype(targets.dtype, np.floating):
        if targets.ndim > 1:
            raise UserError("outputs = 'own': needs targets that are labels, or one value for each point; take first, sum or all")
        return inputs.astype(np.int32) if of_tokens else inputs, targets.astype(np.float64)
    own = targets.astype(np.int32)
    return (np.concatenate([inputs.astype(np.int32), own[:, None]], axis=1) if of_tokens else (inputs, own)), np.ones(len(own))


def subset(x: Any, y: Any, count: int, key: Any) -> tuple[Any, Any]:
    """At most `count` of the points, drawn with the probe's key: the same ones at every event."""
    if count >= len(y):
        return x, y
    chosen = np.sort(np.asarray(jax.random.choice(key, len(y), (count,), replace=False)))
    return take(x, chosen), take(y, chosen)
