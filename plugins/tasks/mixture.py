"""Several tasks in one run: one network learns them side by side, and each is judged by itself."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from framework import Group, Loss, Sizes, Split, Splits, Task, field, part, register, registry
from framework.errors import FieldError
from framework.fields import declared_fields, parts, without
from framework.interfaces import Outputs, Values, take
from framework.interfaces.data import ARRAYS, TOKENS, Examples
from framework.numbers import Number
from framework.numbers import share as exact_share
from plugins.losses.by_targets import ByTargets
from plugins.tasks.modular_addition import ModularAddition
from plugins.tasks.modular_multiplication import ModularMultiplication

ONCE = ("batch_size", "batch_order", "label_noise", "mark")  # fields that the whole mixture has, and no task in it


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MixedSplit(Split):
    """Examples of several tasks. counts: how many there are of each in the sample that these are from."""

    task: Any  # the number of the task of each example, int32 [n]
    counts: tuple[int, ...] = dataclasses.field(metadata={"static": True})

    def take(self, rows: Int[Array | np.ndarray, " b"]) -> "MixedSplit":
        """The examples in these rows."""
        return MixedSplit(take(self.inputs, rows), take(self.targets, rows), self.task[rows], self.counts)

    def one(self, number: int) -> Split:
        """The examples of one task; of a whole sample, in which they stand one task after another."""
        first = sum(self.counts[:number])
        rows = slice(first, first + self.counts[number])
        return Split(jax.tree.map(lambda array: array[rows], self.inputs), jax.tree.map(lambda array: array[rows], self.targets))


@register("mixture")
@dataclass(frozen=True, kw_only=True)
class Mixture(Task):
    """Two tasks that one network learns at once; or more, as each of the two may be a mixture itself.

    Training minimizes share · L_first + (1 − share) · L_second, with L the mean over all training examples of a task, by its own
    loss. A task's sample is the one that it has alone with the same seed, and its train_size says how many examples there are of it.
    Batches are drawn from all examples; their loss is an estimate without bias. Inputs of one shape get a mark: one more token at the
    end, after the largest value of all (or of numbers, a one-hot vector), or an offset, so that the tasks have no token in common.
    A token more is a summand more: give model.degree=2 to have the quadratic network of one task. Two tasks whose examples are drawn, and
    whose fields are the same, are the same task: give one of them another population_seed.
    The outputs are those of the task with the most, and all of them count for each. Records loss and accuracy of all, and
    train/loss/first, train/accuracy/second, test/accuracy/second.first, …. Its group is that of the first task. Source: whygrok.
    """

    first: Task = part(ModularAddition(), "the first task")
    second: Task = part(ModularMultiplication(p=47), "the second task; a mixture, where there are more than two")
    share: float = field(0.5, "what the loss of the first task counts; that of the second counts 1 − share", at_least=0, at_most=1)
    mark: str = field("added", "what says of which task an input is: a token more, or an offset of all", choices=("added", "offset"))
    train_size: str = without("")
    replacement: bool = without(False)  # whether any of the tasks has it
    loss: Loss = without(ByTargets())
    temperature: float = without(1.0)
    random_labels: float = without(0.0)

    def __post_init__(self) -> None:
        """Also checks that the tasks go together."""
        super().__post_init__()
        object.__setattr__(self, "replacement", any(task.replacement for task in self.tasks.values()))
        for path, plugin in parts(self):
            if path and isinstance(plugin, Task):
                _check_fields(path, plugin)
        (one, first), *_ = self.tasks.items()
        for name, task in self.tasks.items():
            if str(task.sizes) != str(first.sizes):
                rule = f"its inputs are {task.sizes}, and those of {one} are {first.sizes}: the tasks of a mixture have inputs of one shape"
                raise FieldError(f"{name}.name", _name(task), rule)
            if task.sizes.kind == ARRAYS:
                raise FieldError(f"{name}.name", _name(task), f"its inputs are {task.sizes}: a mixture marks tokens, values or images")
        if self.mark == "offset" and first.sizes.kind != TOKENS:
            raise FieldError("mark", self.mark, f"must be 'added' for inputs that are {first.sizes}: tokens alone have an offset")

    @property
    def tasks(self) -> dict[str, Task]:
        """The tasks by name: first, second, and in a mixture inside of it second.first, second.second."""
        found: dict[str, Task] = {}
        for name, task in (("first", self.first), ("second", self.second)):
            found |= {f"{name}.{inner}": one for inner, one in task.tasks.items()} if isinstance(task, Mixture) else {name: task}
        return found

    @property
    def shares(self) -> list[Number]:
        """What the loss of each task counts, 1 together."""
        found: list[Number] = []
        for share, task in ((self.share, self.first), (1 - self.share, self.second)):
            found += [share * inner for inner in task.shares] if isinstance(task, Mixture) else [share]
        return found

    @property
    def sizes(self) -> Sizes:
        """As many values as all tasks and their marks need, and the outputs of the task with the most."""
        each = [task.sizes for task in self.tasks.values()]
        outputs, first = max(one.outputs for one in each), each[0]
        assert isinstance(first.shape, tuple), "__post_init__ refuses other inputs"
        if first.kind != TOKENS:
            return Sizes(shape=(*first.shape[:-1], first.shape[-1] + len(each)), outputs=outputs, values=first.values)
        if self.mark == "offset":
            return Sizes(tokens=first.tokens, values=sum(one.values for one in each), outputs=outputs)
        return Sizes(tokens=first.tokens + 1, values=max(one.values for one in each) + len(each), outputs=outputs)

    def population(self) -> Split:
        """All examples of the first task, then those of the next."""
        return self._mixed([task.population() for task in self.tasks.values()])

    def group(self) -> Group:
        """That of the first task."""
        return next(iter(self.tasks.values())).group()

    def splits(self, seed: int) -> Splits:
        """The sample of each task for this seed, what each leaves, and all. Raises FieldError where the answers are of two kinds."""
        found = []
        for name, task in self.tasks.items():
            try:
                found.append(task.splits(seed))
            except FieldError as error:
                raise error.within(name) from None
            _check_answers(name, task, found)
        return Splits(*(self._mixed([getattr(splits, which) for splits in found]) for which in ("train", "test", "population")))

    def losses(self, outputs: Float[Array, "n p"], targets: Any) -> Float[Array, " n"]:
        """Of examples that do not say of which task they are: the sum over the tasks of share · loss."""
        return sum(share * task.losses(outputs, targets) for share, task in zip(self.shares, self.tasks.values(), strict=True))  # type: ignore[return-value]

    def mean_loss(self, network: Outputs, split: MixedSplit) -> Float[Array, ""]:
        """Σ share · mean loss of a task over its examples in the whole sample; of a batch, an estimate of that."""
        return self._total(self._losses(network(split.inputs), split), split)

    def metrics(self, network: Outputs, splits: Splits) -> Values:
        """Loss and accuracy of each split, then those of each task in it."""
        values: Values = {}
        for name, split in splits:
            if not len(split):
                continue
            outputs = network(split.inputs)
            losses, right = self._losses(outputs, split), self._right(outputs, split, splits.population)
            values |= {f"{name}/loss": self._total(losses, split), f"{name}/accuracy": exact_share(jnp.sum(right), len(split))}
            for number, task in enumerate(self.tasks):
                if count := split.counts[number]:
                    mine = split.task == number
                    values[f"{name}/loss/{task}"] = jnp.sum(jnp.where(mine, losses, 0)) / count
                    values[f"{name}/accuracy/{task}"] = exact_share(jnp.sum(mine & right), count)
        return values

    def with_loss(self, loss: Loss) -> "Mixture":
        """All its tasks, judged by another loss."""
        return dataclasses.replace(self, first=self.first.with_loss(loss), second=self.second.with_loss(loss))

    def _losses(self, outputs: Float[Array, "n p"], split: MixedSplit) -> Float[Array, " n"]:
        """The loss of each example by its own task."""
        return _chosen([task.losses(outputs, split.targets) for task in self.tasks.values()], split.task)

    def _right(self, outputs: Float[Array, "n p"], split: MixedSplit, population: MixedSplit) -> Bool[Array, " n"]:
        """Whether each answer is right, as its own task says, which sees its own population."""
        answers = [
            task.right(outputs, split.targets, Splits(split, split, population.one(number)))
            for number, task in enumerate(self.tasks.values())
        ]
        return _chosen(answers, split.task)

    def _total(self, losses: Float[Array, " n"], split: MixedSplit) -> Float[Array, ""]:
        """The mean of share · N / N_task · loss: over all N examples it is Σ share · mean loss of each task that has any."""
        whole = sum(split.counts)
        weights = [share * (whole / count if count else 0) for share, count in zip(self.shares, split.counts, strict=True)]
        return jnp.mean(jnp.stack([jnp.asarray(weight, losses.dtype) for weight in weights])[split.task] * losses)

    def _mixed(self, splits: Sequence[Split]) -> MixedSplit:
        counts = tuple(len(split) for split in splits)
        inputs = jnp.concatenate([self._marked(split.inputs, number) for number, split in enumerate(splits)])
        task = jnp.asarray(np.repeat(np.arange(len(counts), dtype=np.int32), counts))
        return MixedSplit(inputs, jnp.concatenate([split.targets for split in splits]), task, counts)

    def _marked(self, inputs: Examples, number: int) -> Examples:
        """Inputs that say of which task they are."""
        each = [task.sizes for task in self.tasks.values()]
        if each[0].kind != TOKENS:
            mark = jnp.eye(len(each), dtype=inputs.dtype)[number]
            return jnp.concatenate([inputs, jnp.broadcast_to(mark, (*inputs.shape[:-1], len(each)))], axis=-1)
        if self.mark == "offset":
            return inputs + sum(one.values for one in each[:number])
        token = max(one.values for one in each) + number
        return jnp.concatenate([inputs, jnp.full((len(inputs), 1), token, inputs.dtype)], axis=1)


def _chosen(found: Sequence[Array], task: Int[Array, " n"]) -> Array:
    """Of what each task says of all examples, what an example's own says."""
    chosen = found[0]
    for number, other in enumerate(found[1:], 1):
        chosen = jnp.where(task == number, other, chosen)
    return chosen


