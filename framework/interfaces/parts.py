"""What the parts of an experiment are asked: Task, Model, Optimizer, Penalty, Probe, Claim.

A part is a frozen dataclass and its fields are its whole configuration. Plugins are final: to change one, wrap it.
"""

import abc
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, Shaped

from framework.errors import FieldError, one_of
from framework.fields import Fields, field
from framework.interfaces import sampling
from framework.losses import LOSSES, TEMPERED, log_cross_entropy, log_mean
from framework.numbers import share
from framework.pictures.chart import Chart

Outputs = Callable[[Int[Array, "n k"]], Float[Array, "n p"]]  # a network as a function of integer tokens
Tree = Any  # a pytree of arrays
Values = dict[str, Any]  # quantity name → scalar or array


class Plugin(Fields, abc.ABC):
    """Base of all kinds: fields are checked when the object is made (see framework.fields)."""

    def notices(self, experiment: Any) -> list[str]:
        """What a person should know of this plugin in this experiment before it runs: sentences, most often none.

        Raises FieldError, with the field of this plugin, where the combination cannot be meant.
        """
        return []


@dataclass(frozen=True)
class Sizes:
    """What a model must know of a task."""

    tokens: int  # integers in one input, k
    values: int  # each token is in [0, values)
    outputs: int  # classes, p

    @property
    def variables(self) -> dict[str, int]:
        """The names that expressions such as width="4*p" may use."""
        return {"p": self.values, "k": self.tokens, "outputs": self.outputs}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Split:
    """Examples: inputs int32 [n, k], targets [n]. A pytree, so that it is passed to compiled programs, not baked in."""

    inputs: Int[Array | np.ndarray, "n k"]  # on the host for a probe that is not compiled
    targets: Shaped[Array | np.ndarray, " n"]

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def take(self, rows: Int[Array | np.ndarray, " b"]) -> "Split":
        """The examples in these rows."""
        return Split(self.inputs[rows], self.targets[rows])

    @property
    def questions(self) -> tuple[Int[Array | np.ndarray, "n k"], Shaped[Array | np.ndarray, " n"], Bool[Array, " n"]]:
        """(inputs, right answers, whether each is asked here): what probes judge arg max over the outputs by."""
        return self.inputs, self.targets, jnp.ones(self.targets.shape[0], bool)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Splits:
    """The training sample, the rest of the population, and the population."""

    train: Any
    test: Any
    population: Any

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter((("train", self.train), ("test", self.test), ("population", self.population)))


@dataclass(frozen=True, kw_only=True)
class Task(Plugin):
    """A finite population of examples, a sample of it to train on, and how answers are judged.

    To write one: `sizes` and `population`. Sampling, loss and metrics come finished; override them where the task has
    a faster or another form.
    """

    train_size: str = field("50%", "training points: a number, a share of the population, or a formula", expression=True)
    replacement: bool = field(False, "draw the sample with replacement, as the theorems assume")
    loss: str = field("cross_entropy", "loss of one example", choices=tuple(LOSSES))
    temperature: float = field(1.0, "T: logits are divided by it before a cross-entropy or stablemax", above=0)
    random_labels: float = field(0.0, "share of training labels replaced by random ones, once", at_least=0, at_most=1)
    label_noise: float = field(0.0, "probability that a training label is replaced, anew at every step", at_least=0, at_most=1)
    batch_size: str = field("100%", "examples a step sees: a number, a share of the training sample n, or a formula", expression=True)
    batch_order: str = field("epochs", "epochs: each example once before any again; drawn: at random", choices=("epochs", "drawn"))

    headline: ClassVar[str] = "accuracy"  # the metric by which a person says that a split is learned

    @property
    @abc.abstractmethod
    def sizes(self) -> Sizes:
        """Tokens in an input, values of a token, outputs of a network."""

    @abc.abstractmethod
    def population(self) -> Split:
        """Every example once: inputs int32 [N, k], targets int32 [N]."""

    def splits(self, seed: int) -> Splits:
        """The sample of this seed, the rest, and the whole. Raises FieldError when train_size does not fit."""
        population = self.population()
        count = sampling.sample_size(self, len(population))
        train, test = sampling.sample(seed, len(population), count, self.replacement)
        drawn, rest = population.take(train), population.take(test)
        labels = sampling.randomize(seed, np.asarray(drawn.targets), self.random_labels, self.sizes.outputs)
        return Splits(Split(drawn.inputs, jnp.asarray(labels)), rest, population)

    def losses(self, outputs: Float[Array, "n p"], targets: Shaped[Array, " n"]) -> Float[Array, " n"]:
        """Loss of each example."""
        return LOSSES[self.loss](self._tempered(outputs), targets)

    def mean_loss(self, network: Outputs, split: Any) -> Float[Array, ""]:
        """What training minimizes: the mean of `losses` over the split, or with log_cross_entropy the log of that mean."""
        outputs = network(split.inputs)
        if self.loss == "log_cross_entropy":
            return log_mean(log_cross_entropy(self._tempered(outputs), split.targets))
        return jnp.mean(self.losses(outputs, split.targets))

    def metrics(self, network: Outputs, splits: Splits) -> Values:
        """Scalars by name, such as train/loss. Empty splits are left out. Accuracy is a count divided at the end."""
        values = {}
        for name, split in splits:
            if len(split):
                outputs = network(split.inputs)
                correct = jnp.sum(jnp.argmax(outputs, axis=-1) == split.targets)
                values[f"{name}/loss"] = jnp.mean(self.losses(outputs, split.targets))
                values[f"{name}/accuracy"] = share(correct, len(split))
        return values

    def notices(self, experiment: Any) -> list[str]:
        """Refuses a temperature for a loss that has none."""
        if self.temperature != 1 and self.loss not in TEMPERED:
            rule = f"must be 1 with loss={self.loss}: it divides the logits of {one_of(TEMPERED)}"
            raise FieldError("temperature", self.temperature, rule)
        return []

    def _tempered(self, outputs: Float[Array, "n p"]) -> Float[Array, "n p"]:
        return outputs if self.temperature == 1 else outputs / self.temperature


