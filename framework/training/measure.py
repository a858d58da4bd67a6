"""Looks at a network: the task's metrics and the probes, each compiled once."""

import functools
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from framework.errors import UserError
from framework.interfaces import Context, Probe, Splits, Values
from framework.numbers import euclidean_norm
from framework.training.devices import Spread, hosts
from framework.training.network import Network
from framework.training.program import make_objective
from framework.training.sharing import Shared
from framework.training.state import Stacked, TrainState, on_host

METRICS = "metrics"  # the name under which the task's own metrics are scheduled


# First words of columns that are neither a probe's nor an intervention's.
RESERVED = ("step", "seconds", "train", "test", "population", METRICS, "objective", "gradient_norm", "nonfinite")


def check_names(experiment: Any) -> None:
    """Raises UserError for a probe or an intervention with whose name other columns begin."""
    taken = {"a probe": ("probes", RESERVED), "an intervention": ("interventions", (*RESERVED, *experiment.probes))}
    for what, (section, names) in taken.items():
        for name in sorted(set(getattr(experiment, section)) & set(names)):
            raise UserError(f"{section}.{name}: {what} cannot be called {name!r}: other columns begin with that word")


def owner_of(column: str, probes: Container[str]) -> str:
    """The probe that a column belongs to, or METRICS."""
    first = column.partition("/")[0]
    return first if first in probes else METRICS


def metrics(parts: Any, params: Any, variables: Any, splits: Splits) -> Values:
    """The task's metrics, objective and gradient_norm. parts: task, penalty, network."""
    values = parts.task.metrics(parts.network.outputs(parts.network.module(params, variables)), splits)
    objective = make_objective(parts.task, parts.penalty, parts.network)
    (total, _), gradient = jax.value_and_grad(objective, has_aux=True)(params, variables, splits.train)
    return values | {"objective": total, "gradient_norm": euclidean_norm(gradient)}


def metrics_lane(parts: Any, params: Stacked, variables: Stacked, splits: Stacked) -> Values:
    """The task's metrics of one of several members."""
    return metrics(parts, params.one, variables.one, splits.one)


def measure(parts: Any, key: Any, params: Any, variables: Any, old: Any, step: Any, splits: Splits) -> tuple[Values, Any]:
    """(values of a probe, its next state). parts: probe, task, network, degree; key: the probe's own."""
    context = Context(parts.task, splits, lambda params: parts.network.module(params, variables), parts.degree, key, step)
    return parts.probe.measure(params, context, old)


@dataclass(frozen=True)
class Measurement:
    """One probe instance, ready to be called at an event."""

    name: str
    probe: Probe
    context: Context
    network: Network
    spread: Spread | None = None

    def initial_state(self, params: Any, variables: Any, place: Callable) -> Any:
        """What the probe remembers before training, as copies that training cannot touch."""
        context = replace(self.context, module=lambda params: self.network.module(params, variables))
        return place(self._guard(self.probe.init, params, context))

    def __call__(self, state: TrainState, place: Callable) -> tuple[Values, Any]:
        """(values by quantity, next probe state). Raises UserError naming the probe when it breaks its contract."""
        key, *arrays = self.arrays(state)
        if self.probe.compiled:
            values, new = self._guard(self.program, key, *arrays)
        else:
            values, new = hosts.from_first(self._guard(self.measure, *on_host(arrays)))
        self._check(values, state.probe_state[self.name], new)
        return values, place(new)

    def arrays(self, state: TrainState) -> tuple:
        """What `program` takes at a state."""
        splits = state.splits(self.context.splits)
        return self._key, state.params, state.variables, state.probe_state[self.name], state.step, splits

    def measure(self, params: Any, variables: Any, old: Any, step: Any, splits: Splits) -> tuple[Values, Any]:
        """(values, next probe state), computed where it is called."""
        return measure(SimpleNamespace(**self._parts), self.context.key, params, variables, old, step, splits)

    @functools.cached_property
    def program(self) -> Shared:
        """The compiled program of the probe."""
        return Shared(measure, spread=self.spread, **self._parts)

    @functools.cached_property
    def _key(self) -> Any:
        return self.context.key if self.spread is None else self.spread.everywhere(self.context.key)

    @property
    def _parts(self) -> dict[str, Any]:
        return {"probe": self.probe, "task": self.context.task, "network": self.network, "degree": self.context.degree}

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


def unbound(params: Any) -> Any:
    """In the place of a network, in a context that is bound to one when a probe is called."""
    raise RuntimeError("the context is bound to a network when a probe is called")


def _shapes(tree: Any) -> str:
    # Not np.result_type of everything: NumPy does not know the dtype of a PRNG key.
    return str(jax.tree.map(lambda leaf: f"{getattr(leaf, 'dtype', None) or np.result_type(leaf)}{list(np.shape(leaf))}", tree))


def _plugin_line(error: Exception, probe: Probe) -> str:
    import inspect
    import traceback

    file = inspect.getsourcefile(type(probe))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}:{lines[-1]}" if lines else str(file)
