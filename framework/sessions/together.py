"""Networks of one structure that advance together: lanes of one compiled program, whose arrays have a leading axis of members."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from framework.errors import named
from framework.interfaces import Values
from framework.sessions.loop import Host, Trainee
from framework.sessions.signals import StopRequest
from framework.training import (
    METRICS,
    Event,
    Experiment,
    Stacked,
    State,
    TrainState,
    advance_lane,
    metrics_lane,
    one_state,
    stack_states,
    together,
)
from framework.training.clock import TRAINING, shared


class DoesNotFit(Exception):
    """A network that cannot advance together with the others of its group; the message says why."""


class Lane(Trainee):
    """One of the networks. What its probes remember, and its turns, are its own; its other arrays lie among those of the group."""

    def __init__(self, group: "Group", number: int, experiment: Experiment, state: TrainState):
        super().__init__(experiment)
        self._group, self._number = group, number
        self._remembered = state.outside

    @property
    def state(self) -> TrainState:
        """As it is now, taken out of the arrays of the group."""
        return self._group.state_of(self._number).remembering(self._remembered)

    def become(self, state: TrainState) -> None:
        """Goes on from another state of the same step."""
        self._remembered = state.outside
        self._group.put(self._number, state.bare)

    def measure(self, event: Event) -> Values:
        """What is due at an event: the task's metrics for all lanes at once, the probes of this one with programs for one."""
        with self.clock.spending(METRICS):
            known = self._group.metrics_of(self._number) if METRICS in event.due else None
        values, state = self.look(event, known)
        self._remembered = state.outside
        return values


