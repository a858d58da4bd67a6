"""Loss: how far the outputs for one example are from its answer, and what training minimizes of many."""

import abc
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from framework.errors import FieldError
from framework.fields import field
from framework.interfaces.plugin import Plugin


@dataclass(frozen=True, kw_only=True)
class Loss(Plugin):
    """How far the outputs for one example are from its answer. To write one: `__call__`.

    It is a section of the task: --config.task.loss=NAME, and its fields follow as --config.task.loss.FIELD.
    """

    class_weights: tuple[float, ...] = field((), "factor of the losses of each class's examples, class 0 first; empty: all 1", at_least=0)

    tempered: ClassVar[bool] = False  # whether it is one of logits, which the task's temperature divides
    of_values: ClassVar[bool] = False  # whether targets may be values float [n, p], and not labels alone

    @abc.abstractmethod
    def __call__(self, outputs: Float[Array, "n p"], targets: Num[Array, "n ..."]) -> Float[Array, " n"]:
        """One loss per example, of labels int [n] or values [n, p]; `class_weights` are no part of it."""

    def each(self, outputs: Float[Array, "n p"], targets: Num[Array, "n ..."]) -> Float[Array, " n"]:
        """The losses with their class weights."""
        losses = self(outputs, targets)
        return self.weights_of(targets, losses.dtype) * losses if self.class_weights else losses

    def mean(self, outputs: Float[Array, "n p"], targets: Num[Array, "n ..."]) -> Float[Array, ""]:
        """What training minimizes: the mean of `each`, which is a sum divided by n, whatever the weights."""
        return jnp.mean(self.each(outputs, targets))

    def weights_of(self, targets: Num[Array, " n"], dtype: Any) -> Float[Array, " n"]:
        """The class weight of each example."""
        return jnp.asarray(self.class_weights, dtype)[targets]

    def notices(self, experiment: Any) -> list[str]:
        """Refuses weights that are not one for each class."""
        if self.class_weights:
            classes = experiment.task.sizes.outputs
            if len(self.class_weights) != classes:
                raise FieldError("class_weights", self.class_weights, f"must be {classes} numbers, one for each class, or empty")
            if not np.issubdtype(experiment.splits.train.targets.dtype, np.integer):
                raise FieldError("class_weights", self.class_weights, "must be empty: the answers of this task are values, not classes")
        return []
