"""Plugins for tests whose state is one leaf, or one tree, of every kind; each changes what it can at every step."""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from framework import Model, Optimizer, Probe, field, register

Pair = namedtuple("Pair", ["first", "second"])


def leaf(dtype: Any) -> Callable[[], Any]:
    """Three numbers of a dtype."""
    return lambda: jnp.array([0, 1, 1]).astype(dtype)


TREES: dict[str, Callable[[], Any]] = {
    "zero_size": lambda: {
        "none": jnp.zeros((0,)),
        "rows": jnp.zeros((3, 0, 2), jnp.int32),
        "keys": jax.random.split(jax.random.key(0), 2)[:0],
    },
    "python_numbers": lambda: [3, 0.5, True, 1j],
    "scalars": lambda: [jnp.float32(0.5), np.int8(-3), np.array(2.0), np.float16(0.25)],
    "bfloat16": leaf(jnp.bfloat16),
    "float16": leaf(jnp.float16),
    "float8": leaf(jnp.float8_e4m3fn),
    "int64": lambda: np.array([1, 2**31 - 2, -(2**31)], np.int64),
    "float64": lambda: np.arange(3) / 7,
    "uint8": leaf(jnp.uint8),
    "int4": lambda: [leaf(jnp.int4)(), leaf(jnp.uint4)()],
    "bool": leaf(bool),
    "complex": lambda: jnp.array([1 + 2j, -0.0]),
    "keys": lambda: {"one": jax.random.key(3), "more": jax.random.split(jax.random.key(4), 3), "other": jax.random.key(5, impl="rbg")},
    "raw_key": lambda: jax.random.key_data(jax.random.key(3)),
    "empty": lambda: {"nothing": {}, "none": None, "tuple": (), "list": [None, {}]},
    "nested": lambda: (Pair({"a": jnp.zeros(2), "b": (jnp.ones(1), None)}, [Pair(1.0, ())]), {"c": {2: jnp.ones(1)}}),
    "strange_names": lambda: {"": jnp.zeros(1), "..": jnp.ones(1), "a/b": jnp.zeros(2), "θ ‖": jnp.ones(3), "k" * 400: jnp.zeros(1)},
    "strange_floats": lambda: jnp.array([jnp.nan, -0.0, jnp.inf, 1e-45], jnp.float32),
    "all": lambda: {name: make() for name, make in TREES.items() if name not in ("all", "thousands", "large")},
    "thousands": lambda: {f"leaf{number}": jnp.full(2, number, jnp.float32) for number in range(3_000)},
    "large": lambda: jnp.arange(1 << 24, dtype=jnp.float32),
}


def changed(tree: Any) -> Any:
    """Another tree of the same structure, shapes and dtypes."""

    def other(one: Any) -> Any:
        if jax.dtypes.issubdtype(one.dtype, jax.dtypes.prng_key):
            return jax.vmap(lambda key: jax.random.fold_in(key, 1))(one) if one.ndim else jax.random.fold_in(one, 1)
        return ~one if one.dtype == bool else (one[::-1] if np.ndim(one) else one + one).astype(one.dtype)

    return jax.tree.map(other, tree)


@register("shaped_probe")
@dataclass(frozen=True, kw_only=True)
class ShapedProbe(Probe):
    """Gives how often it measured. State: that, and a tree."""

    tree: str = field("empty", "which", structural=True)

    def init(self, params, context):
        return {"calls": jnp.int32(0), "tree": TREES[self.tree]()}

    def measure(self, params, context, state):
        return {"calls": state["calls"]}, {"calls": state["calls"] + 1, "tree": changed(state["tree"])}


@register("shaped_host_probe")
@dataclass(frozen=True, kw_only=True)
class ShapedHostProbe(ShapedProbe):
    """The same on the host."""

    compiled: ClassVar[bool] = False


@register("shaped_optimizer")
@dataclass(frozen=True, kw_only=True)
class ShapedOptimizer(Optimizer):
    """Gradient descent with a tree in its state."""

    learning_rate: float = field(0.1, "of the step", above=0)
    tree: str = field("empty", "which", structural=True)

    def transform(self):
        def update(updates, state, params=None):
            return jax.tree.map(lambda one: -self.learning_rate * one, updates), changed(state)

        return optax.GradientTransformation(lambda params: TREES[self.tree](), update)


class Shaped(nnx.Module):
    """A linear layer on embedded tokens, beside which a tree lies; it changes in training."""

    def __init__(self, tree: Any, values: int, outputs: int, rngs: nnx.Rngs):
        self.embed = nnx.Embed(values, 4, rngs=rngs)
        self.head = nnx.Linear(4, outputs, rngs=rngs)
        self.beside = nnx.data([nnx.Variable(jnp.asarray(one)) for one in jax.tree.leaves(tree)])
        self.half = nnx.Param(jnp.ones(outputs, jnp.bfloat16))

    def __call__(self, inputs):
        for variable in self.beside:
            variable[...] = changed(variable[...])
        return self.head(self.embed(inputs).sum(1)) * self.half[...]


@register("shaped_model")
@dataclass(frozen=True, kw_only=True)
class ShapedModel(Model):
    """A model with a tree of other variables, and a parameter of another precision."""

    tree: str = field("empty", "which", structural=True)

    def build(self, task, *, rngs):
        return Shaped(TREES[self.tree](), task.sizes.values, task.sizes.outputs, rngs)


REFUSED: dict[str, Callable[[], Any]] = {
    "text": lambda: {"label": "word"},
    "texts": lambda: np.array(["a"]),
    "dates": lambda: np.array(["2020"], "datetime64[D]"),
    "set": lambda: {"seen": frozenset({1})},
    "objects": lambda: np.array([None, 1], object),
    "large integer": lambda: {"count": np.array([2**40])},
    "larger integer": lambda: 2**70,
    "unsortable": lambda: {1: jnp.zeros(1), "1": jnp.ones(1)},
    "float0": lambda: [np.zeros(2, jax.dtypes.float0)],
    "dotted": lambda: {"a.b": jnp.zeros(2), "a": {"b": jnp.ones(2)}},
}


@register("refused_probe")
@dataclass(frozen=True, kw_only=True)
class RefusedProbe(Probe):
    """State: what cannot be saved."""

    tree: str = field("text", "which", structural=True)

    def init(self, params, context):
        return REFUSED[self.tree]()

    def measure(self, params, context, state):
        return {}, state


@register("refused_optimizer")
@dataclass(frozen=True, kw_only=True)
class RefusedOptimizer(Optimizer):
    """State: what cannot be saved."""

    tree: str = field("text", "which", structural=True)

    def transform(self):
        return optax.GradientTransformation(lambda params: REFUSED[self.tree](), lambda updates, state, params=None: (updates, state))
