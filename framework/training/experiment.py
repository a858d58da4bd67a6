"""From a config to everything that training needs: plugins, data, compiled functions. Nothing is trained here."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from framework import registry, seeds
from framework.config import NAMED, PLUGIN_SECTIONS, SECTIONS, Checkpoint, Events, General, Mesh, Numerics, Recording, from_dict, strangers
from framework.errors import FieldError, UserError, within
from framework.fields import Condition, make, parts
from framework.interfaces import Context, Intervention, Model, Optimizer, Penalty, Probe, Splits, Task, Values, Writer
from framework.training.clock import PROBES, Clock
from framework.training.devices import Spread, precision, spread_of
from framework.training.examples.batches import Batches
from framework.training.examples.checks import check_splits
from framework.training.examples.fitting import check_loss, check_model, check_probes
from framework.training.measure import METRICS, Measurement, check_names, metrics, unbound
from framework.training.moments.changing import Change, begun, check_turns, turns
from framework.training.moments.schedule import Due, Event, Schedule, check_schedule, ended, events_after, saves
from framework.training.moments.stopping import check_columns, conditions
from framework.training.network import Network, split
from framework.training.program import advance, make_objective
from framework.training.sharing import Shared
from framework.training.state import TrainState, checked, place


@dataclass(frozen=True)
class Experiment:
    """Task, model, optimizer, penalty and probes as one config composed them. Frozen: TrainState is what changes."""

    config: ConfigDict
    general: General
    events: Events
    checkpoint: Checkpoint
    numerics: Numerics
    mesh: Mesh
    recording: Recording
    task: Task
    model: Model
    optimizer: Optimizer
    penalty: Penalty
    probes: dict[str, Probe]
    interventions: dict[str, Intervention] = field(default_factory=dict)
    writers: dict[str, Writer] = field(default_factory=dict)
    guests: registry.Guests = field(default=registry.Guests(()), repr=False)  # those of its plugins that are not ours
    spread: Spread | None = None  # how it lies on several devices; None, also for whoever reads a run: on one

    @classmethod
    def from_config(cls, config: ConfigDict) -> "Experiment":
        """Checks every field and makes the plugins. Raises UserError for the first value that is not allowed."""
        config = from_dict(config)
        plain = {name: value for name, value in config.items() if not isinstance(value, ConfigDict)}
        try:
            general = General(**plain)
            sections = {name: make(section, dict(config[name]), name) for name, section in SECTIONS.items()}
            with (guests := registry.Guests(strangers(config))).at_work():
                plugins = {kind: registry.from_section(kind, config[kind], kind) for kind in PLUGIN_SECTIONS}
                named: dict[str, Any] = {
                    section: {name: registry.from_section(kind, plugin, f"{section}.{name}") for name, plugin in config[section].items()}
                    for section, kind in NAMED.items()
                }
        except FieldError as error:
            raise UserError(str(error)) from None
        made = cls(config=config, general=general, guests=guests, **named, **sections, **plugins)
        _ = made.schedules, made.saves, made.conditions, check_turns(made.interventions)  # what cannot be read is found now
        check_names(made)
        return made

    def _repr_html_(self) -> str:
        return str(self.config._repr_html_("experiment"))

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Where plugins work: in the precision that the config asks for, and what they set for the whole process is put back."""
        with self.guests.at_work(), precision(self.numerics):
            yield

    @functools.cached_property
    def device(self) -> jax.Device:
        """Where everything is computed that is not spread: the first device of this process."""
        return jax.local_devices()[0]

    @property
    def alone(self) -> "Experiment":
        """The same on one device."""
        return self if self.spread is None else replace(self, spread=None)

    def on_mesh(self) -> "Experiment":
        """The same on the devices that `mesh` asks for. Raises UserError where they are not there, or do not divide the network."""
        try:
            spread = spread_of(self.mesh, self.model, self.untrained[1])
        except FieldError as error:
            raise UserError(str(error)) from None
        return self if spread is None else replace(self, spread=spread)

    def place(self, tree: Any) -> Any:
        """Fresh copies of all leaves where training needs them."""
        return place(tree, self.device) if self.spread is None else self.spread.place(tree)

    @functools.cached_property
    def splits(self) -> Splits:
        """The data, drawn with the fold "data" of the seed and checked once on the host."""
        with self.scope(), within("task"):
            splits = self.task.splits(self.general.seed)
            check_splits(splits, self.task)
            return place(splits, self.device) if self.spread is None else self.spread.everywhere(splits)

    @functools.cached_property
    def untrained(self) -> tuple[Network, Any, Any]:
        """The network, its parameters and its variables, as the model makes them."""
        check_model(self.task, self.model)
        with self.scope(), within("model"):
            rngs = nnx.Rngs(seeds.fold(self.general.seed, "init"))
            return split(self.model.build(self.task, rngs=rngs))

    @property
    def network(self) -> Network:
        """How to make a module from parameters."""
        network = self.untrained[0]
        return network if self.spread is None else replace(network, spread=self.spread)

    @functools.cached_property
    def schedules(self) -> dict[str, Due]:
        """When the task's metrics and each probe are due."""
        due = {METRICS: check_schedule("events.metrics", self.events.metrics)}
        for name, probe in self.probes.items():
            due[name] = check_schedule(f"probes.{name}.schedule", probe.schedule)
        return due

    @functools.cached_property
    def saves(self) -> Schedule:
        """When a checkpoint is due."""
        return saves(self.checkpoint.every_steps, self.checkpoint.keep_at)

    @functools.cached_property
    def conditions(self) -> dict[str, Condition]:
        """What ends the run before its last step, `stop_when`, and what brings an intervention about, `interventions.NAME.when`."""
        return conditions(self)

    @property
    def owners(self) -> tuple[str, ...]:
        """The first words of all columns that are not the task's metrics."""
        return (*self.probes, *self.interventions)

    @functools.cached_property
    def objective(self) -> Callable:
        """The function (params, variables, split) → (mean loss + penalty, variables)."""
        return make_objective(self.task, self.penalty, self.network)

    @functools.cached_property
    def advance_program(self) -> Shared:
        """The training program; the state that it is given is used up."""
        parts = {"task": self.task, "penalty": self.penalty, "network": self.network}
        return Shared(advance, donated=(0,), spread=self.spread, **parts, optimizer=self.optimizer, batches=self._batches)

    @functools.cached_property
    def metrics_program(self) -> Shared:
        """The program of the task's metrics."""
        return Shared(metrics, spread=self.spread, task=self.task, penalty=self.penalty, network=self.network)

    @functools.cached_property
    def _batches(self) -> Batches:
        train = self.splits.train  # whose errors name the section themselves
        with within("task"):
            return Batches.of(self.task, train)

    def notices(self) -> list[str]:
        """What a person should know about this combination before it runs. Raises FieldError for a combination that makes no sense."""
        check_model(self.task, self.model)
        check_probes(self.task, self.splits, self.probes)
        check_loss(self.task, self.splits)
        _ = self._batches
        with self.scope():
            jax.eval_shape(self.penalty, self.untrained[1])  # one that needs another network says so before anything is written
        said, plugins = [], {kind: getattr(self, kind) for kind in PLUGIN_SECTIONS}
        named = {f"{section}.{name}": plugin for section in NAMED for name, plugin in getattr(self, section).items()}
        for section, outer in (plugins | named).items():
            for path, plugin in parts(outer, section):
                with within(path):
                    said += [f"{path}: {sentence}" for sentence in plugin.notices(self)]
        return said + check_columns(self) + ([] if self.spread is None else self.spread.notices(self))

    @functools.cached_property
    def metric_columns(self) -> tuple[str, ...]:
        """The columns of the task's metrics, found without computing them."""
        with self.scope():
            _, params, variables = self.untrained
            program = functools.partial(metrics, self.metrics_program.parts)
            return tuple(jax.eval_shape(program, params, variables, self.splits))

    @functools.cached_property
    def measurements(self) -> dict[str, Measurement]:
        """The probes, ready to be called."""
        degree = self.model.homogeneity(self.task)
        made = {}
        for name, probe in self.probes.items():
            key = seeds.fold(self.general.seed, "probe", name)
            context = Context(self.task, self.splits, unbound, degree, key, jnp.int32(0))
            made[name] = Measurement(name, probe, context, self.network, self.spread)
        return made

    def initial_state(self, params: Any = None, variables: Any = None) -> TrainState:
        """The state before the first step; with `params` and `variables`, from those instead of the seed's."""
        if self.spread is not None:  # the same numbers, whatever the devices
            return self.place_state(self.alone.initial_state(params, variables))
        with self.scope():
            _, *fresh = self.untrained
            with within("model"):
                pairs = zip((params, variables), fresh, strict=True)
                params, variables = (place(own if given is None else given, self.device) for given, own in pairs)
            with within("optimizer"):
                opt_state = place(self.optimizer.transform().init(params), self.device)
            remembered = {n: m.initial_state(params, variables, self.place) for n, m in self.measurements.items()}
            rng = place(seeds.fold(self.general.seed, "train"), self.device)
            step = jax.device_put(np.int32(0), self.device)
            more = place(begun(self.interventions, params, self.splits), self.device) if self.interventions else {}
            return checked(TrainState(step, params, variables, opt_state, remembered, rng, **more))

    def place_state(self, state: TrainState) -> TrainState:
        """A state that lies on one device, where this run is trained."""
        with self.scope():
            return state if self.spread is None else self.spread.place(state)  # type: ignore[no-any-return]

    def _count(self, count: int) -> Any:
        return jax.device_put(np.int32(count), self.device) if self.spread is None else self.spread.everywhere(np.int32(count))

    def programs(self, state: TrainState, due: Iterable[str]) -> list[tuple[Shared, tuple]]:
        """The compiled programs of training, of the task's metrics and of the probes in `due`, each with its arrays at a state."""
        training = state.bare, self._count(1), self.splits.train
        looking = state.params, state.variables, self.splits
        probes = [self.measurements[name] for name in due]
        measuring = [(one.program, one.arrays(state)) for one in probes if one.probe.compiled]
        return [(self.advance_program, training), (self.metrics_program, looking), *measuring]

    def advance(self, state: TrainState, count: int) -> tuple[TrainState, int]:
        """(the state `count` steps later, first step whose objective was not finite or −1). `state` is used up."""
        with self.scope():
            # What probes remember stays outside: experiments with other probes run the same program.
            new, diverged = self.advance_program(state.bare, self._count(count), self.splits.train)
            # Not float() or np.asarray: signals wait under those until the program ends.
            return jax.block_until_ready(new).remembering(state), int(jax.device_get(diverged))

    def change(self, state: TrainState, names: Iterable[str]) -> tuple[Values, TrainState]:
        """(how much was changed by column, the state after it) of these interventions, one after another."""
        values: Values = {}
        for name in names:
            found, state = Change(name, self.interventions[name], self)(state)
            values |= found
        return values, state

    def measure(
        self, state: TrainState, event: Event, known: Values | None = None, clock: Clock | None = None, failures: dict | None = None
    ) -> tuple[Values, TrainState]:
        """(values by metric name, the state with what the probes now remember) at an event.

        known: the task's metrics, where whoever calls has them already. clock: it gets an account for them, and one for each probe.
        failures: where it is given, it gets probe → why for those that fail, which otherwise raise.
        """
        clock = clock or Clock()
        with self.scope():
            values: Values = {}
            remembered = dict(state.probe_state)
            for name in event.due:
                if name == METRICS:
                    with clock.spending(METRICS):
                        values |= self._metrics_at(state) if known is None else known
                    continue
                with clock.spending(PROBES + name):
                    found, new = self.measurements[name](state, self.place, failures)
                values |= {f"{name}/{quantity}": value for quantity, value in found.items()}
                # A step that is due only because the run ends here must leave no trace: the run may be extended.
                remembered[name] = new if name in event.measured else remembered[name]
            values = jax.device_get(values)
        return values, replace(state, probe_state=remembered)

    def _metrics_at(self, state: TrainState) -> Values:
        return jax.block_until_ready(self.metrics_program(state.params, state.variables, state.splits(self.splits)))  # type: ignore[no-any-return]

    def events_after(self, step: int, planned: Mapping[str, tuple[int, int]] | None = None) -> Iterator[Event]:
        """The events that are still to come. planned: the turns of interventions, as a state has them."""
        due = turns(check_turns(self.interventions), planned or {}) if self.interventions else {}
        return events_after(step, self.general.steps, self.schedules, self.saves, due, METRICS)

    def ended(self, event: Event) -> Event:
        """The event, made the last one of the run."""
        return ended(event, self.schedules)

    def module(self, state: TrainState) -> nnx.Module:
        """The network at a state, in evaluation mode."""
        with self.scope():
            return self.network.module(state.params, state.variables)
