"""The compiled training program: one `lax.fori_loop` with a traced trip count, and nothing in it but arithmetic."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from framework.interfaces import Penalty, Task
from framework.network import Network, other_variables
from framework.state import TrainState

Advance = Callable[[TrainState, Int[Array, ""], Any], tuple[TrainState, Int[Array, ""]]]


def make_objective(task: Task, penalty: Penalty, network: Network) -> Callable:
    """objective(params, variables, split) → (mean loss + penalty, variables after the pass), eq. 2.2 of the paper."""

    def objective(params: Any, variables: Any, split: Any) -> tuple[Array, Any]:
        module = network.module(params, variables, training=True)
        value = task.mean_loss(module, split) + penalty(params)  # type: ignore[arg-type]
        return value, other_variables(module)

    return objective


def make_advance(objective: Callable, transform: optax.GradientTransformation) -> Advance:
    """advance(state, count, train split) → (state `count` steps later, first diverged step or −1).

    The count is traced: chunks of any length run one program, and a run that is cut anywhere gives the same bits. The
    state's buffers are donated. A step has diverged when its objective, before the update, is not finite.
    """

    @partial(jax.jit, donate_argnums=0)
    def advance(state: TrainState, count: Int[Array, ""], split: Any) -> tuple[TrainState, Int[Array, ""]]:
        def body(_: Array, carry: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
            state, diverged = carry
            (value, variables), gradient = jax.value_and_grad(objective, has_aux=True)(state.params, state.variables, split)
            updates, opt_state = transform.update(gradient, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
            diverged = jnp.where((diverged < 0) & ~jnp.isfinite(value), state.step, diverged)
            return TrainState(state.step + 1, params, variables, opt_state, state.probe_state, state.rng), diverged

        return jax.lax.fori_loop(0, count, body, (state, jnp.int32(-1)))

    return advance
