"""Plugins that are wrong, each in one way: what the kit must find. `BROKEN` says which promise, and words of the sentence."""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from framework import Claim, Model, Optimizer, Penalty, Probe, Row, Sizes, Split, Splits, Task, field

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


class Table(nnx.Module):
    """Σ_i E[i, a_i]: a sound network to be broken."""

    def __init__(self, sizes, rngs, dtype=None, outputs=None):
        shape = (sizes.tokens, sizes.values, outputs or sizes.outputs)
        self.E = nnx.Param(jax.random.normal(rngs.params(), shape, dtype or jnp.result_type(float)))

    def __call__(self, inputs):
        return jnp.sum(self.E[jnp.arange(inputs.shape[1]), inputs], axis=1)


@dataclass(frozen=True, kw_only=True)
class Tables(Model):
    """A sound model to be broken (1801)."""

    network: ClassVar[type] = Table

    def build(self, task, *, rngs):
        return self.network(task.sizes, rngs)


class _Unlearnable(nnx.Module):
    def __init__(self, sizes, rngs):
        self.outputs = sizes.outputs

    def __call__(self, inputs):
        return jnp.zeros((len(inputs), self.outputs))


class _Narrow(Table):
    def __init__(self, sizes, rngs):
        super().__init__(sizes, rngs, outputs=3)


class _Single(Table):
    def __init__(self, sizes, rngs):
        super().__init__(sizes, rngs, jnp.float32)


class _Global(Table):
    def __init__(self, sizes, rngs):
        super().__init__(sizes, rngs)
        self.E[...] = jnp.asarray(np.random.normal(size=self.E.shape), self.E.dtype)


class _Mixing(Table):
    def __call__(self, inputs):
        outputs = super().__call__(inputs)
        return outputs - jnp.mean(outputs, axis=0)


class _Counting(Table):
    def __init__(self, sizes, rngs):
        super().__init__(sizes, rngs)
        self.calls = nnx.BatchStat(jnp.zeros(()))

    def __call__(self, inputs):
        self.calls[...] = self.calls[...] + 1
        return super().__call__(inputs)


class _Blocked(Table):
    def __call__(self, inputs):
        return jax.lax.stop_gradient(super().__call__(inputs))


class _Remembering(Table):
    def __call__(self, inputs):
        return super().__call__(inputs) * (1 + next(_called))


@dataclass(frozen=True, kw_only=True)
class Unlearnable(Tables):
    """A network without parameters (1801)."""

    network: ClassVar[type] = _Unlearnable


@dataclass(frozen=True, kw_only=True)
class Narrow(Tables):
    """Too few outputs (1801)."""

    network: ClassVar[type] = _Narrow


@dataclass(frozen=True, kw_only=True)
class SingleModel(Tables):
    """Parameters that are always float32 (1801)."""

    network: ClassVar[type] = _Single


@dataclass(frozen=True, kw_only=True)
class GlobalModel(Tables):
    """Parameters from NumPy's global generator (1801)."""

    network: ClassVar[type] = _Global


@dataclass(frozen=True, kw_only=True)
class Mixing(Tables):
    """Outputs less their mean over the batch (1801)."""

    network: ClassVar[type] = _Mixing


@dataclass(frozen=True, kw_only=True)
class CountingModel(Tables):
    """A variable that counts evaluations (1801)."""

    network: ClassVar[type] = _Counting


@dataclass(frozen=True, kw_only=True)
class WrongDegree(Tables):
    """Says 2, is 1 (1801)."""

    def homogeneity(self, task):
        return 2


@dataclass(frozen=True, kw_only=True)
class Blocked(Tables):
    """No gradient reaches the parameters (1801)."""

    network: ClassVar[type] = _Blocked


@dataclass(frozen=True, kw_only=True)
class RememberingModel(Tables):
    """Outputs depend on how often the network was traced (1801)."""

    network: ClassVar[type] = _Remembering


def stateless(update):
    return optax.stateless(lambda gradient, params: jax.tree.map(update, gradient))


@dataclass(frozen=True, kw_only=True)
class OnlyAPair(Optimizer):
    """A tuple in place of a transformation (1801)."""

    def transform(self):
        return tuple(optax.sgd(0.1))


@dataclass(frozen=True, kw_only=True)
class DividesByZero(Optimizer):
    """Divides by the gradient's own entries (1801)."""

    def transform(self):
        return stateless(lambda g: -0.1 * g / jnp.max(jnp.abs(g)))


@dataclass(frozen=True, kw_only=True)
class Underflows(Optimizer):
    """Squares before it divides (1801)."""

    def transform(self):
        return stateless(lambda g: jnp.where(jnp.any(g != 0), -0.1 * g / jnp.sqrt(jnp.sum(g**2)), 0))


@dataclass(frozen=True, kw_only=True)
class Uphill(Optimizer):
    """The minus sign is missing (1801)."""

    def transform(self):
        return optax.scale(0.1)


