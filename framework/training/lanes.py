"""Members that advance together: what their program takes and gives has an axis of members in front, which `jax.vmap` takes off."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from framework.interfaces import Values
from framework.training.measure import metrics
from framework.training.program import Carry, start_of, step_of
from framework.training.state import TrainState


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Stacked:
    """Trees of one structure, leaf by leaf: their own classes allow no axis in front."""

    leaves: list[Any]
    structure: Any = field(metadata={"static": True})

    @classmethod
    def of(cls, trees: Sequence[Any]) -> "Stacked":
        """The trees in a row."""
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(jax.tree.leaves(tree) for tree in trees))
        return cls(stacked, jax.tree.structure(trees[0]))

    @property
    def one(self) -> Any:
        """The tree of one member, where the axis is taken off."""
        return jax.tree.unflatten(self.structure, self.leaves)

    def member(self, number: int) -> "Stacked":
        """A member without the axis."""
        return Stacked([leaf[number] for leaf in self.leaves], self.structure)


State = dict[str, Stacked]  # field of TrainState → its values


def stack_states(states: Sequence[TrainState]) -> State:
    """The states in a row, field by field: the task's metrics need two of them only."""
    return {one.name: Stacked.of([getattr(state, one.name) for state in states]) for one in fields(TrainState)}


def one_state(state: State) -> TrainState:
    """The state of one member, where the axis is taken off."""
    return TrainState(**{name: part.one for name, part in state.items()})


def advance_lane(parts: Any, state: State, count: Int[Array, ""], trips: Int[Array, ""], splits: Stacked) -> tuple[State, Int[Array, ""]]:
    """`advance` for one of several members, in a loop of `trips` steps: after `count` of them, it stands still."""
    step = step_of(parts, splits.one.train)

    def held(trip: Array, carry: Carry) -> Carry:
        return jax.tree.map(partial(jnp.where, trip < count), step(trip, carry), carry)

    made, diverged, _ = jax.lax.fori_loop(0, trips, held, start_of(parts, one_state(state)))
    return {name: Stacked(jax.tree.leaves(getattr(made, name)), part.structure) for name, part in state.items()}, diverged


def metrics_lane(parts: Any, params: Stacked, variables: Stacked, splits: Stacked) -> Values:
    """The task's metrics of one of several members."""
    return metrics(parts, params.one, variables.one, splits.one)
