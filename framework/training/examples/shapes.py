"""Whether what plugins give is shaped as training takes it: JAX would stretch or clamp what is not, and go on without a word."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from framework.errors import FieldError, within
from framework.interfaces import Loss, Optimizer, Split, Task, rows_in
from framework.training.examples.fitting import name_of
from framework.training.network import Network
from framework.training.program import extra_arguments
from framework.training.state import leaf_name

OURS = ("framework.", "plugins.")


def check_shapes(experiment: Any) -> None:
    """Raises FieldError where outputs, losses or updates do not have the shapes that training takes. Nothing is computed."""
    with experiment.scope():
        network, params, variables = experiment.untrained
        _check_outputs(experiment.task, experiment.model, network, params, variables, experiment.splits.train)
        with within("optimizer"):
            _check_updates(experiment.optimizer, params)


def _check_outputs(task: Task, model: Any, network: Network, params: Any, variables: Any, split: Any) -> None:
    """How a task judges in a way of its own is its own affair; a loss of somebody's may take more outputs than the task has."""
    if type(task).mean_loss is not Task.mean_loss or not _is_ours(type(task).losses) or not hasattr(split, "inputs"):
        return
    inputs = split.inputs
    count, asked = rows_in(inputs), task.sizes.outputs
    outputs = jax.eval_shape(lambda *arrays: network.outputs(network.module(*arrays[:2]))(arrays[2]), params, variables, inputs)
    more = not _is_ours(type(task.loss).__call__)
    rows, width = outputs.shape if len(getattr(outputs, "shape", ())) == 2 else (-1, -1)
    if rows != count or not (width == asked or (more and width > asked)) or not _is_real(outputs):
        rule = f"gives {_in_words(outputs)} for {count} examples of task.name = {name_of(task)!r}, which takes float [{count}, {asked}]"
        raise FieldError("model.name", name_of(model), rule)
    if isinstance(split, Split):
        _check_losses(task, outputs, split, count)


def _check_updates(optimizer: Optimizer, params: Any) -> None:
    transform, value = optimizer.transform(), jnp.zeros(())
    there: dict[str, Any] = {"value": value, "grad": params, "value_fn": lambda _: value, "grad_fn": lambda params, _=None: params}

    def update(params: Any, state: Any) -> Any:
        extra = {name: there[name] if name in there else jax.random.key(0) for name in extra_arguments(transform)}
        updates, _ = transform.update(params, state, params, **extra)
        return updates

    try:
        state = jax.eval_shape(transform.init, params)  # numbers of Python in it become arrays, as they do when training begins
    except (TypeError, ValueError, OverflowError):  # what no array holds is refused by its name where the state is made
        return
    updates = jax.eval_shape(update, params, state)
    if jax.tree.structure(updates) != jax.tree.structure(params):  # type: ignore[operator]
        return  # which no update can be added to: optax says so
    for (path, leaf), found in zip(jax.tree_util.tree_leaves_with_path(params), jax.tree.leaves(updates), strict=True):
        if leaf.shape != found.shape:
            rule = f"its update of {leaf_name(path)} is {_in_words(found)}, and must have the shape of the parameter, {list(leaf.shape)}"
            raise FieldError("name", name_of(optimizer), rule)


def _check_losses(task: Task, outputs: Any, split: Any, count: int) -> None:
    own = type(task).losses is not Task.losses  # of a task that does not ask its loss, or asks several
    judge: Callable[..., Any] = task.losses if own else task.loss
    path, judging = ("task.name", task) if own else ("task.loss.name", task.loss)
    losses = jax.eval_shape(judge, outputs, split.targets)
    if getattr(losses, "shape", None) != (count,) or not _is_real(losses):
        rule = f"gives {_in_words(losses)} for {count} examples, and must give a loss for each: float [{count}]"
        raise FieldError(path, name_of(judging), rule)
    if own or type(task.loss).mean is Loss.mean:
        return
    mean = jax.eval_shape(lambda outputs: task.mean_loss(lambda _: outputs, split), outputs)
    if getattr(mean, "shape", None) != () or not _is_real(mean):
        raise FieldError(path, name_of(judging), f"its mean is {_in_words(mean)}, and must be one float")


def _is_ours(*functions: Callable) -> bool:
    return all(function.__module__.startswith(OURS) for function in functions)


def _is_real(found: Any) -> bool:
    return bool(jnp.issubdtype(found.dtype, jnp.floating))


def _in_words(found: Any) -> str:
    return f"{found.dtype} {list(found.shape)}" if hasattr(found, "dtype") else type(found).__name__
