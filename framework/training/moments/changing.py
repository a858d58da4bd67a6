"""Interventions, ready to be made: what they change is checked, counted, and put back where training needs it."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from framework import seeds
from framework.errors import FieldError, UserError, within
from framework.interfaces import Intervention, Setting, Training, Values, named
from framework.training.measure import check_values
from framework.training.moments.schedule import At, Besides, Schedule, check_schedule
from framework.training.state import TrainState, leaf_name, on_host, place, raw

PARTS = tuple(part.name for part in dataclasses.fields(Training))
RETURNED = "apply must return (the training after it, a dict of quantity → number or array)"
NEVER = (-1, -1)  # (due, made) of an intervention that is neither planned nor was made


def check_turns(interventions: Mapping[str, Intervention]) -> dict[str, Schedule]:
    """When each intervention is due by its schedule. Raises FieldError where none, two or an unreadable moment is given."""
    found: dict[str, Schedule] = {}
    for name, plugin in interventions.items():
        path, schedule = f"interventions.{name}", plugin.schedule.strip()
        if schedule and plugin.when.strip():
            raise FieldError(f"{path}.when", plugin.when, f"{path}.schedule = {schedule!r} says when already: empty one of the two")
        if not schedule and not plugin.when.strip():
            rule = 'says not when: give steps, "at 1000" or "every 500", or a condition, when="train/accuracy >= 0.99"'
            raise FieldError(f"{path}.schedule", plugin.schedule, rule)
        if "last" in schedule.lower():
            rule = 'an intervention has no "last" step, as a run may be made longer: name the step, "at 1000"'
            raise FieldError(f"{path}.schedule", plugin.schedule, rule)
        found[name] = check_schedule(f"{path}.schedule", schedule).regular if schedule else At(())
    return found


def turns(regular: Mapping[str, Schedule], planned: Mapping[str, tuple[int, int]]) -> dict[str, Schedule]:
    """When each is made that is still to be made. planned: (the step at which `when` has it due, its last step), −1 for none."""
    return {name: Besides(schedule, *reversed(planned.get(name, NEVER))) for name, schedule in regular.items()}


def begun(interventions: Mapping[str, Intervention], params: Any, splits: Any) -> dict[str, Any]:
    """The fields of a state that interventions need, at its beginning."""
    parts = {part for plugin in interventions.values() for part in plugin.changes}
    return {
        "turns": {name: np.array(NEVER, np.int32) for name in interventions},
        "frozen": {name: np.array(False) for name in named(params)} if "frozen" in parts else {},
        "data": (splits.train, splits.test) if "data" in parts else (),
    }


@dataclass(frozen=True)
class Change:
    """One intervention of an experiment."""

    name: str
    plugin: Intervention
    experiment: Any

    def __call__(self, state: TrainState) -> tuple[Values, TrainState]:
        """(how much was changed, the state after it). Raises UserError where the plugin breaks its contract, or does not fit."""
        made = self.experiment
        with made.scope(), within(f"interventions.{self.name}"):
            given = on_host(Training(**{part: getattr(state, part) for part in PARTS}))
            applied = self.plugin.apply(given, self._setting(state, given))
            if not isinstance(applied, tuple) or len(applied) != 2 or not isinstance(applied[0], Training):
                raise UserError(f"intervention {self.name}: {RETURNED}")
            after, told = applied
            check_values(f"intervention {self.name}", RETURNED, told)
            changed = {part: self._fitted(part, getattr(given, part), getattr(after, part)) for part in PARTS}
            fresh = {part: made.place(tree) for part, tree in changed.items() if tree is not getattr(given, part)}
            turn = np.array([state.planned.get(self.name, NEVER)[0], int(state.step)], np.int32)
            planned = {**state.turns, self.name: made.place(turn)}
        values = {**told, **counted(given, Training(**changed))}
        return {f"{self.name}/{quantity}": value for quantity, value in values.items()}, dataclasses.replace(state, turns=planned, **fresh)

    def _setting(self, state: TrainState, given: Training) -> Setting:
        made, step = self.experiment, int(state.step)
        key = jax.random.fold_in(seeds.fold(made.general.seed, "intervention", self.name), step)
        splits = on_host(state.splits(made.splits))

        def module(params: Any) -> Any:
            return made.alone.network.module(*place((params, given.variables), made.device))

        degree = made.model.homogeneity(made.task)
        return Setting(made.task, splits, module, degree, key, np.array(step, np.int32), made.model, made.optimizer)

    def _fitted(self, part: str, before: Any, after: Any) -> Any:
        """What the plugin gave, in the dtypes that were there. Raises UserError where it has other leaves or shapes."""
        if after is before:
            return before
        who = f"intervention {self.name}"
        if part not in self.plugin.changes:
            raise UserError(f'{who}: apply changed {part}: name it on the class, changes = ("{part}", …)')
        (old, structure), (new, other) = jax.tree_util.tree_flatten_with_path(before), jax.tree_util.tree_flatten_with_path(after)
        if str(structure) != str(other):
            raise UserError(f"{who}: apply must give {part} with the leaves that it got: {structure}, then {other}")
        fitted = [_like(f"{who}: {part}.{leaf_name(path)}", a, b) for (path, a), (_, b) in zip(old, new, strict=True)]
        return jax.tree.unflatten(structure, fitted)


def counted(before: Training, after: Training) -> Values:
    """By how much the parameters moved, and how many numbers are others than before, part by part."""
    old, new = ([np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(one.params)] for one in (before, after))
    distance = math.sqrt(sum(float(np.sum((b - a) ** 2)) for a, b in zip(old, new, strict=True)))
    length = math.sqrt(sum(float(np.sum(a**2)) for a in old))
    sizes = {name: np.size(leaf) for name, leaf in named(after.params).items()}
    return {
        "distance": distance,
        "relative": distance / length if length else 0.0,
        "parameters": _differing(before.params, after.params),
        "optimizer": _differing(before.opt_state, after.opt_state),
        "frozen": sum(sizes[name] for name, stands in after.frozen.items() if stands),
        "examples": _examples(before.data[:1], after.data[:1]),
    }


def _examples(before: Any, after: Any) -> int:
    """How many training examples are others, by their place."""
    rows = [np.any((a != b).reshape(len(a), -1), axis=1) for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)]
    return int(np.sum(np.any(rows, axis=0))) if rows else 0


def _differing(before: Any, after: Any) -> int:
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    return sum(int(np.sum(np.asarray(raw(a)) != np.asarray(raw(b)))) for a, b in pairs)


def _like(what: str, before: Any, after: Any) -> Any:
    if raw(before) is not before:  # a key of random numbers
        return after
    old, new = np.asarray(before), np.asarray(after)
    if old.shape != new.shape or not np.can_cast(new.dtype, old.dtype, "same_kind"):
        raise UserError(f"{what} is {new.dtype}{list(new.shape)} after apply, and was {old.dtype}{list(old.shape)}")
    return new.astype(old.dtype)
