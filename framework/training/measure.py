"""Looks at a network: the task's metrics and the probes, each compiled once."""

import functools
from asyncio import CancelledError
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from textwrap import shorten
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from framework.errors import UserError, WhygrokError, within, words_of
from framework.interfaces import Context, Probe, Splits, Values
from framework.numbers import euclidean_norm
from framework.training.devices import Spread, hosts
from framework.training.network import Network
from framework.training.program import make_objective
from framework.training.sharing import Shared
from framework.training.state import Stacked, TrainState, on_host

METRICS = "metrics"  # the name under which the task's own metrics are scheduled
FOLDERS = ("arrays", "checkpoints", "figures", "histograms", "lock")  # in that of a run; a writer has one of its own, by its name
# What may come out of a probe; not what a user's own signal handler raises, such as the KeyboardInterrupt of a notebook.
ANYTHING = (Exception, SystemExit, GeneratorExit, CancelledError)
LONGEST = 300  # characters of what a row says of a probe that failed


# First words of columns that are neither a probe's nor an intervention's.
RESERVED = ("step", "seconds", "train", "test", "population", METRICS, "objective", "gradient_norm", "nonfinite", "failed")


def check_names(experiment: Any) -> None:
    """Raises UserError for a probe or an intervention with whose name other columns begin, and for a writer whose folder is taken."""
    taken = {"a probe": ("probes", RESERVED), "an intervention": ("interventions", (*RESERVED, *experiment.probes))}
    for what, (section, names) in taken.items():
        for name in sorted(set(getattr(experiment, section)) & set(names)):
            raise UserError(f"{section}.{name}: {what} cannot be called {name!r}: other columns begin with that word")
    for name in experiment.writers:
        if name.lower() in FOLDERS:
            raise UserError(f"writers.{name}: a writer cannot be called {name!r}: its folder is called so too, and the run has another one")


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
        with within(f"probes.{self.name}"):
            return place(self._guard(self.probe.init, params, context))

    def __call__(self, state: TrainState, place: Callable, failures: dict[str, str] | None = None) -> tuple[Values, Any]:
        """(values by quantity, next probe state). Raises UserError naming the probe when it breaks its contract.

        failures: where it is given, it gets why the probe failed, if it did; there are no values then, and its state stays. What is
        refused before the first step is raised all the same: there the mistake can be mended, and nothing is lost.
        """
        try:
            return self._found(state, place)
        except ANYTHING as error:  # a probe is anybody's code
            if failures is None or (isinstance(error, WhygrokError) and not int(jax.device_get(state.step))):
                raise
            failures[self.name] = _in_words(error, self.probe).removeprefix(f"probe {self.name}: ")
            return {}, state.probe_state[self.name]

    def _found(self, state: TrainState, place: Callable) -> tuple[Values, Any]:
        key, *arrays = self.arrays(state)
        if self.probe.compiled:
            values, new = self._guard(self.program, key, *arrays)
        else:
            values, new = self._of_first(on_host(arrays))
        self._check(values, state.probe_state[self.name], new)
        return jax.block_until_ready((values, place(new)))  # type: ignore[no-any-return]

    def _of_first(self, arrays: list) -> tuple[Values, Any]:
        """What the first host measures; where it fails there, it fails on all."""
        if hosts.count() == 1:
            return self._guard(self.measure, *arrays)  # type: ignore[no-any-return]
        found, why = None, ""
        try:
            found = self._guard(self.measure, *arrays)
        except ANYTHING as error:
            why = _in_words(error, self.probe)
        found, why = hosts.from_first((found, why))
        if found is None:
            raise UserError(f"probe {self.name}: {why}")
        return found

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
        check_values(f"probe {self.name}", "measure must return (a dict of quantity → number or array, next state)", values)
        if (before := _shapes(old)) != (after := _shapes(new)):
            raise UserError(f"probe {self.name}: the state that measure returns must be shaped like the one it got: {before}, then {after}")

    def _guard(self, call: Callable, *args: Any) -> Any:
        try:
            return call(*args)
        except jax.errors.ConcretizationTypeError as error:
            what = "return jnp values, not Python numbers, or set compiled = False on the class"
            raise UserError(f"probe {self.name}: measure runs compiled: {what} ({_plugin_line(error, self.probe)})") from error


def check_values(who: str, rule: str, values: Any) -> None:
    """Raises UserError where a plugin gives anything but what can be recorded, by quantity. rule: what it must return."""
    if not isinstance(values, dict) or not all(isinstance(key, str) and key.isprintable() for key in values):
        raise UserError(f"{who}: {rule}")
    for quantity, value in values.items():
        if not _is_recordable(value):
            raise UserError(f"{who}: {quantity} must be a real number or an array of numbers, and is {_kind(value)}")


def _is_recordable(value: Any) -> bool:
    """Whether a row can hold a value, a real number, or a file of arrays without pickle."""
    dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
    if np.ndim(value):
        return not any(jax.dtypes.issubdtype(dtype, kind) for kind in (np.object_, jax.dtypes.prng_key))
    return any(jax.dtypes.issubdtype(dtype, kind) for kind in (np.bool_, np.integer, np.floating))


def unbound(params: Any) -> Any:
    """In the place of a network, in a context that is bound to one when a probe is called."""
    raise RuntimeError("the context is bound to a network when a probe is called")


def _shapes(tree: Any) -> str:
    # Not np.result_type of everything: NumPy does not know the dtype of a PRNG key.
    return str(jax.tree.map(lambda leaf: f"{getattr(leaf, 'dtype', None) or np.result_type(leaf)}{list(np.shape(leaf))}", tree))


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{name} of dtype {value.dtype}" if hasattr(value, "dtype") else name


def _in_words(error: BaseException, probe: Probe) -> str:
    """One line of an error, as a row holds it: without the folder of the plugin's file, which differs from machine to machine."""
    lines = words_of(error).splitlines() or [""]
    said = lines["Traceback (most recent call last)" in lines[0] and -1]  # of an error in a callback, its own words come last
    if isinstance(error, WhygrokError):
        return shorten(said, 2 * LONGEST)
    where = _plugin_line(error, probe).rpartition("/")[2]
    return shorten(f"{type(error).__name__}{f': {said}' * bool(said)} ({where})", LONGEST)


def _plugin_line(error: BaseException, probe: Probe) -> str:
    import inspect
    import traceback

    try:
        file = inspect.getsourcefile(type(probe))
    except (TypeError, OSError):  # typed into a notebook
        return type(probe).__name__
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}:{lines[-1]}" if lines else str(file)