class Group(Host):
    """A number of places for networks of one structure.

    It always has the same width: where fewer networks are seated, copies of the first fill it and stand still, so that the program,
    and with it every bit, does not depend on who is there. The axis of members is spread over all devices.
    """

    shows_progress = False

    def __init__(self, width: int, stop: StopRequest):
        """width: the number of places; it is rounded up to a multiple of the number of devices."""
        self._devices = jax.devices()
        self.width, self._stop = -(-width // len(self._devices)) * len(self._devices), stop
        self.lanes: list[Lane] = []
        self._seated: list[TrainState] = []  # until the first step
        self._stacked: State | None = None  # from then on
        self._splits: Any = None
        self._metrics: list[Values] | None = None  # of all lanes, where they are known at this step

    @property
    def is_stopped(self) -> bool:
        """Whether a signal has asked the sweep to stop."""
        return bool(self._stop.received)

    def listen(self) -> contextlib.AbstractContextManager[StopRequest]:
        """The request that stops the whole sweep."""
        return contextlib.nullcontext(self._stop)

    def seat(self, experiment: Experiment, state: TrainState) -> Lane:
        """Takes a network. Raises DoesNotFit where it is not like those that sit here, or where its program takes no members axis."""
        assert len(self.lanes) < self.width and self._stacked is None, "networks are seated before the first step"
        if experiment.spread is not None:
            raise DoesNotFit("it is spread over the devices by itself, as its mesh says")
        bare = state.bare
        if not self.lanes:
            self._check_alone(experiment, bare)
        elif said := _difference(self.lanes[0].experiment, self._seated[0], experiment, bare):
            raise DoesNotFit(said)
        self.lanes.append(Lane(self, len(self.lanes), experiment, state))
        self._seated.append(bare)
        return self.lanes[-1]

    def advance(self, counts: Sequence[int]) -> list[int]:
        """Makes so many steps with each lane; gives the first of them that diverged, or −1."""
        moving = [lane.clock for lane, count in zip(self.lanes, counts, strict=False) if count]
        with self._precision(), shared(moving, TRAINING):
            if self._stacked is None:
                self._start()
            padded = np.zeros(self.width, np.int32)
            padded[: len(counts)] = counts
            trips = jax.device_put(np.int32(padded.max()), NamedSharding(self._mesh, PartitionSpec()))
            self._metrics = None
            self._stacked, diverged = self._advance(self._stacked, self._spread(padded), trips, self._splits)
            jax.block_until_ready(self._stacked)
            return [int(step) for step in jax.device_get(diverged)[: len(counts)]]

    def state_of(self, number: int) -> TrainState:
        """The state of a lane, without what its probes remember."""
        if self._stacked is None:
            return self._seated[number]
        with self._precision():
            return one_state(jax.device_put({name: part.member(number) for name, part in self._stacked.items()}, self._devices[0]))

    def put(self, number: int, state: TrainState) -> None:
        """Puts another state of a lane, with its data, in the place of the one that is there."""
        if self._stacked is None:
            self._seated[number] = state
            return
        splits = state.splits(self.lanes[number].experiment.splits)
        with self._precision():
            whole = NamedSharding(self._mesh, PartitionSpec())

            def put(there: Stacked, one: Stacked) -> Stacked:
                pairs = zip(there.leaves, jax.device_put(one.leaves, whole), strict=True)
                return Stacked([leaves.at[number].set(leaf[0]) for leaves, leaf in pairs], there.structure)

            new = stack_states([state])
            self._stacked = self._spread({name: put(part, new[name]) for name, part in self._stacked.items()})
            self._splits, self._metrics = self._spread(put(self._splits, Stacked.of([splits]))), None

    def metrics_of(self, number: int) -> Values:
        """The metrics of a lane."""
        with self._precision():
            if self._stacked is None:
                self._start()
            if self._metrics is None:
                assert self._stacked is not None
                found = jax.device_get(self._measure(self._stacked["params"], self._stacked["variables"], self._splits))
                self._metrics = [{name: value[lane] for name, value in found.items()} for lane in range(len(self.lanes))]
        return dict(self._metrics[number])

    def _start(self) -> None:
        self._mesh = jax.make_mesh((len(self._devices),), ("members",), axis_types=(AxisType.Auto,))
        members = [lane.experiment for lane in self.lanes]
        members += members[:1] * (self.width - len(members))
        states = self._seated + self._seated[:1] * (self.width - len(self._seated))
        self._stacked, self._seated = self._spread(stack_states(states)), []
        self._splits = self._spread(Stacked.of([state.splits(member.splits) for member, state in zip(members, states, strict=True)]))
        self._advance = together(advance_lane, [member.advance_program for member in members], (0, 0, None, 0), donated=(0,))
        self._measure = together(metrics_lane, [member.metrics_program for member in members], (0, 0, 0))
        self._advance, self._measure = (replace(one, numbers=self._spread(one.numbers)) for one in (self._advance, self._measure))

    def _spread(self, tree: Any) -> Any:
        return jax.device_put(tree, NamedSharding(self._mesh, PartitionSpec("members")))

    def _precision(self) -> contextlib.AbstractContextManager[None]:
        return self.lanes[0].experiment.scope()

    def _check_alone(self, experiment: Experiment, state: TrainState) -> None:
        """Raises DoesNotFit where the programs of training and of the task's metrics cannot be compiled for an axis of members."""
        with experiment.scope():
            advance = together(advance_lane, [experiment.advance_program], (0, 0, None, 0), donated=(0,))
            measure = together(metrics_lane, [experiment.metrics_program], (0, 0, 0))
            one, splits = stack_states([state]), Stacked.of([experiment.splits])
            try:
                advance.check(one, jnp.zeros(1, jnp.int32), jnp.int32(0), splits)
                measure.check(one["params"], one["variables"], splits)
            except Exception as error:  # a plugin is anybody's code
                said = named(error)
                raise DoesNotFit(f"its program takes no axis of members ({said})") from error


def _difference(one: Experiment, state: TrainState, other: Experiment, others: TrainState) -> str:
    """In what two networks differ that cannot advance together; nothing where they can."""
    if (one.advance_program.recipe, one.metrics_program.recipe) != (other.advance_program.recipe, other.metrics_program.recipe):
        return "its programs are others"
    return "" if _shapes(state, one.splits) == _shapes(others, other.splits) else "its arrays have other shapes"


def _shapes(*trees: Any) -> Any:
    return jax.tree.structure(trees), [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(trees)]
