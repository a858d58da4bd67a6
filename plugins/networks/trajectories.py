"""Short trainings of quadratic networks for claims, with the product's network, losses and optimizers, in float64."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from framework import Optimizer, losses
from plugins.networks.quadratic import QuadraticNetwork

Objective = Callable[[Any, Any], Float[Array, ""]]  # (parameters, data) → what is minimized
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}  # compiling takes longer than running


def network(params: dict[str, Any], k: int) -> QuadraticNetwork:
    """The product's network with W [k, p, h], or [1, p, h] shared by all k summands, and V [h, p]."""
    return QuadraticNetwork(params["W"], params["V"], degree=k, summands=0 if params["W"].shape[0] == k else k)


def cross_entropy(params: Any, data: tuple[Int[Array, "n k"], Int[Array, " n"]]) -> Float[Array, ""]:
    """The mean over (tuple, label) pairs."""
    inputs, labels = data
    return jnp.mean(losses.cross_entropy(network(params, inputs.shape[1])(inputs), labels))


def square_loss(params: Any, data: tuple[Int[Array, "n m"], Float[Array, " n"]]) -> Float[Array, ""]:
    """The mean of (f_c(a) − y)² over (a_1, …, a_k, c) and y."""
    points, targets = data
    outputs = network(params, points.shape[1] - 1)(points[:, :-1])
    return jnp.mean((jnp.take_along_axis(outputs, points[:, -1:], axis=1)[:, 0] - targets) ** 2)


def initial(generator: np.random.Generator, p: int, k: int, h: int) -> dict[str, np.ndarray]:
    """The default initialization of quadratic, W [k, p, h] and V [h, p], in float64."""
    return {"W": generator.uniform(-1, 1, (k, p, h)) / np.sqrt(k * p), "V": generator.uniform(-1, 1, (h, p)) / np.sqrt(h)}


def trajectories(
    objective: Objective, optimizers: tuple[Optimizer, ...], starts: list[Any], data: list[Any], steps: int, seed: int
) -> list[list[Any]]:
    """[optimizer][start]: parameters at steps 0 … `steps`, NumPy float64 with a leading axis.

    starts, data: as many of one as of the other, shaped alike, trained side by side; where an optimizer draws, it draws
    the same for all of them. One program, in which all optimizers share one gradient: compiling is what takes time.
    """
    with jax.enable_x64(True):
        stacked = [jax.tree.map(lambda *leaves: np.stack(leaves), *group) for group in (starts, data)]
        found = jax.device_get(_trajectories(objective, optimizers, *stacked, jax.random.key(seed), steps))

    def path(optimizer: int, start: int) -> Any:
        return jax.tree.map(lambda leaf: leaf[:, optimizer, start], found)

    return [[path(i, j) for j in range(len(starts))] for i in range(len(optimizers))]


@functools.partial(jax.jit, static_argnames=("objective", "optimizers", "steps"), compiler_options=QUICKLY)
def _trajectories(objective: Objective, optimizers: tuple[Optimizer, ...], starts: Any, data: Any, key: Any, steps: int) -> Any:
    """Parameters [steps + 1, optimizers, starts, …]."""
    transforms = [optax.with_extra_args_support(optimizer.transform()) for optimizer in optimizers]
    gradients = jax.vmap(jax.vmap(jax.grad(objective)), in_axes=(0, None))

    def step(carry: Any, count: Any) -> Any:
        params, states = carry
        gradient, own = gradients(params, data), jax.random.fold_in(key, count)
        moves, after = [], []
        for i, (transform, state) in enumerate(zip(transforms, states, strict=True)):
            mine, slope = (jax.tree.map(lambda leaf, i=i: leaf[i], tree) for tree in (params, gradient))
            move, state = jax.vmap(functools.partial(transform.update, key=own))(slope, state, mine)
            moves.append(move)
            after.append(state)
        params = optax.apply_updates(params, jax.tree.map(lambda *leaves: jnp.stack(leaves), *moves))
        return (params, after), params

    first = jax.tree.map(lambda leaf: jnp.stack([leaf] * len(optimizers)), starts)
    states = [jax.vmap(transform.init)(starts) for transform in transforms]
    _, path = jax.lax.scan(step, (first, states), jnp.arange(steps))
    return jax.tree.map(lambda start, rest: jnp.concatenate([start[None], rest]), first, path)
