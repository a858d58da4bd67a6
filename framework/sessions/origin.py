"""Where a run begins: at the seed's own state, or at the network of another run."""

from typing import Any

import jax
from flax import nnx

from framework.errors import FieldError, UserError
from framework.run import load_run
from framework.training import Experiment, TrainState


def initial_state(experiment: Experiment) -> TrainState:
    """The state before the first step, on the devices of the run. Raises UserError where the run that init_from names does not fit."""
    try:
        alone, source = experiment.alone, experiment.general.init_from
        fresh = alone.initial_state()
        return experiment.place_state(alone.initial_state(*_network_of(source, alone, fresh)) if source else fresh)
    except FieldError as error:
        raise UserError(str(error)) from None


def _network_of(source: str, experiment: Experiment, fresh: TrainState) -> tuple[Any, Any]:
    """(parameters, other variables) of the run RUN or RUN@STEP.

    The other variables belong to the network as much as the parameters do: θ_0 of a linearized one, batch statistics.
    Only the random number generators are those of the new seed.
    """
    path, _, step = source.partition("@")
    run = load_run(path)
    if step and not step.isdecimal():
        raise UserError(f"init_from = {source!r}: after @ comes a step; saved: {run.steps}")
    params, variables = run.arrays_of(int(step) if step else None)
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
