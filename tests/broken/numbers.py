"""Plugins of each kind that cannot share compiled programs. `BROKEN`: the plugin, the promise, words of the sentence."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from framework import Loss, Model, Optimizer, Penalty, Probe, field
from tests.broken.models import Table
from tests.broken.tasks import Sum

_kept = {}  # what a plugin may not do: remember outside of its fields


def _norm(params):
    return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))


@dataclass(frozen=True, kw_only=True)
class BranchingRate(Optimizer):
    """Branches on a number (1801)."""

    learning_rate: float = field(0.1, "η", above=0)

    def transform(self):
        return optax.sgd(self.learning_rate if self.learning_rate < 1 else 1.0)


@dataclass(frozen=True, kw_only=True)
class KeptRate(Optimizer):
    """Keeps what it made of a number (1801)."""

    learning_rate: float = field(0.1, "η", above=0)

    def transform(self):
        _kept["rate"] = 1.0 * self.learning_rate
        return optax.sgd(self.learning_rate)


@dataclass(frozen=True, kw_only=True)
class FixedRate(Optimizer):
    """Takes the number when it is made, not when it computes (1801)."""

    learning_rate: float = field(0.1, "η", above=0)

    def __post_init__(self):
        super().__post_init__()
        _kept["fixed"] = self.learning_rate

    def transform(self):
        return optax.sgd(_kept["fixed"])


@dataclass(frozen=True, kw_only=True)
class PreparedRate(Optimizer):
    """Prepares an attribute that is no field (1801)."""

    learning_rate: float = field(0.1, "η", above=0)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "half", 0.5 * self.learning_rate)

    def transform(self):
        return optax.sgd(self.half)


@dataclass(frozen=True, kw_only=True)
class BranchingPenalty(Penalty):
    """Branches on a number (1801)."""

    coefficient: float = field(0.1, "λ", at_least=0)

    def __call__(self, params):
        return self.coefficient * _norm(params) if self.coefficient else jnp.zeros(())


@dataclass(frozen=True, kw_only=True)
class BranchingLoss(Loss):
    """Branches on a number, in a plugin that another one holds (1801)."""

    scale: float = field(1.0, "factor", above=0)

    def __call__(self, outputs, targets):
        errors = outputs - (targets[:, None] == jnp.arange(outputs.shape[-1]))
        return jnp.sum(errors**2, axis=-1) * (self.scale if self.scale < 2 else 2.0)


@dataclass(frozen=True, kw_only=True)
class KeptPenalty(Penalty):
    """Keeps what it made of a number (1801)."""

    coefficient: float = field(0.1, "λ", at_least=0)

    def __call__(self, params):
        _kept["penalty"] = self.coefficient * _norm(params)
        return _kept["penalty"]


@dataclass(frozen=True, kw_only=True)
class FixedPenalty(Penalty):
    """Turns the number into a Python constant (1801)."""

    coefficient: float = field(0.1, "λ", at_least=0)

    def __call__(self, params):
        return float(self.coefficient) * _norm(params)


@dataclass(frozen=True, kw_only=True)
class BranchingProbe(Probe):
    """Branches on a number (1801)."""

    level: float = field(0.5, "level")

    def measure(self, params, context, state):
        return {"above": _norm(params) > (self.level if self.level > 0 else 1.0)}, state


@dataclass(frozen=True, kw_only=True)
class KeptProbe(Probe):
    """Keeps what it made of a number (1801)."""

    level: float = field(0.5, "level")

    def measure(self, params, context, state):
        _kept["level"] = self.level * _norm(params)
        return {"share": _kept["level"]}, state


@dataclass(frozen=True, kw_only=True)
class FixedProbe(Probe):
    """Takes the number when it is made, not when it measures (1801)."""

    level: float = field(0.5, "level")

    def __post_init__(self):
        super().__post_init__()
        _kept["probe"] = self.level

    def measure(self, params, context, state):
        return {"share": _kept["probe"] * _norm(params)}, state


@dataclass(frozen=True, kw_only=True)
class BranchingTask(Sum):
    """Branches on a number (1801)."""

    weight: float = field(0.5, "factor of the losses", above=0)

    def losses(self, outputs, targets):
        return super().losses(outputs, targets) * (self.weight if self.weight < 1 else 1.0)


@dataclass(frozen=True, kw_only=True)
class KeptTask(Sum):
    """Keeps what it made of a number (1801)."""

    weight: float = field(0.5, "factor of the losses", above=0)

    def losses(self, outputs, targets):
        _kept["weight"] = 1.0 * self.weight
        return self.weight * super().losses(outputs, targets)


@dataclass(frozen=True, kw_only=True)
class FixedTask(Sum):
    """Takes the number when it is made, not when it computes (1801)."""

    weight: float = field(0.5, "factor of the losses", above=0)

    def __post_init__(self):
        super().__post_init__()
        _kept["task"] = self.weight

    def losses(self, outputs, targets):
        return _kept["task"] * super().losses(outputs, targets)


class _Scaled(nnx.Module):
    def __init__(self, table, scale):
        self.table, self.scale = table, scale

    def __call__(self, inputs):
        return self.scale * self.table(inputs)


@dataclass(frozen=True, kw_only=True)
class FixedScale(Model):
    """A factor of the outputs that is a plain attribute of the network (1801)."""

    scale: float = field(0.5, "factor of the outputs", above=0)

    def build(self, task, *, rngs):
        return _Scaled(Table(task.sizes, rngs), self.scale)


PASSED = "its numbers are passed in"
BRANCHES, KEEPS, HOLDS = (
    "cannot be passed to a compiled program (TracerBool",
    "is kept from one call to the next",
    "held as a Python constant",
)
BROKEN = [
    (BranchingRate(), PASSED, f"field 'learning_rate' {BRANCHES}"),
    (FixedRate(), PASSED, f"field 'learning_rate' is {HOLDS}"),
    (PreparedRate(), PASSED, "an attribute that is no field follows from field 'learning_rate'"),
    (BranchingPenalty(), PASSED, f"field 'coefficient' {BRANCHES}"),
    (FixedPenalty(), PASSED, "field 'coefficient' cannot be passed to a compiled program (ConcretizationTypeError"),
    (BranchingLoss(), PASSED, f"field 'scale' {BRANCHES}"),
    (BranchingProbe(), PASSED, f"field 'level' {BRANCHES}"),
    (FixedProbe(), PASSED, f"field 'level' is {HOLDS}"),
    (BranchingTask(), PASSED, f"field 'weight' {BRANCHES}"),
    (FixedTask(), PASSED, f"field 'weight' is {HOLDS}"),
    (FixedScale(), PASSED, "hold it as framework.Constant(self.scale)"),
]
KEEPING = (KeptRate(), KeptPenalty(), KeptProbe(), KeptTask())  # told with the words KEEPS
