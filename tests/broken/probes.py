"""Probes that are wrong, each in one way. `BROKEN`: the plugin, the promise that it does not keep, words of the sentence."""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from framework import Probe, field

_called = itertools.count(1)  # what a plugin may not do: remember outside of its state


@dataclass(frozen=True, kw_only=True)
class NoSchedule(Probe):
    """A schedule that means nothing (1801)."""

    schedule: str = field("sometimes", "when to measure")

    def measure(self, params, context, state):
        return {"one": jnp.ones(())}, state


@dataclass(frozen=True, kw_only=True)
class PythonNumber(Probe):
    """float(…) inside a compiled measure (1801)."""

    def measure(self, params, context, state):
        return {"norm": float(optax.tree.norm(params))}, state


@dataclass(frozen=True, kw_only=True)
class Words(Probe):
    """A quantity that is a text (1801)."""

    compiled: ClassVar[bool] = False

    def measure(self, params, context, state):
        return {"verdict": np.array("large")}, state


@dataclass(frozen=True, kw_only=True)
class LateQuantity(Probe):
    """A quantity that is there from the first step on (1801)."""

    compiled: ClassVar[bool] = False

    def measure(self, params, context, state):
        late = {"late": 2.0} if context.step > 0 else {}
        return {"one": 1.0} | late, state


@dataclass(frozen=True, kw_only=True)
class FloatingState(Probe):
    """A state that is an integer, then a float (1801)."""

    def init(self, params, context):
        return jnp.int32(0)

    def measure(self, params, context, state):
        return {"count": state}, state + 0.5


@dataclass(frozen=True, kw_only=True)
class InPlace(Probe):
    """Changes the state that it is given (1801)."""

    compiled: ClassVar[bool] = False

    def init(self, params, context):
        return {"count": jnp.int32(0)}

    def measure(self, params, context, state):
        state["count"] = state["count"] + np.int32(1)
        return {"count": state["count"]}, state


@dataclass(frozen=True, kw_only=True)
class GlobalNoise(Probe):
    """Random points from NumPy's global generator (1801)."""

    compiled: ClassVar[bool] = False

    def measure(self, params, context, state):
        return {"chosen": np.random.randint(0, 10**9)}, state


@dataclass(frozen=True, kw_only=True)
class LogLoss(Probe):
    """log of the training loss, −∞ at 0 (1801)."""

    def measure(self, params, context, state):
        return {"log": jnp.log(context.task.mean_loss(context.module(params), context.splits.train) - 1e-30)}, state


@dataclass(frozen=True, kw_only=True)
class Recompiling(Probe):
    """A jitted function made anew at each event (1801)."""

    compiled: ClassVar[bool] = False

    def measure(self, params, context, state):
        return {"norm": jax.jit(lambda x: optax.tree.norm(x) + 0)(params)}, state


@dataclass(frozen=True, kw_only=True)
class OnlySingle(Probe):
    """Fails in double precision (1801)."""

    def measure(self, params, context, state):
        if jnp.result_type(float) != jnp.float32:
            raise TypeError("not in double precision")
        return {"one": jnp.ones(())}, state


@dataclass(frozen=True, kw_only=True)
class Remembers(Probe):
    """Which process it was made in is not part of its state (1801)."""

    compiled: ClassVar[bool] = False

    def init(self, params, context):
        return np.int32(next(_called))

    def measure(self, params, context, state):
        return {"born": state}, np.int32(next(_called)) * 0 + state * (id(self) % 9_973)


@dataclass(frozen=True, kw_only=True)
class CannotDraw(Probe):
    """A picture of a quantity that it does not record (1801)."""

    def measure(self, params, context, state):
        return {"one": jnp.ones(())}, state

    def draw(self, figure, run, name):
        figure.subplots().plot(*run.series(f"{name}/two"))


BROKEN = [
    (NoSchedule(), "its schedule can be read", "sometimes"),
    (PythonNumber(), "it measures numbers", "measure runs compiled: return jnp values"),
    (Words(), "it measures numbers", "verdict must be a real number or an array of numbers, and is ndarray of dtype <U5"),
    (FloatingState(), "it measures numbers", "must be shaped like the one it got"),
    (LateQuantity(), "it measures the same quantities each time", "late is of shape [] at a later event and not there at step 0"),
    (InPlace(), "it hides nothing", "measure changes the parameters or the state"),
    (GlobalNoise(), "it hides nothing", "gave other numbers the second time"),
    (LogLoss(), "it is finite at zero loss", "log is finite at random parameters and not at a training loss of"),
    (Recompiling(), "measuring compiles once", "again at the third event"),
    (OnlySingle(), "it measures in float64", "TypeError: not in double precision"),
    (Remembers(), "a run resumes", "differs at step 4 in"),
    (CannotDraw(), "what it recorded can be drawn", "no metric 'checked/two'"),
]
