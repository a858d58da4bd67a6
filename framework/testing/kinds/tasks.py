"""What a Task promises."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from framework.interfaces import Sizes, Split, Splits, rows_in
from framework.interfaces.data import TOKENS
from framework.testing.in_training import check_resumes
from framework.testing.promises import Broken, promise
from framework.testing.shared_programs import check_shares_programs
from framework.testing.subject import Subject, bits, is_finite
from framework.training import METRICS, Event
from framework.training.examples.checks import check_splits

TASK = "task"
LOGIT = 1e3  # an answer this sure has loss 0 in float32


@promise(TASK, is_basis=True)
def its_sizes_are_positive(subject: Subject) -> None:
    """`sizes` says how many tokens, values and outputs there are, or the shape of an input: integers from 1 on."""
    sizes = subject.plugin.sizes
    if not isinstance(sizes, Sizes):
        raise Broken(f"sizes is a {type(sizes).__name__}: return Sizes(tokens=…, values=…, outputs=…), or Sizes(shape=…, outputs=…)")
    for name in ("entries", "outputs") if sizes.shape else ("tokens", "values", "outputs"):
        number = getattr(sizes, name)
        if not isinstance(number, int | np.integer) or number < 1:
            raise Broken(f"sizes.{name} = {number!r} must be an integer >= 1")


@promise(TASK, is_basis=True)
def its_population_holds_each_example_once(subject: Subject) -> None:
    """`population` gives inputs, such as integer tokens [N, k], and one target each, no example twice."""
    population, sizes = subject.plugin.population(), subject.plugin.sizes
    inputs = np.asarray(population.inputs) if sizes.kind == TOKENS else population.inputs
    if sizes.kind == TOKENS and (inputs.dtype != np.int32 or inputs.ndim != 2):
        raise Broken(f"population().inputs are {inputs.dtype}{list(inputs.shape)}: they must be int32 [N, k], one row per example")
    count = rows_in(inputs)
    is_alone = jax.tree_util.treedef_is_leaf(
        jax.tree.structure(population.targets)
    )  # several targets are anything that the task's losses take
    for targets in map(np.asarray, jax.tree.leaves(population.targets)):
        if targets.shape[:1] != (count,) or (is_alone and targets.shape[1:] not in ((), (sizes.outputs,))):
            raise Broken(f"population() has {count} inputs and targets of shape {list(targets.shape)}: one target per input")
        if np.issubdtype(targets.dtype, np.integer) and targets.dtype != np.int32:
            raise Broken(f"population().targets are {targets.dtype}: labels are int32")
    if (distinct := len(set(_rows(inputs)))) < count:
        raise Broken(f"population() has {count} examples, of which only {distinct} are distinct: each belongs there once")


@promise(TASK)
def its_splits_follow_from_the_seed(subject: Subject) -> None:
    """The same seed gives the same sample in every process; another seed gives another."""
    first, again = subject.plugin.splits(0), subject.copy().splits(0)
    if bits(first) != bits(again):
        raise Broken("splits(0) gave two samples when called twice: draw from the seed, e.g. framework.seeds.host_generator(seed, 'data')")
    is_sample = len(first.train) < len(first.population)
    if is_sample and bits(first.train) == bits(subject.plugin.splits(1).train):
        raise Broken("splits(0) and splits(1) train on the same sample: draw it from the seed")


@promise(TASK, is_basis=True)
def train_and_test_make_the_population(subject: Subject) -> None:
    """Train and test are disjoint and together the population; tokens and labels are inside their ranges."""
    splits = subject.plugin.splits(0)
    if not isinstance(splits, Splits):
        raise Broken(f"splits gave a {type(splits).__name__}: return Splits(train, test, population)")
    check_splits(splits, subject.plugin)
    if subject.plugin.replacement or not all(isinstance(split, Split) for _, split in splits):
        return
    train, test, whole = (set(_rows(split.inputs)) for _, split in splits)
    if shared := train & test:
        raise Broken(f"{len(shared)} inputs are in train and in test, such as {min(shared)}: what is trained on must not be tested on")
    if train | test != whole:
        missing = whole ^ (train | test)
        raise Broken(f"train and test together are not the population: {len(missing)} inputs differ, such as {min(missing)}")


@promise(TASK)
def its_losses_are_one_an_example(subject: Subject) -> None:
    """`losses` gives one number per example, in the precision of the outputs, that no other example changes."""
    task, split = subject.plugin, subject.experiment.splits.train
    if not _has_labels(split) and not _has_values(split):
        return
    outputs = np.random.default_rng(0).normal(size=(len(split), task.sizes.outputs)).astype(jnp.result_type(float))
    losses_of = jax.jit(task.losses)
    losses, targets = losses_of(outputs, split.targets), np.asarray(split.targets)
    if losses.shape != (len(split),) or losses.dtype != outputs.dtype:
        raise Broken(f"losses gave {losses.dtype}{list(losses.shape)} for {len(split)} examples of {outputs.dtype}: one loss each")
    alone = [float(losses_of(outputs[i : i + 1], targets[i : i + 1])[0]) for i in range(min(3, len(split)))]
    together = np.asarray(losses)[: len(alone)].tolist()
    if not np.allclose(alone, together, rtol=1e-5, atol=1e-6):
        raise Broken(f"the loss of an example changes with the others: {together[0]:.6g} among them, {alone[0]:.6g} alone")


@promise(TASK)
def its_gradient_is_finite_at_zero_loss(subject: Subject) -> None:
    """Loss and gradient are finite where every answer is right and sure, where all outputs are equal, and where all are 0."""
    task, split = subject.plugin, subject.experiment.splits.train
    if not _has_labels(split) and not _has_values(split):
        return
    targets = np.asarray(split.targets)
    right = LOGIT * np.eye(task.sizes.outputs, dtype=jnp.result_type(float))[targets] if _has_labels(split) else targets
    slope_of = jax.jit(jax.value_and_grad(lambda outputs: task.mean_loss(lambda _: outputs, split)))
    for where, outputs in (("every answer is right and sure", right), ("all outputs are 0", 0 * right), ("all are 1", 0 * right + 1)):
        loss, slope = slope_of(outputs)
        if not is_finite((loss, slope)):
            raise Broken(f"where {where}, the mean loss is {float(loss):g} and its gradient {'' if is_finite(slope) else 'not '}finite")


@promise(TASK)
def its_metrics_are_numbers(subject: Subject) -> None:
    """`metrics` gives one number per name, such as train/loss, the headline among them."""
    made, headline = subject.experiment, subject.plugin.headline
    values, _ = made.measure(made.initial_state(), Event(0, (METRICS,), (), last=False))
    for name, value in values.items():
        if np.shape(value) != ():
            raise Broken(f"metrics gave {name} of shape {list(np.shape(value))}: a metric is one number")
    for name in ("train/loss", f"train/{headline}"):
        if name not in values:
            raise Broken(f"metrics has no {name}: the mean loss and the headline {headline!r} are what a run is judged by")


@promise(TASK)
def its_metrics_know_a_right_answer(subject: Subject) -> None:
    """A network that answers everything right has train/accuracy exactly 1, one that answers all wrong 0."""
    task, splits = subject.plugin, subject.experiment.splits
    if not all(_has_labels(split) for _, split in splits) or task.sizes.outputs < 2 or task.random_labels:
        return
    answer_of = _answers_to_tokens(task, splits) if task.sizes.kind == TOKENS else _answers_to_numbers(splits)

    @jax.jit
    def accuracy(splits: Splits, shift: Any) -> Any:
        def answers(inputs: Any) -> Any:
            found = answer_of(inputs) + shift
            return jax.nn.one_hot(found % task.sizes.outputs, task.sizes.outputs)

        return task.metrics(answers, splits)

    for shift, expected in ((0, 1.0), (1, 0.0)):
        found = accuracy(splits, shift).get("train/accuracy")
        if found is not None and float(found) != expected:
            raise Broken(f"train/accuracy is {float(found)!r} for a network that answers everything {'wrong' if shift else 'right'}")


@promise(TASK)
def it_works_in_float64(subject: Subject) -> None:
    """With numerics.precision=float64 the mean loss is one float64."""
    sizes, train, double = subject.plugin.sizes, subject.experiment.splits.train, subject.in_float64()
    with double.scope():
        loss = jax.eval_shape(lambda split: subject.plugin.mean_loss(lambda x: jnp.zeros((rows_in(x), sizes.outputs)), split), train)
    if loss.dtype != np.float64 or loss.shape != ():
        raise Broken(f"with numerics.precision=float64 the mean loss is {loss.dtype}{list(loss.shape)}: it must be one float64")


@promise(TASK)
def its_numbers_are_passed_in(subject: Subject) -> None:
    """Runs that differ in its numbers share compiled programs, and each of them has its own numbers."""
    check_shares_programs(subject)


@promise(TASK)
def a_run_resumes(subject: Subject) -> None:
    """A run that is saved, restored in another process and continued is the uninterrupted one, bit for bit."""
    check_resumes(subject, (METRICS,))


def _has_labels(split: Any) -> bool:
    return isinstance(split, Split) and split.has_labels


def _has_values(split: Any) -> bool:
    """Whether the targets are values, one for each output."""
    return isinstance(split, Split) and getattr(split.targets, "ndim", 0) == 2


def _rows(inputs: Any) -> list[tuple]:
    """All that an input holds, as one tuple of numbers for each example."""
    return list(map(tuple, np.concatenate([np.asarray(leaf).reshape(rows_in(inputs), -1) for leaf in jax.tree.leaves(inputs)], 1).tolist()))


def _answers_to_tokens(task: Any, splits: Splits) -> Callable[[Any], Any]:
    """Tokens → their labels in the population."""
    place = np.array([task.sizes.values**i for i in range(task.sizes.tokens)])
    numbers = np.asarray(splits.population.inputs) @ place
    order = np.argsort(numbers)
    numbers, labels = numbers[order], np.asarray(splits.population.targets)[order]
    return lambda inputs: jnp.asarray(labels)[jnp.searchsorted(jnp.asarray(numbers), inputs @ place)]


def _answers_to_numbers(splits: Splits) -> Callable[[Any], Any]:
    """Numbers → their labels in the population, found by comparing each input with all of them."""
    population = splits.population

    def answers(inputs: Any) -> Any:
        pairs = zip(jax.tree.leaves(inputs), jax.tree.leaves(population.inputs), strict=True)
        same = [jnp.all(one[:, None] == other[None], axis=range(2, one.ndim + 1)) for one, other in pairs]
        return population.targets[jnp.argmax(jnp.all(jnp.stack(same), axis=0), axis=1)]

    return answers
