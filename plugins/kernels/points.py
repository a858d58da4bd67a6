"""The points at which a probe looks at a kernel, and what the labels or targets are there."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Shaped

from framework import Context
from framework.errors import UserError
from plugins.probes.points import SPLITS, questions_at


def points_of(context: Context, points: str, outputs: str) -> tuple[Int[np.ndarray, "n m"], Shaped[np.ndarray, " n"]]:
    """(tokens [n, k], labels) of a split or of random points; for outputs="own", (tuples [n, k+1], target of each).

    Own: in regression the tuples of the split, repeats included; in classification each input with its right answer, target
    1. Raises UserError for a split without points.
    """
    context = replace(context, splits=jax.tree.map(jnp.asarray, context.splits))  # a probe on the host gets NumPy arrays
    if outputs == "own":
        split = getattr(context.splits, points if points in SPLITS else "population")
        count = len(split) if points in SPLITS else int(points)
        x, y = subset(*rows_of(split), count, context.key)
    else:
        questions = questions_at(context, points)
        x, y = np.asarray(questions.inputs), np.asarray(questions.labels)
    if not len(x):
        raise UserError(f"points = {points!r}: there are none; take another split or a larger one")
    return x, y


def rows_of(split: Any) -> tuple[Int[np.ndarray, "n m"], Float[np.ndarray, " n"]]:
    """The examples as (tokens, number of an output) and the target of that output alone.

    A split with float targets has such rows already; with labels, each input is asked for its right answer.
    """
    inputs, targets = np.asarray(split.inputs, np.int32), np.asarray(split.targets)
    if np.issubdtype(targets.dtype, np.floating):
        return inputs, targets.astype(np.float64)
    return np.concatenate([inputs, targets[:, None].astype(np.int32)], axis=1), np.ones(len(inputs))


def subset(x: Any, y: Any, count: int, key: Any) -> tuple[Any, Any]:
    """At most `count` of the points, drawn with the probe's key: the same ones at every event."""
    if count >= len(x):
        return x, y
    chosen = np.sort(np.asarray(jax.random.choice(key, len(x), (count,), replace=False)))
    return x[chosen], y[chosen]
