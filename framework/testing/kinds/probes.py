"""What a Probe promises."""

import dataclasses
import functools
import io
import re
from typing import Any

import jax
import numpy as np

from framework import registry
from framework.config import Numerics
from framework.interfaces import Task
from framework.pictures import new_figure
from framework.run import Recorder, Run
from framework.testing.in_training import check_resumes
from framework.testing.promises import Broken, promise
from framework.testing.shared_programs import check_shares_programs
from framework.testing.subject import STEPS, Subject, bits, compiled_programs, host_copy, is_finite, surroundings
from framework.training import METRICS, Event, Experiment, TrainState

PROBE = "probe"
NAME = "checked"  # name of the instance in the experiment


@promise(PROBE, is_basis=True)
def its_schedule_can_be_read(subject: Subject) -> None:
    """`schedule` says when it measures."""
    _ = subject.experiment.schedules


@promise(PROBE, is_basis=True)
def it_measures_numbers(subject: Subject) -> None:
    """`measure` gives (a dict of numbers and arrays by quantity, the next state shaped as the last one)."""
    values = _measured(subject.experiment, subject.experiment.initial_state())[0]
    if not values:
        raise Broken("measure gave no quantity: return {'name of the quantity': number}, state")
    for name, value in values.items():
        if not re.fullmatch(r"[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*", name):
            raise Broken(f"{name!r} cannot name a quantity: use letters, digits and _ . + - only, parts divided by /")
        if not np.issubdtype(np.asarray(value).dtype, np.number) and np.asarray(value).dtype != bool:
            raise Broken(f"{name} is {np.asarray(value).dtype}: a quantity is a number or an array of numbers")


@promise(PROBE)
def it_measures_the_same_quantities_each_time(subject: Subject) -> None:
    """Every event gives the same quantities, of the same shapes: they are the columns of one table."""
    made = subject.experiment
    found = []
    state = made.initial_state()
    for count in (0, 1, 2):
        state, _ = made.advance(state, count)
        values, state = _measured(made, state)
        found.append({name: np.shape(value) for name, value in values.items()})
    for later in found[1:]:
        for name in {**found[0], **later}:
            if found[0].get(name) != later.get(name):
                there = {True: f"of shape {list(later.get(name, ()))}", False: "not there"}
                raise Broken(f"{name} is {there[name in later]} at a later event and {_first(found[0], name)} at step 0: give it always")


@promise(PROBE)
def it_hides_nothing(subject: Subject) -> None:
    """The same parameters and state give the same numbers, in another process too; what it is given stays as it is."""
    made, params = subject.experiment, host_copy(subject.params())
    start = made.initial_state()
    remembered, variables, splits = (host_copy(x) for x in (start.probe_state[NAME], start.variables, made.splits))
    step, others = np.array(1, np.int32), host_copy(subject.params(1))
    if made.probes[NAME].compiled:
        there = (params, others, variables, remembered, splits)
        params, others, variables, remembered, splits = jax.tree.map(jax.numpy.asarray, there)
    measure, elsewhere = made.measurements[NAME].measure, subject.again().measurements[NAME].measure
    handed = host_copy((params, variables, remembered))
    first = bits(measure(params, variables, remembered, step, splits))
    if bits(handed) != bits((params, variables, remembered)):
        raise Broken("measure changes the parameters or the state that it is given: make a new state and return it")
    measure(others, variables, remembered, step, splits)
    if first != bits(measure(params, variables, remembered, step, splits)):
        raise Broken("the same parameters and state gave other numbers the second time: remember in the state, draw from context.key")
    if first != bits(elsewhere(params, variables, remembered, step, splits)):
        raise Broken("another process measures other numbers: the plugin may depend on nothing but its fields")


@promise(PROBE)
def it_is_finite_at_zero_loss(subject: Subject) -> None:
    """What is finite at ordinary parameters is finite where the training loss is 0: that is where grokking happens."""
    made = subject.experiment
    ordinary = _measured(made, _state_at(made, subject.params()))[0]
    memorized, loss = _memorized(subject)
    for name, value in _measured(made, memorized)[0].items():
        if is_finite(ordinary.get(name, np.nan)) and not is_finite(value):
            raise Broken(f"{name} is finite at random parameters and not at a training loss of {loss:.1g}: guard a division or a logarithm")


