"""At which points a probe looks at the network, and what the right answers are there."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from framework import Context
from framework.errors import FieldError, UserError

SPLITS = ("train", "test", "population")
RULE = 'must be "train", "test", "population" or a number of random points'


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Questions:
    """Inputs int32 [n, k], their right answers int32 [n], and whether each is asked: in regression, whether it was drawn."""

    inputs: Int[Array, "n k"]
    labels: Int[Array, " n"]
    asked: Bool[Array, " n"]


def check_points(field: str, points: str) -> str:
    """The name under which these points are recorded: the split's, or "random". Raises FieldError for anything else."""
    if points in SPLITS:
        return points
    if points.isdecimal() and int(points) > 0:
        return "random"
    raise FieldError(field, points, RULE)


def questions_at(context: Context, points: str) -> Questions:
    """The questions of a split; or, of a number, that many of the population's: the same ones at every event.

    Raises UserError for a task whose targets are no labels.
    """
    split = getattr(context.splits, points if points in SPLITS else "population")
    inputs, labels, asked = split.questions
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise UserError(f"this probe needs targets that are labels; those of {type(context.task).__name__} are {labels.dtype}")
    if points not in SPLITS:
        if int(points) > len(labels):
            raise UserError(f"points = {points}: the population has only {len(labels):,} points")
        chosen = jax.random.choice(context.key, len(labels), (int(points),), replace=False)
        inputs, labels, asked = inputs[chosen], labels[chosen], asked[chosen]
    return Questions(inputs, labels, asked)
