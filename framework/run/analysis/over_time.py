"""A function of a network at every saved step of a run: compiled once, and its values stacked."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from tqdm import tqdm

from framework.errors import UserError
from framework.run.progress import StandardError
from framework.training import place, precision

if TYPE_CHECKING:
    from framework.run.loading import Run

OF = ("model", "params")  # what the function takes


def over_time(run: "Run", function: Callable, steps: Iterable[int] | None, of: str, compiled: bool) -> tuple[np.ndarray, Any]:
    """What `Run.over_time` says."""
    if of not in OF:
        raise UserError(f"over_time: of = {of!r}: must be 'model' or 'params': what the function takes")
    saved: list[int | None] = [*run.steps] or [None]
    wanted = [run.saved_step(step) for step in (saved if steps is None else steps)]
    if not wanted:
        raise UserError(f"over_time: steps is empty; saved: {run.steps}")
    program = _program(run, function, of)
    called = jax.jit(program) if compiled else program
    values = []
    with precision(run.experiment.numerics):
        for step in tqdm(wanted, unit="step", disable=None, file=StandardError()):  # None: shown on a terminal only
            try:
                values.append(jax.device_get(called(*place(run.arrays_of(step), run.experiment.device))))
            except jax.errors.ConcretizationTypeError as error:
                what = "return jnp values, not Python numbers, or give compiled=False"
                raise UserError(f"over_time: the function runs compiled: {what} ({str(error).partition(chr(10))[0]})") from error
    return np.array(wanted, np.int64), _stacked(wanted, values)


def _program(run: "Run", function: Callable, of: str) -> Callable:
    network = run.experiment.network

    def program(params: Any, variables: Any) -> Any:
        return function(params if of == "params" else network.module(params, variables))

    return program


def _stacked(steps: list[int], values: list[Any]) -> Any:
    """One tree whose leaves have an axis of steps in front. Raises UserError where a step gave another shape than the first."""
    first = _shapes(values[0])
    for step, value in zip(steps, values, strict=True):
        if (found := _shapes(value)) != first:
            raise UserError(f"over_time: the function gives {found} at step {step}, and {first} at step {steps[0]}: shapes must agree")
    return jax.tree.map(lambda *leaves: np.stack(leaves), *values)


def _shapes(tree: Any) -> str:
    return str(jax.tree.map(lambda leaf: list(np.shape(leaf)), tree))