@dataclass(frozen=True, kw_only=True)
class SingleSteps(Optimizer):
    """Steps that are always float32 (1801)."""

    def transform(self):
        return stateless(lambda g: -0.1 * g.astype(jnp.float32))


@dataclass(frozen=True, kw_only=True)
class GrowingState(Optimizer):
    """A count that is an integer, then a float (1801)."""

    def transform(self):
        def update(gradient, count, params=None):
            return jax.tree.map(lambda g: -0.1 * g, gradient), count + 0.5

        return optax.GradientTransformation(lambda params: jnp.int32(0), update)


@dataclass(frozen=True, kw_only=True)
class HiddenCount(Optimizer):
    """Counts its calls outside of its state (1801)."""

    def transform(self):
        return stateless(lambda g: -0.1 / next(_called) * g)


@dataclass(frozen=True, kw_only=True)
class NormAtZero(Penalty):
    """‖θ‖₂, whose derivative at 0 is NaN (1801)."""

    coefficient: float = field(1.0, "λ")

    def __call__(self, params):
        return self.coefficient * jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)))


@dataclass(frozen=True, kw_only=True)
class NotOneNumber(Penalty):
    """One number a matrix (1801)."""

    def __call__(self, params):
        return jnp.stack([jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)])


@dataclass(frozen=True, kw_only=True)
class SquaredCoefficient(Penalty):
    """λ² for λ (1801)."""

    coefficient: float = field(1.0, "λ")

    def __call__(self, params):
        return self.coefficient**2 * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))


@dataclass(frozen=True, kw_only=True)
class GrowingPenalty(Penalty):
    """Grows each time it is computed (1801)."""

    def __call__(self, params):
        return next(_called) * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))


@dataclass(frozen=True, kw_only=True)
class NoSchedule(Probe):
    """A schedule that means nothing (1801)."""

    schedule: str = field("sometimes", "when to measure")

    def measure(self, params, context, state):
        return {"one": jnp.ones(())}, state


@dataclass(frozen=True, kw_only=True)
class PythonNumber(Probe):
    """float(…) inside a compiled measure (1801)."""

    def measure(self, params, context, state):
        return {"norm": float(optax.tree.norm(params))}, state


@dataclass(frozen=True, kw_only=True)
class Words(Probe):
    """A quantity that is a text (1801)."""

    compiled: ClassVar[bool] = False

    def measure(self, params, context, state):
        return {"verdict": np.array("large")}, state


@dataclass(frozen=True, kw_only=True)
class LateQuantity(Probe):
    """A quantity that is there from the first step on (1801)."""

    compiled: ClassVar[bool] = False

    def measure(self, params, context, state):
        late = {"late": 2.0} if context.step > 0 else {}
        return {"one": 1.0} | late, state


@dataclass(frozen=True, kw_only=True)
class FloatingState(Probe):
    """A state that is an integer, then a float (1801)."""

    def init(self, params, context):
        return jnp.int32(0)

    def measure(self, params, context, state):
        return {"count": state}, state + 0.5


@dataclass(frozen=True, kw_only=True)
class InPlace(Probe):
    """Changes the state that it is given (1801)."""

    compiled: ClassVar[bool] = False

    def init(self, params, context):
        return {"count": jnp.int32(0)}

    def measure(self, params, context, state):
        state["count"] = state["count"] + np.int32(1)
        return {"count": state["count"]}, state


@dataclass(frozen=True, kw_only=True)
class GlobalNoise(Probe):
    """Random points from NumPy's global generator (1801)."""

    compiled: ClassVar[bool] = False

    def measure(self, params, context, state):
        return {"chosen": np.random.randint(0, 10**9)}, state


@dataclass(frozen=True, kw_only=True)
class LogLoss(Probe):
    """log of the training loss, −∞ at 0 (1801)."""

    def measure(self, params, context, state):
        return {"log": jnp.log(context.task.mean_loss(context.module(params), context.splits.train) - 1e-30)}, state


@dataclass(frozen=True, kw_only=True)
class Recompiling(Probe):
    """A jitted function made anew at each event (1801)."""

    compiled: ClassVar[bool] = False

    def measure(self, params, context, state):
        return {"norm": jax.jit(lambda x: optax.tree.norm(x) + 0)(params)}, state


@dataclass(frozen=True, kw_only=True)
class OnlySingle(Probe):
    """Fails in double precision (1801)."""

    def measure(self, params, context, state):
        if jnp.result_type(float) != jnp.float32:
            raise TypeError("not in double precision")
        return {"one": jnp.ones(())}, state


@dataclass(frozen=True, kw_only=True)
class Remembers(Probe):
    """Which process it was made in is not part of its state (1801)."""

    compiled: ClassVar[bool] = False

    def init(self, params, context):
        return np.int32(next(_called))

    def measure(self, params, context, state):
        return {"born": state}, np.int32(next(_called)) * 0 + state * (id(self) % 9_973)


