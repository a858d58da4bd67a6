"""Looks at a network: the task's metrics and the probes, each compiled once."""

from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np
from flax import nnx

from framework.errors import UserError
from framework.interfaces import Context, Probe, Splits, Task, Values
from framework.numbers import euclidean_norm
from framework.training.network import Network
from framework.training.state import TrainState, place

METRICS = "metrics"  # the name under which the task's own metrics are scheduled


def owner_of(column: str, probes: Container[str]) -> str:
    """The probe that a column belongs to, or METRICS."""
    first = column.partition("/")[0]
    return first if first in probes else METRICS


def make_metrics(task: Task, network: Network, objective: Callable) -> Callable[[TrainState, Splits], Values]:
    """metrics(state, splits) → the task's metrics, objective and gradient_norm. Compiled."""

    @jax.jit
    def metrics(state: TrainState, splits: Splits) -> Values:
        values = task.metrics(network.module(state.params, state.variables), splits)  # type: ignore[arg-type]
        (total, _), gradient = jax.value_and_grad(objective, has_aux=True)(state.params, state.variables, splits.train)
        return values | {"objective": total, "gradient_norm": euclidean_norm(gradient)}

    return metrics


@dataclass(frozen=True)
class Measurement:
    """One probe instance, ready to be called at an event."""

    name: str
    probe: Probe
    context: Context
    network: Network
    _compiled: dict[str, Callable] = field(default_factory=dict)

    def initial_state(self, params: Any, variables: Any, device: jax.Device) -> Any:
        """What the probe remembers before training, as copies that training cannot touch."""
        return place(self._guard(self.probe.init, params, self._bind(self.context, variables)), device)

    def __call__(self, state: TrainState, device: jax.Device) -> tuple[Values, Any]:
        """(values by quantity, next probe state). Raises UserError naming the probe when it breaks its contract."""
        old = state.probe_state[self.name]
        step = state.step
        if self.probe.compiled:
            call = self._compiled.setdefault("measure", jax.jit(self.measure))
            values, new = self._guard(call, state.params, state.variables, old, step, self.context.splits)
        else:
            host = jax.device_get((state.params, state.variables, old, step, self.context.splits))
            values, new = self._guard(self.measure, *host)
        self._check(values, old, new)
        return values, place(new, device)

    def measure(self, params: Any, variables: Any, old: Any, step: Any, splits: Splits) -> tuple[Values, Any]:
        """(values, next probe state), computed where it is called: what a compiled probe compiles."""
        context = replace(self._bind(self.context, variables), step=step, splits=splits)
        return self.probe.measure(params, context, old)

    def _bind(self, context: Context, variables: Any) -> Context:
        def module(params: Any) -> nnx.Module:
            return self.network.module(params, variables)

        return replace(context, module=module)

    def _check(self, values: Any, old: Any, new: Any) -> None:
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise UserError(f"probe {self.name}: measure must return (a dict of quantity → number or array, next state)")
        if (before := _shapes(old)) != (after := _shapes(new)):
            raise UserError(f"probe {self.name}: the state that measure returns must be shaped like the one it got: {before}, then {after}")

    def _guard(self, call: Callable, *args: Any) -> Any:
        try:
            return call(*args)
        except jax.errors.ConcretizationTypeError as error:
            what = "return jnp values, not Python numbers, or set compiled = False on the class"
            raise UserError(f"probe {self.name}: measure runs compiled: {what} ({_plugin_line(error, self.probe)})") from error


def _shapes(tree: Any) -> str:
    # Not np.result_type of everything: NumPy does not know the dtype of a PRNG key.
    return str(jax.tree.map(lambda leaf: f"{getattr(leaf, 'dtype', None) or np.result_type(leaf)}{list(np.shape(leaf))}", tree))


def _plugin_line(error: Exception, probe: Probe) -> str:
    import inspect
    import traceback

    file = inspect.getsourcefile(type(probe))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}:{lines[-1]}" if lines else str(file)
