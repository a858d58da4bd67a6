"""Which examples a step sees: all of them, or batches whose order follows from the seed and the step alone.

None of this is state: a run that is cut in the middle of an epoch goes on with the examples that were to come.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from framework.errors import FieldError, UserError
from framework.interfaces import Split, Task
from framework.interfaces.tasks import sampling

ORDER, NOISE, UPDATE = range(3)  # what the training key is folded with, for each of its uses


def _fixed() -> Any:
    return field(metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Batches:
    """The policy of a run, with its sizes resolved. A pytree of its one number."""

    count: int = _fixed()  # examples in the training split
    size: int = _fixed()  # examples in a batch
    drawn: bool = _fixed()  # drawn at random at every step, instead of in epochs
    outputs: int = _fixed()
    noise: Any = None  # probability that a label is replaced by a random one; None: none is

    @classmethod
    def of(cls, task: Task, split: Any) -> "Batches":
        """Raises FieldError when batch_size does not fit, UserError when the task's own kind of split cannot be cut."""
        if task.label_noise and isinstance(split, Split) and not split.has_labels:
            raise FieldError("label_noise", task.label_noise, "must be 0 where targets are values: it replaces labels")
        size = sampling.batch_size(task, len(split))
        made = cls(len(split), size, task.batch_order == "drawn", task.sizes.outputs, task.label_noise or None)
        if not made.is_whole and not isinstance(split, Split):
            raise UserError("task: batch_size, batch_order and label_noise need a task whose training split is a framework Split")
        return made

    @property
    def is_whole(self) -> bool:
        """Whether each step sees the training split as it is."""
        return self.size == self.count and not self.drawn and self.noise is None

    @property
    def per_epoch(self) -> int:
        """The number of batches in an epoch; what is left over waits for the next epoch's order, so that all batches are full."""
        return self.count // self.size

    def order(self, rng: PRNGKeyArray, step: Int[Array, ""]) -> Any:
        """The order of the examples in the epoch of this step, int32 [n]; () where there is none."""
        if self.drawn or self.size == self.count:
            return ()
        return jax.random.permutation(_key(rng, ORDER, step // self.per_epoch), self.count)

    def next_order(self, order: Any, rng: PRNGKeyArray, step: Int[Array, ""]) -> Any:
        """The order for this step, given that of the step before: made anew where an epoch begins."""
        if isinstance(order, tuple):
            return order
        return jax.lax.cond(step % self.per_epoch == 0, lambda: self.order(rng, step), lambda: order)

    def take(self, split: Any, order: Any, rng: PRNGKeyArray, step: Int[Array, ""]) -> Any:
        """The examples of this step."""
        if self.is_whole:
            return split
        if self.drawn:
            split = split.take(jax.random.randint(_key(rng, ORDER, step), (self.size,), 0, self.count))
        elif self.size < self.count:
            first = step % self.per_epoch * self.size
            split = split.take(jax.lax.dynamic_slice_in_dim(order, first, self.size))
        return self._noisy(split, _key(rng, NOISE, step)) if self.noise is not None else split

    def _noisy(self, split: Split, key: PRNGKeyArray) -> Split:
        which, label = jax.random.split(key)
        labels = jax.random.randint(label, split.targets.shape, 0, self.outputs, split.targets.dtype)
        return replace(split, targets=jnp.where(jax.random.bernoulli(which, self.noise, labels.shape), labels, split.targets))


def update_key(rng: PRNGKeyArray, step: Int[Array, ""]) -> PRNGKeyArray:
    """The key of an optimizer that draws random numbers, such as gradient noise."""
    return _key(rng, UPDATE, step)


def _key(rng: PRNGKeyArray, use: int, count: Int[Array, ""]) -> PRNGKeyArray:
    return jax.random.fold_in(jax.random.fold_in(rng, use), count)