@dataclass(frozen=True, kw_only=True)
class Model(Plugin):
    """A network for a task."""

    @abc.abstractmethod
    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """An nnx.Module that maps tokens int32 [n, k] to outputs [n, p]; its nnx.Param variables are trained.

        New arrays take `jnp.result_type(float)` as dtype: float32, or float64 where the config asks for it.
        """

    def homogeneity(self, task: Task) -> int | None:
        """L where outputs at c·θ are c^L times those at θ, or None."""
        return None


@dataclass(frozen=True, kw_only=True)
class Optimizer(Plugin):
    """A rule that turns gradients into steps."""

    @abc.abstractmethod
    def transform(self) -> optax.GradientTransformation:
        """The update rule, learning rate included. A zero gradient must give a finite update.

        One that takes extra arguments (optax.GradientTransformationExtraArgs) gets what it asks for of `value`, `grad`,
        `value_fn(params)`, `grad_fn(params, i)` on the examples of this step, and `key`, random and anew at every step.
        """


@dataclass(frozen=True, kw_only=True)
class Penalty(Plugin):
    """A term of the objective beside the mean loss."""

    @abc.abstractmethod
    def __call__(self, params: Tree) -> Float[Array, ""]:
        """The scalar that is added, its coefficient included."""


@dataclass(frozen=True)
class Context:
    """All that a probe may see besides parameters and its own state. Nothing else is reachable."""

    task: Task
    splits: Splits
    module: Callable[[Tree], nnx.Module]  # parameters → the network, in evaluation mode
    degree: int | None  # of homogeneity
    key: PRNGKeyArray  # the probe's own fold of the seed
    step: Int[Array | np.ndarray, ""]

    def apply(self, params: Tree, inputs: Int[Array, "n k"]) -> Float[Array, "n p"]:
        """Outputs of the network with these parameters."""
        return self.module(params)(inputs)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The splits that hold examples."""
        return tuple(name for name, split in self.splits if len(split))


@dataclass(frozen=True, kw_only=True)
class Probe(Plugin):
    """Measures a network during training. Frozen: what it must remember goes into its state, which is checkpointed."""

    schedule: str = field("log", 'when to measure: "log", "log 40", "every 500", "at 1 10 100", "last", joined by +')

    compiled: ClassVar[bool] = True  # False: measure runs on the host, e.g. in float64, and gets NumPy arrays

    def init(self, params: Tree, context: Context) -> Tree:
        """State at step 0, a pytree of arrays; the default remembers nothing. The core copies it."""
        return ()

    @abc.abstractmethod
    def measure(self, params: Tree, context: Context, state: Tree) -> tuple[Values, Tree]:
        """Returns (values, next state). values: quantity name → scalar or array; next state: shaped as state."""

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """Draws what the instance `name` of this probe recorded in a run into an empty matplotlib Figure.

        Where it draws nothing, as here, each quantity gets a panel, steps on a log axis. Override it where another picture
        says more.
        """


@dataclass(frozen=True)
class Row:
    """One line of a claim's verdict: a quantity as predicted and as measured, and whether they agree.

    relation: how measured should stand to predicted, "=", "<=" or ">=". tolerance: how far it may miss, in the units of
    both. expected_to_hold: False for a control, or for a statement that is wrong as printed.
    """

    quantity: str
    predicted: float | int
    measured: float | int
    tolerance: float | int = 0.0
    relation: str = "="
    expected_to_hold: bool = True

    @property
    def holds(self) -> bool:
        """Whether measured stands to predicted as it should; NaN never does."""
        missed = {"=": abs(self.measured - self.predicted), "<=": self.measured - self.predicted, ">=": self.predicted - self.measured}
        return bool(self.measured == self.predicted or missed[self.relation] <= self.tolerance)

    @property
    def is_nan(self) -> bool:
        """Whether one of the two numbers is none."""
        return math.isnan(self.measured) or math.isnan(self.predicted)

    @property
    def as_expected(self) -> bool:
        """Whether it holds where it should, and does not where it should not; NaN is never expected."""
        return not self.is_nan and self.holds == self.expected_to_hold


@dataclass(frozen=True, kw_only=True)
class Claim(Plugin):
    """A statement of the theory that can be checked by computing both sides.

    Its fields are the sizes it is checked at; their defaults are those of the scale "smoke", a few seconds at most.
    """

    tags: ClassVar[tuple[str, ...]] = ()  # by which `verify` selects
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # "laptop", "full" → the fields that differ there
    note: ClassVar[str] = ""  # a verdict in words, for a statement that is inconsistent in print

    @abc.abstractmethod
    def check(self, seed: int) -> list[Row]:
        """Measures each quantity by another route than its prediction. Seeded: the same rows each time."""

    def charts(self, seed: int) -> list[Chart]:
        """What a curve says better than rows, for the report; none by default."""
        return []
