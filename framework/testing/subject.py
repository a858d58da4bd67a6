"""The plugin that is checked, in a small experiment around it."""

import contextlib
import dataclasses
import functools
import inspect
import logging
import pickle
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from framework import registry
from framework.config import NAMED, Numerics, experiment, select
from framework.fields import parts
from framework.interfaces import KINDS, Model, Probe, Row, Task
from framework.interfaces.data import TOKENS
from framework.testing.made_up import MadeUp
from framework.training import Experiment, TrainState, precision
from framework.training.sharing import program_of

STEPS = 4  # length of the experiment, taken two at a time


@dataclasses.dataclass(frozen=True)
class Subject:
    """One plugin and the experiment in which it is checked; by default modular addition of two numbers at p = 5, if it takes tokens.

    around: another experiment to take the other parts from, for a plugin that needs a certain task or network.
    """

    plugin: Any
    around: Experiment | None = None
    numerics: Numerics = Numerics()

    @property
    def kind(self) -> str:
        """The kind of the plugin in lower case, such as task or probe."""
        return registry.interface_of(type(self.plugin))

    @property
    def file(self) -> str | None:
        """Where the plugin is written."""
        try:
            return inspect.getsourcefile(type(self.plugin))
        except TypeError:  # typed into a notebook
            return None

    def scope(self) -> contextlib.AbstractContextManager[None]:
        """The precision in which the plugin is checked."""
        return precision(self.numerics)

    @functools.cached_property
    def experiment(self) -> Experiment:
        """The plugin among the parts around it. Raises UserError where the combination makes no sense."""
        made = self.with_plugin(self.plugin)
        made.notices()
        return made

    def again(self) -> Experiment:
        """The same experiment as a new process would make it: nothing that the plugin hid in itself or in a program is left."""
        program_of.cache_clear()
        return self.with_plugin(self.copy())

    def with_plugin(self, plugin: Any) -> Experiment:
        """The experiment with another plugin in this one's place."""
        return _with(plugin, self.kind, self.surroundings, self.numerics)

    @property
    def surroundings(self) -> Experiment:
        """The parts around the plugin: those that it is given, or small ones whose inputs it takes."""
        return self.around or surroundings(_kind_of_inputs(self.plugin))

    def copy(self) -> Any:
        """The plugin as another process would receive it."""
        return pickle.loads(pickle.dumps(self.plugin))

    @functools.cached_property
    def rows(self) -> list[Row]:
        """What a claim gives for seed 0."""
        return self.plugin.check(0)

    def in_float64(self) -> "Subject":
        """The same plugin, checked in double precision."""
        return dataclasses.replace(self, numerics=Numerics(precision="float64"))

    def params(self, seed: int = 0) -> Any:
        """Parameters of the network, every entry moved by a random number so that none is 0 or equal to another."""
        generator = np.random.default_rng(seed)

        def moved(leaf: Any) -> jax.Array:
            return jax.numpy.asarray(np.asarray(leaf) + 0.01 * generator.normal(size=leaf.shape).astype(leaf.dtype))

        return jax.tree.map(moved, self.experiment.initial_state().params)


def surroundings(kind: str = TOKENS) -> Experiment:
    """The small experiment: modular addition at p = 5, eight quadratic neurons, gradient descent; or numbers and an MLP."""
    config = experiment(
        task=select("modular_addition", p=5, train_size="60%"),
        model=select("quadratic" if kind == TOKENS else "mlp", width="8"),
        optimizer=select("gd", learning_rate=0.1),
        steps=STEPS,
    )
    made = Experiment.from_config(config)
    return made if kind == TOKENS else dataclasses.replace(made, task=MadeUp(kind=kind))


def _kind_of_inputs(plugin: Any) -> str:
    """The first kind of inputs that a task has, or that a model or a probe takes with all parts inside it."""
    if isinstance(plugin, Task):
        return plugin.sizes.kind
    taken = [part.inputs for _, part in parts(plugin) if isinstance(part, Model | Probe)]
    return next((kind for kind in KINDS if all(kind in one for one in taken)), TOKENS)


def _with(plugin: Any, kind: str, around: Experiment, numerics: Numerics) -> Experiment:
    if kind == "loss":
        part: dict[str, Any] = {"task": dataclasses.replace(around.task, loss=plugin)}
    else:
        part = {f"{kind}s": {"checked": plugin}} if kind in NAMED.values() else {kind: plugin}
    return dataclasses.replace(around, numerics=numerics, **({section: {} for section in NAMED} | part))


@contextlib.contextmanager
def compiled_programs() -> Iterator[list[str]]:
    """The names of the programs that are compiled inside, from JAX's own events."""
    names: list[str] = []

    def listen(event: str, duration_secs: float, **more: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(str(more.get("fun_name", event)))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@contextlib.contextmanager
def only_warnings() -> Iterator[None]:
    """Inside, what is not a warning is not heard."""
    log = logging.getLogger("whygrok")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)


def bits(tree: Any) -> list[tuple[str, bytes]]:
    """Every leaf of a pytree as dtype, shape and bytes: equal means equal to the bit, NaN included."""
    leaves = [_host(leaf) for leaf in jax.tree.leaves(tree)]
    return [(f"{leaf.dtype}{leaf.shape}", leaf.tobytes()) for leaf in leaves]


def host_copy(tree: Any) -> Any:
    """The tree as NumPy arrays of its own."""
    return jax.tree.map(lambda leaf: np.array(_host(leaf)), tree)


def is_finite(tree: Any) -> bool:
    """Whether no number in the tree is NaN or infinite."""
    numbers = [_host(leaf) for leaf in jax.tree.leaves(tree)]
    return all(bool(np.all(np.isfinite(leaf))) for leaf in numbers if np.issubdtype(leaf.dtype, np.number))


def _host(leaf: Any) -> np.ndarray:
    is_key = hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.device_get(jax.random.key_data(leaf) if is_key else leaf))


def after(made: Experiment, state: TrainState, *counts: int) -> TrainState:
    """The state after chunks of so many steps."""
    for count in counts:
        state, _ = made.advance(state, count)
    return state
