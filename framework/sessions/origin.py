"""Where a run begins: at the seed's own state, at the network of another run, or at the whole state of another run."""

import logging
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from flax import nnx

from framework.errors import FieldError, UserError
from framework.run import Run, load_run, run_and_step
from framework.training import Experiment, TrainState, from_named_leaves, named_leaves, precision

log = logging.getLogger("whygrok")


def initial_state(experiment: Experiment, has_begun: bool = False) -> TrainState:
    """The state in which the run begins, on its devices: of step 0, or of the step at which it forks from another run.

    has_begun: a fork has states of its own by now, of which this one only gives the form. Raises UserError where the run that
    init_from or fork_of names does not fit.
    """
    try:
        state = experiment.place_state(_origin(experiment, experiment.alone, has_begun))
        if not has_begun:
            experiment.change(state, experiment.interventions)  # one that does not fit says so now, not at its step
        return state
    except FieldError as error:
        raise UserError(str(error)) from None


def _origin(experiment: Experiment, alone: Experiment, has_begun: bool) -> TrainState:
    general = experiment.general
    if general.fork_of and not has_begun:
        return _forked(experiment, alone)
    fresh, source = alone.initial_state(), general.init_from
    return alone.initial_state(*_network_of(source, alone, fresh)) if source else fresh


def recorded_up_to(experiment: Experiment, initial: TrainState) -> int:
    """The step up to which a new run has nothing to record: that of the fork, −1 where it begins at step 0.

    Where a fork has interventions of its own at this very step, that step is the first that it records.
    """
    _, step = run_and_step(experiment.general.fork_of)
    if step is None:
        return -1
    first = next(experiment.events_after(step - 1, initial.planned))
    return step - 1 if first.step == step and first.changed else step


def _forked(experiment: Experiment, alone: Experiment) -> TrainState:
    """The state of the run RUN at STEP. The training key is this run's own: it follows from the seed and never changes.

    A probe goes on remembering what it did there where neither it nor the task has changed; any other begins here.
    """
    general = experiment.general
    source = f"fork_of = {general.fork_of!r}"
    if general.init_from:
        raise UserError(f"{source}: a run has one origin, and init_from = {general.init_from!r} is another")
    run, step = _found(source, general.fork_of)
    if step is None:
        raise UserError(f"{source}: name the step at which to go on, as RUN@STEP; saved: {run.steps}")
    if general.steps <= step:
        raise UserError(f"steps = {general.steps}: the fork begins at step {step:,}, so ask for more")
    theirs = run.leaves(step)
    bare = replace(alone.initial_state().bare, frozen={}, data=())
    network = _taken(source, bare, theirs, alone)
    begun = alone.initial_state(network.params, network.variables)
    goes_on = _same(experiment, run, "probes") if run.config.task == experiment.config.task else []
    for name in set(experiment.config.probes) - set(goes_on):
        log.info("probe %s is not the same in %s: what it compares with begins at step %s", name, general.fork_of, f"{step:,}")
    kept = {f"probe_state.{name}" for name in goes_on} | {f"turns.{name}" for name in _same(experiment, run, "interventions")}
    template = replace(begun, step=network.step, opt_state=network.opt_state)
    own = named_leaves(template)
    remembered = {leaf: array for leaf, array in theirs.items() if ".".join(leaf.split(".")[:2]) in kept}
    left = ("frozen", "data") if run.config.task == experiment.config.task else ("frozen",)
    remembered |= {leaf: array for leaf, array in theirs.items() if leaf.partition(".")[0] in left and leaf in own}
    return _fitted(source, template, own | remembered, alone)


def _same(experiment: Experiment, run: Run, section: str) -> list[str]:
    """The names under which both have the same plugin."""
    return [name for name, plugin in experiment.config[section].items() if run.config[section].get(name) == plugin]


def _taken(source: str, bare: TrainState, theirs: dict[str, np.ndarray], alone: Experiment) -> TrainState:
    """The other run's step, network and optimizer, in a state without probes."""
    mine = ("step", "params", "variables", "opt_state")
    leaves = {leaf: array for leaf, array in theirs.items() if leaf.partition(".")[0] in mine}
    return _fitted(source, bare, leaves | {"rng": named_leaves(bare)["rng"]}, alone)


def _fitted(source: str, template: TrainState, leaves: dict[str, np.ndarray], alone: Experiment) -> TrainState:
    try:
        with precision(alone.numerics):
            return from_named_leaves(template, leaves, alone.device)
    except ValueError as error:
        raise UserError(f"{source} does not fit: {error}. A fork may change whatever leaves the arrays as they are") from None


def _found(what: str, source: str) -> tuple[Run, int | None]:
    """The run and the step of RUN or RUN@STEP. Raises UserError."""
    try:
        path, step = run_and_step(source)
    except UserError as error:
        raise UserError(f"{what}: {error}") from None
    return load_run(path), step


def _network_of(source: str, experiment: Experiment, fresh: TrainState) -> tuple[Any, Any]:
    """(parameters, other variables) of the run RUN or RUN@STEP.

    The other variables belong to the network as much as the parameters do: θ_0 of a linearized one, batch statistics.
    Only the random number generators are those of the new seed.
    """
    run, step = _found(f"init_from = {source!r}", source)
    params, variables = run.arrays_of(step)
    networks = experiment.module(fresh), run.experiment.network.module(params, variables)
    generators, theirs = (nnx.to_pure_dict(nnx.state(network, nnx.RngState)) for network in networks)
    variables = _with(_without(variables, theirs), generators) if fresh.variables else {}
    for what, given, wanted in (("parameters", params, fresh.params), ("other variables", variables, fresh.variables)):
        shapes = [jax.tree.map(lambda leaf: (str(leaf.dtype), leaf.shape), tree) for tree in (given, wanted)]
        if shapes[0] != shapes[1]:
            raise UserError(f"init_from = {source!r}: {what} do not fit: that run has {shapes[0]}, this one needs {shapes[1]}")
    return params, variables


def _without(tree: Any, others: Any) -> Any:
    """The nested dict without the leaves of another, and without what they leave empty."""
    if not isinstance(others, dict):
        return {}
    kept = {name: _without(inner, others[name]) if name in others else inner for name, inner in tree.items()}
    return {name: inner for name, inner in kept.items() if not isinstance(inner, dict) or inner}


def _with(tree: Any, changes: Any) -> Any:
    """The nested dict, its leaves replaced by those of another."""
    if not isinstance(changes, dict):
        return changes
    return tree | {name: _with(tree.get(name, {}), inner) for name, inner in changes.items()}
