"""The compiled training program: one `lax.fori_loop` with a traced trip count, and nothing in it but arithmetic."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from framework.interfaces import Penalty, Task
from framework.training.examples.batches import update_key
from framework.training.network import Network, other_variables
from framework.training.state import Stacked, State, TrainState, leaf_name, one_state

Carry = tuple[TrainState, Array, Any]  # state, first diverged step, order of the examples

PROGRAMS = 2  # raised where the same config gives other bits; a run that is resumed says so


def make_objective(task: Task, penalty: Penalty, network: Network) -> Callable:
    """objective(params, variables, split) → (mean loss + penalty, variables after the pass), eq. 2.2 of the paper."""

    def objective(params: Any, variables: Any, split: Any) -> tuple[Array, Any]:
        module = network.module(params, variables, training=True)
        value = task.mean_loss(network.outputs(module), split) + penalty(params)
        return value, other_variables(module)

    return objective


def advance(parts: Any, state: TrainState, count: Int[Array, ""], split: Any) -> tuple[TrainState, Int[Array, ""]]:
    """(state `count` steps later, first diverged step or −1). parts: task, penalty, network, optimizer, batches.

    The count is traced: chunks of any length run one program, and a run that is cut anywhere gives the same bits. A step
    has diverged when its objective, before the update, is not finite.
    """
    return jax.lax.fori_loop(0, count, _step(parts, state.data[0] if state.data else split), _start(parts, state))[:2]


def advance_lane(parts: Any, state: State, count: Int[Array, ""], trips: Int[Array, ""], splits: Stacked) -> tuple[State, Int[Array, ""]]:
    """`advance` for one of several members, in a loop of `trips` steps: after `count` of them, it stands still."""
    data = state["data"].one
    step = _step(parts, data[0] if data else splits.one.train)

    def held(trip: Array, carry: Carry) -> Carry:
        return jax.tree.map(partial(jnp.where, trip < count), step(trip, carry), carry)

    made, diverged, _ = jax.lax.fori_loop(0, trips, held, _start(parts, one_state(state)))
    return {name: Stacked(jax.tree.leaves(getattr(made, name)), part.structure) for name, part in state.items()}, diverged


def _start(parts: Any, state: TrainState) -> Carry:
    return state, jnp.int32(-1), parts.batches.order(state.rng, state.step)


def _step(parts: Any, split: Any) -> Callable[[Array, Carry], Carry]:
    objective = make_objective(parts.task, parts.penalty, parts.network)
    transform, batches = parts.optimizer.transform(), parts.batches
    wanted = extra_arguments(transform)

    def step(_: Array, carry: Carry) -> Carry:
        state, diverged, order = carry
        order = batches.next_order(order, state.rng, state.step)
        batch = batches.take(split, order, state.rng, state.step)
        (value, variables), gradient = jax.value_and_grad(objective, has_aux=True)(state.params, state.variables, batch)
        extra = _extras(wanted, objective, state, batch, value, gradient)
        updates, opt_state = transform.update(gradient, state.opt_state, state.params, **extra)
        params = _but_for_frozen(state, optax.apply_updates(state.params, updates))
        diverged = jnp.where((diverged < 0) & ~jnp.isfinite(value), state.step, diverged)
        return replace(state, step=state.step + 1, params=params, variables=variables, opt_state=opt_state), diverged, order

    return step


def _but_for_frozen(state: TrainState, params: Any) -> Any:
    """New parameters, with those that stand still as they were; the optimizer has seen their gradients all the same."""
    if not state.frozen:
        return params

    def held(path: tuple, new: Any, old: Any) -> Any:
        return jnp.where(state.frozen[leaf_name(path)], old, new)

    return jax.tree_util.tree_map_with_path(held, params, state.params)


EXTRA = ("value", "grad", "value_fn", "grad_fn", "key")


def extra_arguments(transform: optax.GradientTransformation) -> tuple[str, ...]:
    """Which of the extra arguments an update takes."""
    if not isinstance(transform, optax.GradientTransformationExtraArgs):
        return ()
    parameters = inspect.signature(transform.update).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return EXTRA if takes_all else tuple(name for name in EXTRA if name in parameters)


def _extras(wanted: tuple[str, ...], objective: Callable, state: TrainState, batch: Any, value: Array, gradient: Any) -> dict[str, Any]:
    def value_fn(params: Any) -> Array:
        return objective(params, state.variables, batch)[0]

    def grad_fn(params: Any, _: Any = None) -> Any:
        return jax.grad(value_fn)(params)

    there = {"value": value, "grad": gradient, "value_fn": value_fn, "grad_fn": grad_fn}
    if "key" in wanted:
        there["key"] = update_key(state.rng, state.step)
    return {name: there[name] for name in wanted}