def _check_fields(path: str, task: Task) -> None:
    """Raises FieldError for what a task inside a mixture cannot have."""
    for declared in declared_fields(type(task)):
        if declared.name in ONCE and (value := getattr(task, declared.name)) != declared.default:
            raise FieldError(f"{path}.{declared.name}", value, f"must be {declared.default!r} inside a mixture: set task.{declared.name}")
    if isinstance(task, Mixture):
        return
    if type(task).mean_loss is not Task.mean_loss:
        raise FieldError(f"{path}.name", _name(task), "its loss is no mean over single examples, which a mixture needs")
    if type(task.loss).mean is not Loss.mean:
        rule = "what it minimizes is no mean over single examples, which a mixture needs"
        raise FieldError(f"{path}.loss.name", _name(task.loss), rule)


def _check_answers(name: str, task: Task, found: Sequence[Splits]) -> None:
    """Raises FieldError unless all answers are labels, or all are values of one length, for which the task has a loss."""
    if not isinstance(found[-1].population, Split):
        raise FieldError(f"{name}.name", _name(task), "its examples are not held one by one, which a mixture needs")
    last, first = (one.population for one in (found[-1], found[0]))
    if isinstance(last.targets, Mapping):
        raise FieldError(f"{name}.name", _name(task), "its answers are several arrays, and a mixture has one array of them")
    if _answers(last) != _answers(first):
        rule = f"its answers are {_answers(last)}, and those of first are {_answers(first)}: a mixture has answers of one kind"
        raise FieldError(f"{name}.name", _name(task), rule)
    if not last.has_labels and not task.loss.of_values:
        raise FieldError(f"{name}.loss.name", _name(task.loss), f"is a loss of labels, and the answers of {name} are values")


def _answers(split: Split) -> str:
    return "labels" if split.has_labels else "values " + ", ".join(str(list(leaf.shape[1:])) for leaf in jax.tree.leaves(split.targets))


def _name(plugin: Any) -> str:
    """The name that it is registered by; of one that is not, its class."""
    entries = registry.entries(registry.interface_of(type(plugin)))
    return next((entry.name for entry in entries if entry.cls is type(plugin)), type(plugin).__name__)