@dataclass(frozen=True, kw_only=True)
class CannotDraw(Probe):
    """A picture of a quantity that it does not record (1801)."""

    def measure(self, params, context, state):
        return {"one": jnp.ones(())}, state

    def draw(self, figure, run, name):
        figure.subplots().plot(*run.series(f"{name}/two"))


@dataclass(frozen=True, kw_only=True)
class NoRows(Claim):
    """Checks nothing (1801)."""

    def check(self, seed):
        return []


@dataclass(frozen=True, kw_only=True)
class TooWide(Claim):
    """A tolerance as large as what is predicted (1801)."""

    def check(self, seed):
        return [Row("half", 0.5, 0.5, tolerance=1.0)]


@dataclass(frozen=True, kw_only=True)
class Unseeded(Claim):
    """Other numbers each time (1801)."""

    def check(self, seed):
        return [Row("uniform", 0.5, float(np.random.default_rng().uniform()), tolerance=0.49999999, relation="<=")]


@dataclass(frozen=True, kw_only=True)
class DoesNotHold(Claim):
    """π is 3 (1801)."""

    def check(self, seed):
        return [Row("pi", 3.0, float(np.pi), tolerance=0.1)]


@dataclass(frozen=True, kw_only=True)
class WrongScale(Claim):
    """A scale that changes a field that is not there (1801)."""

    width: int = field(3, "width")
    scales: ClassVar[dict] = {"laptop": {"with": 4}}

    def check(self, seed):
        return [Row("one", 1.0, 1.0, tolerance=1e-9)]


BROKEN = [  # plugin, the promise that it does not keep, words of the sentence that says so
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
    (Unlearnable(), "it builds a module", "has no parameters"),
    (Narrow(), "its outputs fit the task", "outputs are float32[25, 3]; this task needs float32[25, 5]"),
    (GlobalModel(), "it follows from the seed", "two builds from one seed have different parameters"),
    (SingleModel(), "it computes in float64", "parameters and outputs are float32"),
    (Mixing(), "each example is answered alone", "no mixing over the batch"),
    (CountingModel(), "evaluating changes nothing", "a variable of the network changes"),
    (WrongDegree(), "its degree is what it says", "homogeneity says L = 2, but doubling all parameters multiplies outputs by 2^1.00"),
    (Blocked(), "its gradient is finite", "the gradient is 0 for every parameter"),
    (RememberingModel(), "a run resumes", "differs at step 4 in"),
    (OnlyAPair(), "it is a gradient transformation", "transform gave a tuple"),
    (DividesByZero(), "a zero gradient gives a finite step", "a gradient of 0 gives a NaN"),
    (Underflows(), "any gradient gives a finite step", "entries near 1e-30"),
    (Uphill(), "it goes downhill", "the first step goes uphill"),
    (SingleSteps(), "its steps are like the parameters", "is float32[8, 5], the parameter float64[8, 5]"),
    (GrowingState(), "its state keeps its form", "int32[] after init and float32[] after a step"),
    (HiddenCount(), "it hides nothing", "gave other steps the second time"),
    (NotOneNumber(), "it is one number", "it gave float32[2]"),
    (NormAtZero(), "it is finite everywhere", "where parameters are all 0 its gradient is not finite"),
    (SquaredCoefficient(), "its coefficient is included", "the coefficient is a factor"),
    (GrowingPenalty(), "it hides nothing", "it must depend on nothing but them"),
    (NoSchedule(), "its schedule can be read", "sometimes"),
    (PythonNumber(), "it measures numbers", "measure runs compiled: return jnp values"),
    (Words(), "it measures numbers", "verdict is <U5"),
    (FloatingState(), "it measures numbers", "must be shaped as the one it got"),
    (LateQuantity(), "it measures the same quantities each time", "late is of shape [] at a later event and not there at step 0"),
    (InPlace(), "it hides nothing", "measure changes the parameters or the state"),
    (GlobalNoise(), "it hides nothing", "gave other numbers the second time"),
    (LogLoss(), "it is finite at zero loss", "log is finite at random parameters and not at a training loss of"),
    (Recompiling(), "measuring compiles once", "again at the third event"),
    (OnlySingle(), "it measures in float64", "TypeError: not in double precision"),
    (Remembers(), "a run resumes", "differs at step 4 in"),
    (CannotDraw(), "what it recorded can be drawn", "no metric 'checked/two'"),
    (NoRows(), "it gives rows", "at least one"),
    (TooWide(), "its rows can fail", "0 would do for the predicted 0.5"),
    (Unseeded(), "it follows from the seed", "check(0) gave other rows"),
    (DoesNotHold(), "what should hold holds", "pi does not hold"),
    (WrongScale(), "its scales change fields", "Did you mean 'width'?"),
]
SOUND = (Sum(), Tables())
