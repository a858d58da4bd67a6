"""Task: a finite population of examples, a sample of it to train on, and how answers are judged."""

import abc
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from framework.errors import FieldError
from framework.fields import field, is_exactly, part
from framework.interfaces.data import Outputs, Sizes, Split, Splits, Values
from framework.interfaces.group import Group
from framework.interfaces.plugin import Plugin
from framework.interfaces.tasks import sampling
from framework.interfaces.tasks.loss import Loss
from framework.numbers import share


@dataclass(frozen=True, kw_only=True)
class Task(Plugin):
    """A finite population of examples, a sample of it to train on, and how answers are judged.

    To write one: `sizes` and `population`. Sampling, loss and metrics are provided; override them where the task has a
    faster or another form.
    """

    train_size: str = field("50%", "training points: a number, a share of the population, or a formula", expression=True)
    replacement: bool = field(False, "draw the sample with replacement, as the theorems assume")
    loss: Loss = part("cross_entropy", "loss of one example, which training minimizes the mean of")
    temperature: float = field(1.0, "T: logits are divided by it before a cross-entropy or stablemax", above=0, structural_at=1)
    random_labels: float = field(0.0, "share of training labels replaced by random ones, once", at_least=0, at_most=1)
    label_noise: float = field(
        0.0, "probability that a training label is replaced, anew at every step", at_least=0, at_most=1, structural_at=0
    )
    batch_size: str = field("100%", "examples per step: a number, a share of the training sample n, or a formula", expression=True)
    batch_order: str = field("epochs", "epochs: each example once before any repeats; drawn: at random", choices=("epochs", "drawn"))

    headline: ClassVar[str] = "accuracy"  # the metric that says whether a split is learned

    @property
    @abc.abstractmethod
    def sizes(self) -> Sizes:
        """What an input is, such as the number of tokens and of their values, and the number of outputs."""

    @abc.abstractmethod
    def population(self) -> Split:
        """Every example once: inputs, such as tokens int32 [N, k], and targets, labels int32 [N] or values float [N, outputs]."""

    def group(self) -> Group:
        """The group in which the answer is a product, by whose frequencies probes read networks: residues in order, unless overridden."""
        return Group(np.arange(self.sizes.outputs))

    def splits(self, seed: int) -> Splits:
        """The sample for this seed, the rest, and the whole population. Raises FieldError when train_size does not fit."""
        population = self.population()
        count = sampling.sample_size(self, len(population))
        train, test = sampling.sample(seed, len(population), count, self.replacement)
        examples = jax.device_get(population)  # on the host, where taking rows compiles nothing
        drawn, rest = examples.take(train), examples.take(test)
        labels = sampling.randomize(seed, drawn.targets, self.random_labels, self.sizes.outputs)
        drawn, rest = jax.tree.map(jnp.asarray, (Split(drawn.inputs, labels), rest))
        return Splits(drawn, rest, population)

    def losses(self, outputs: Float[Array, "n p"], targets: Any) -> Float[Array, " n"]:
        """Loss of each example."""
        return self.loss.each(self._tempered(outputs), targets)

    def mean_loss(self, network: Outputs, split: Any) -> Float[Array, ""]:
        """What training minimizes: of the split, what `loss` says, usually the mean of `losses`; that mean where a task has its own."""
        outputs = network(split.inputs)
        if type(self).losses is not Task.losses:
            return jnp.mean(self.losses(outputs, split.targets))
        return self.loss.mean(self._tempered(outputs), split.targets)

    def metrics(self, network: Outputs, splits: Splits) -> Values:
        """Scalars by name, such as train/loss. Empty splits are left out. Accuracy is a count divided at the end."""
        values = {}
        for name, split in splits:
            if len(split):
                outputs = network(split.inputs)
                correct = jnp.sum(self.right(outputs, split.targets, splits))
                values[f"{name}/loss"] = jnp.mean(self.losses(outputs, split.targets))
                values[f"{name}/accuracy"] = share(correct, len(split))
        return values

    def with_loss(self, loss: Loss) -> "Task":
        """The same task, judged by another loss."""
        return replace(self, loss=loss)

    def right(self, outputs: Float[Array, "n p"], targets: Any, splits: Splits) -> Bool[Array, " n"]:
        """Whether each answer is right: the largest output is that of the label."""
        return jnp.argmax(outputs, axis=-1) == targets

    def notices(self, experiment: Any) -> list[str]:
        """Refuses a temperature for a loss that has none."""
        if self.temperature != 1 and not self.loss.tempered:
            rule = f"must be 1 with {type(self.loss).__name__}: it divides the logits of cross-entropies and the like"
            raise FieldError("temperature", self.temperature, rule)
        return []

    def _tempered(self, outputs: Float[Array, "n p"]) -> Float[Array, "n p"]:
        return outputs if is_exactly(self.temperature, 1) else outputs / self.temperature
