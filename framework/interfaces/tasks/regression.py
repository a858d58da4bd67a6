"""Regression: a task whose targets are numbers, which an answer meets when it comes near enough."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from framework.fields import field, part, without
from framework.interfaces.data import Splits
from framework.interfaces.tasks.loss import Loss
from framework.interfaces.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Regression(Task):
    """A task whose targets are values float [N, outputs], learned with the square loss.

    To write one: `sizes` and `population`, as for any task. An answer is right where it comes near its target, so that there is an
    accuracy by which a run has fitted or grokked.
    """

    loss: Loss = part("square", "loss of one example, of values such as these")
    tolerance: float = field(0.1, "an answer this near its target is right, in standard deviations of all targets", above=0)
    temperature: float = without(1.0)
    random_labels: float = without(0.0)
    label_noise: float = without(0.0)

    def right(self, outputs: Float[Array, "n p"], targets: Float[Array, "n p"], splits: Splits) -> Bool[Array, " n"]:
        """Whether each answer is near its target."""
        return is_near(outputs, targets, splits.population.targets, self.tolerance)


def is_near(outputs: Float[Array, "n p"], targets: Float[Array, "n p"], population: Any, tolerance: Any) -> Bool[Array, " n"]:
    """‖output − target‖₂ ≤ tolerance · σ for each example, σ² the mean of ‖target − mean target‖₂² over the population."""
    variance = jnp.mean(jnp.sum((population - jnp.mean(population, axis=0)) ** 2, axis=-1))
    return jnp.sum((outputs - targets) ** 2, axis=-1) <= tolerance**2 * variance
