"""A probe for tests that fails at the steps it is told to, in the way it is told to, and counts the times it did not."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from framework import Probe, field, register
from framework.errors import FieldError


class Wordless(Exception):
    """An error that cannot even be printed."""

    def __str__(self) -> str:
        raise ValueError("no words")


def error_of(how: str) -> BaseException:
    """What is raised."""
    errors: dict[str, BaseException] = {
        "error": ValueError("no such\nfrequency"),
        "memory": MemoryError(),
        "exit": SystemExit(7),
        "wordless": Wordless(),
        "recursion": RecursionError("too deep"),
        "half a character": ValueError("caf\udce9"),
        "refusal": FieldError("points", 3, "must be fewer"),
    }
    return errors[how]


VALUES: dict[str, Any] = {
    "text": "many",
    "nothing": None,
    "complex": 1j,
    "objects": np.array([None, 2], object),
    "key": jax.random.key(0),
    "nan": np.nan,
    "infinite": np.array([1.0, np.inf]),
}


@register("failing")
@dataclass(frozen=True, kw_only=True)
class Failing(Probe):
    """How often it has measured. State: that number, and a hint."""

    compiled: ClassVar[bool] = False

    fails_from: int = field(4, "the first step at which it fails", at_least=0)
    fails_until: int = field(4, "the last one", at_least=0)
    how: str = field("error", "what it raises, or gives in place of a number")

    def init(self, params, context):
        return {"calls": jnp.int32(0), "hint": {"last": jnp.float32(0)}}

    def measure(self, params, context, state):
        calls, good = state["calls"] + 1, {"calls": 1.0 * (state["calls"] + 1), "list": [1.0, 2.0]}
        following = {"calls": np.int32(calls), "hint": {"last": np.float32(calls)}}
        if not self.fails_from <= context.step <= self.fails_until:
            return good, following
        match self.how:
            case "no memory on the device":
                return {"calls": jnp.zeros(1 << 46, jnp.uint8)}, following
            case "another state":
                return good, {"calls": np.float32(calls), "hint": state["hint"]}
            case how if how in VALUES:
                return {"calls": VALUES[how]}, following
        raise error_of(self.how)


@register("failing_inside")
@dataclass(frozen=True, kw_only=True)
class FailingInside(Probe):
    """The same in a compiled program, where the failure shows only when its result is waited for."""

    def init(self, params, context):
        return jnp.int32(0)

    def measure(self, params, context, state):
        def called(step):
            if step == 4:
                raise ValueError("in the midst")
            return np.float32(step)

        told = jax.pure_callback(called, jax.ShapeDtypeStruct((), jnp.float32), context.step)
        return {"told": told, "calls": state}, state + 1


@register("half_precision")
@dataclass(frozen=True, kw_only=True)
class HalfPrecision(Probe):
    """Small types that NumPy does not have."""

    def measure(self, params, context, state):
        row = jnp.arange(3)
        return {"one": jnp.bfloat16(0.5), "many": row.astype(jnp.bfloat16) / 4, "small": row.astype(jnp.int4)}, state