@promise(PROBE)
def measuring_compiles_once(subject: Subject) -> None:
    """Events after the first two compile nothing."""
    made = subject.experiment
    state = made.initial_state()
    for _ in range(2):
        state = _measured(made, made.advance(state, 1)[0])[1]
    state, _ = made.advance(state, 1)
    with compiled_programs() as compiled:
        _measured(made, state)
    if compiled:
        raise Broken(f"measuring compiled {compiled[0]} again at the third event: make jitted functions once, outside of measure")


@promise(PROBE)
def it_measures_in_float64(subject: Subject) -> None:
    """It also measures a run with numerics.precision=float64."""
    double = subject.in_float64()
    with double.scope():
        _measured(double.experiment, double.experiment.initial_state())


@promise(PROBE)
def its_numbers_are_passed_in(subject: Subject) -> None:
    """Runs that differ in its numbers share compiled programs, and each of them has its own numbers."""
    check_shares_programs(subject, (NAME,))


@promise(PROBE)
def a_run_resumes(subject: Subject) -> None:
    """A run that is saved, restored in another process and continued is the uninterrupted one, its numbers too."""
    check_resumes(subject, (NAME,))


@promise(PROBE)
def what_it_recorded_can_be_drawn(subject: Subject) -> None:
    """`draw` draws a run of three events, from its rows and arrays alone."""
    made = subject.experiment
    recorder, state = Recorder(), made.initial_state()
    for count in (0, 2, STEPS - 2):
        state, _ = made.advance(state, count)
        values, state = made.measure(state, Event(int(state.step), (METRICS, NAME), (), last=False))
        recorder.row(int(state.step), values)
    figure = new_figure()
    made.probes[NAME].draw(figure, Run(experiment=made, rows=recorder.rows, stored=recorder.arrays), NAME)
    figure.savefig(io.BytesIO(), format="png")


def _measured(made: Experiment, state: TrainState) -> tuple[dict[str, Any], TrainState]:
    values, state = made.measure(state, Event(int(state.step), (NAME,), (), last=False))
    return {name.removeprefix(f"{NAME}/"): value for name, value in values.items()}, state


def _first(shapes: dict[str, tuple], name: str) -> str:
    return f"of shape {list(shapes[name])}" if name in shapes else "not there"


def _state_at(made: Experiment, params: Any) -> TrainState:
    """The initial state, with what the probe remembers of it, at other parameters."""
    return dataclasses.replace(made.initial_state(), params=params)


def _memorized(subject: Subject) -> tuple[TrainState, float]:
    """(state, training loss): fitted by Adam, then scaled up until the loss is 0, or as near as doubling brings it."""
    params = _fit(subject.around, subject.numerics) if subject.around else _fit_surroundings(subject.surroundings.task, subject.numerics)
    made = subject.experiment
    state = made.initial_state()
    loss = jax.jit(lambda params: made.objective(params, state.variables, made.splits.train)[0])
    losses = {scale: float(loss(jax.tree.map(lambda leaf, s=scale: s * leaf, params))) for scale in (1.0, 2.0, 4.0, 8.0)}
    best = min((scale for scale in losses if np.isfinite(losses[scale])), key=lambda scale: losses[scale])
    return _state_at(made, jax.tree.map(lambda leaf: best * leaf, params)), losses[best]


def _fit(around: Experiment, numerics: Numerics) -> Any:
    """Parameters that have learned the training set, or 300 steps of it."""
    optimizer = registry.build("optimizer", "adam", learning_rate=0.05)
    made = dataclasses.replace(around, optimizer=optimizer, probes={}, numerics=numerics)
    state, _ = made.advance(made.initial_state(), 300)
    return host_copy(state.params)


@functools.cache
def _fit_surroundings(task: Task, numerics: Numerics) -> Any:
    return _fit(surroundings(task.sizes.kind), numerics)
