"""A network evaluated as it was saved, and as interventions would leave it; nothing is trained, and nothing is written."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax

from framework import registry
from framework.interfaces import Intervention, Values
from framework.run import Run
from framework.training import Experiment, TrainState, from_named_leaves, named_leaves, precision


@dataclass(frozen=True)
class Evaluation:
    """What the task says of a network, before and after. changed: (name, how much it changed) of each intervention, in order."""

    step: int
    before: Values
    after: Values
    changed: Sequence[tuple[str, Values]]
    params: Any  # the parameters after


def evaluate(run: Run, interventions: Sequence[Intervention] = (), step: int | None = None) -> Evaluation:
    """The task's metrics of the network at a saved step, the newest by default, and after these interventions, one after another."""
    step = run.saved_step(step)
    given: dict[str, Intervention] = {}
    for plugin in interventions:
        name = str(registry.section_of(plugin)["name"])
        taken = {*given, *run.experiment.interventions}
        given[name if name not in taken else next(f"{name}_{n}" for n in range(2, 99) if f"{name}_{n}" not in taken)] = plugin
    made = dataclasses.replace(run.experiment, probes={}, interventions=run.experiment.interventions | given)
    state = _restored(made, run.leaves(step))
    before, changed = _metrics(made, state), []
    for name in given:
        values, state = made.change(state, [name])
        changed.append((name, {column.removeprefix(f"{name}/"): value for column, value in values.items()}))
    return Evaluation(step, before, _metrics(made, state) if given else before, changed, jax.device_get(state.params))


def _restored(made: Experiment, leaves: dict[str, Any]) -> TrainState:
    template = made.initial_state()
    own = named_leaves(template)
    with precision(made.numerics):
        return from_named_leaves(template, own | {name: leaf for name, leaf in leaves.items() if name in own}, made.device)


def _metrics(made: Experiment, state: TrainState) -> Values:
    with made.scope():
        found = jax.device_get(made.metrics_program(state.params, state.variables, state.splits(made.splits)))
    return dict(found)
