"""What a network is trained on, replaced: labels by random ones, or by the right ones again; the sample by another."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax
import numpy as np

from framework import Intervention, Setting, Split, Training, field, register
from framework.errors import FieldError
from framework.interfaces import Values


@register("labels")
@dataclass(frozen=True, kw_only=True)
class Labels(Intervention):
    """A share of the training labels becomes random, uniform over all outputs; all others become the right ones.

    With `share` 1 at step 0 and 0 later, a network first memorizes what has no rule (Zhang et al. 2017), and then learns the task.
    What is drawn follows from the run's seed, the name of the intervention and the step: y_i ← U{0, …, p − 1} for round(share · n)
    of the n examples.

    Example: whygrok run --config=quickstart --config.interventions.x.name=labels --config.interventions.x.schedule="at 500"
    --config.interventions.x.share=0
    """

    share: float = field(1.0, "the share of the labels that become random; 0: all are right", at_least=0, at_most=1)

    changes: ClassVar[tuple[str, ...]] = ("data",)

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Draws."""
        train, rest = training.data
        right = self._right(train, context.splits.population)
        which, what = jax.random.split(context.key)
        count = round(self.share * len(right))
        places = np.asarray(jax.random.permutation(which, len(right)))[:count]
        right[places] = np.asarray(jax.random.randint(what, (count,), 0, context.task.sizes.outputs))
        return replace(training, data=(replace(train, targets=right), rest)), {}

    def _right(self, train: Any, population: Any) -> np.ndarray:
        """The labels that the examples have in the population."""
        if not isinstance(train, Split) or not np.issubdtype(np.asarray(train.targets).dtype, np.integer):
            raise FieldError("share", self.share, "labels are those of classes: the task must have a framework Split with integer targets")
        known = {np.asarray(row).tobytes(): label for row, label in zip(population.inputs, population.targets, strict=True)}
        return np.array([known[np.asarray(row).tobytes()] for row in train.inputs], np.asarray(train.targets).dtype)


@register("sample")
@dataclass(frozen=True, kw_only=True)
class Sample(Intervention):
    """The training sample is drawn again, with another seed; what it leaves is the test split from here on.

    Each of the N examples is in it with probability n/N, whether or not it was before. Source: the task's own way to draw, as of a run
    with that seed.

    Example: whygrok run --config=quickstart --config.interventions.x.name=sample --config.interventions.x.schedule="at 500"
    --config.interventions.x.seed=1
    """

    seed: int = field(1, "the seed of the sample, as that of a run", at_least=0, below=2**63)

    changes: ClassVar[tuple[str, ...]] = ("data",)

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Draws."""
        splits = jax.device_get(context.task.splits(self.seed))
        return replace(training, data=(splits.train, splits.test)), {}

    def notices(self, experiment: Any) -> list[str]:
        """Refuses a sample with replacement, of which another number of examples is left each time."""
        if experiment.task.replacement:
            rule = "the sample is drawn with replacement (task.replacement), so that the test split would change its size"
            raise FieldError("seed", self.seed, rule)
        return []
