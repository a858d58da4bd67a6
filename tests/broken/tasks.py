"""Tasks that are wrong, each in one way. `BROKEN`: the plugin, the promise that it does not keep, words of the sentence."""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from framework import Sizes, Split, Splits, Task, field

_called = itertools.count(1)  # what a plugin may not do: remember outside of its state


@dataclass(frozen=True, kw_only=True)
class Sum(Task):
    """A sound task to be broken: a + b mod 5 (1801)."""

    train_size: str = field("60%", "training points", expression=True)

    @property
    def sizes(self):
        return Sizes(tokens=2, values=5, outputs=5)

    def population(self):
        pairs = np.array(list(itertools.product(range(5), repeat=2)), np.int32)
        return Split(jnp.asarray(pairs), jnp.asarray(pairs.sum(axis=1, dtype=np.int32) % 5))


@dataclass(frozen=True, kw_only=True)
class NoOutputs(Sum):
    """Sizes that cannot be (1801)."""

    @property
    def sizes(self):
        return Sizes(tokens=2, values=5, outputs=0)


@dataclass(frozen=True, kw_only=True)
class ShortTokens(Sum):
    """Tokens of another dtype (1801)."""

    def population(self):
        whole = super().population()
        return Split(whole.inputs.astype(jnp.int16), whole.targets)


@dataclass(frozen=True, kw_only=True)
class TwiceTheSame(Sum):
    """An example that is there twice (1801)."""

    def population(self):
        return super().population().take(jnp.array([*range(25), 3]))


@dataclass(frozen=True, kw_only=True)
class GlobalSample(Sum):
    """A sample from NumPy's global generator (1801)."""

    def splits(self, seed):
        whole, order = self.population(), np.random.permutation(25)
        return Splits(whole.take(order[:15]), whole.take(order[15:]), whole)


@dataclass(frozen=True, kw_only=True)
class TestedOnTrained(Sum):
    """A test set that holds the training set (1801)."""

    def splits(self, seed):
        found = super().splits(seed)
        return Splits(found.train, found.population, found.population)


@dataclass(frozen=True, kw_only=True)
class LabelsOutside(Sum):
    """A label beyond the outputs (1801)."""

    @property
    def sizes(self):
        return Sizes(tokens=2, values=5, outputs=4)


@dataclass(frozen=True, kw_only=True)
class CentredLosses(Sum):
    """Losses less their mean over the batch (1801)."""

    def losses(self, outputs, targets):
        losses = super().losses(outputs, targets)
        return losses - jnp.mean(losses)


@dataclass(frozen=True, kw_only=True)
class RootLosses(Sum):
    """√(1 − probability): its slope at 0 is not finite (1801)."""

    def losses(self, outputs, targets):
        return jnp.sqrt(1 - jnp.take_along_axis(jax.nn.softmax(outputs), targets[:, None], 1)[:, 0])


@dataclass(frozen=True, kw_only=True)
class NoHeadline(Sum):
    """A headline that the metrics do not have (1801)."""

    headline: ClassVar[str] = "solved"


@dataclass(frozen=True, kw_only=True)
class NearlyRight(Sum):
    """Accuracy as a mean of float32: 0.99999994 (1801)."""

    def metrics(self, network, splits):
        right = jnp.argmax(network(splits.train.inputs), axis=1) == splits.train.targets
        return super().metrics(network, splits) | {"train/accuracy": jnp.sum(right) * jnp.float32(1 / 15.000001)}


@dataclass(frozen=True, kw_only=True)
class SingleLoss(Sum):
    """A loss that is always float32 (1801)."""

    def mean_loss(self, network, split):
        return super().mean_loss(network, split).astype(jnp.float32)


@dataclass(frozen=True, kw_only=True)
class CountingTask(Sum):
    """A loss that depends on how often the plugin was used (1801)."""

    def mean_loss(self, network, split):
        return super().mean_loss(network, split) * next(_called)


@dataclass(frozen=True, kw_only=True)
class NoHelp(Sum):
    """A field without a line of help (1801)."""

    p: int = 5


@dataclass(frozen=True, kw_only=True)
class NoSource(Sum):
    """Says what it is, and not where from."""


@dataclass(frozen=True, kw_only=True)
class NoDocstring(Sum):
    __doc__ = None


@dataclass(frozen=True, kw_only=True)
class NotPicklable(Sum):
    """Holds a function made on the way (1801)."""

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "helper", lambda: self)


@dataclass(frozen=True, kw_only=True)
class Doubling(Sum):
    """A field that grows each time it is read (1801)."""

    rounds: int = field(1, "number of rounds")

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "rounds", 2 * self.rounds)


BROKEN = [
    (NoHelp(), "fields explain themselves", "field 'p' has no help"),
    (NoSource(), "its docstring names a source", "names no source"),
    (NoDocstring(), "its docstring names a source", "has no docstring"),
    (NotPicklable(), "it can be pickled", "cannot be pickled"),
    (Doubling(), "it survives config json", "it is another plugin"),
    (NoOutputs(), "its sizes are positive", "sizes.outputs = 0 must be an integer >= 1"),
    (ShortTokens(), "its population holds each example once", "inputs are int16[25, 2]: they must be int32"),
    (TwiceTheSame(), "its population holds each example once", "26 examples, of which only 25 are distinct"),
    (GlobalSample(), "its splits follow from the seed", "splits(0) gave two samples"),
    (TestedOnTrained(), "train and test make the population", "15 inputs are in train and in test"),
    (LabelsOutside(), "train and test make the population", "target 4 in row"),
    (CentredLosses(), "its losses are one an example", "the loss of an example changes with the others"),
    (RootLosses(), "its gradient is finite at zero loss", "its gradient not finite"),
    (NoHeadline(), "its metrics are numbers", "metrics has no train/solved"),
    (NearlyRight(), "its metrics know a right answer", "train/accuracy is 0.99999"),
    (SingleLoss(), "it works in float64", "the mean loss is float32[]"),
    (CountingTask(), "a run resumes", "differs at step 4 in"),
]
