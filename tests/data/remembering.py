"""Plugins for tests: what remembers something from step to step, so that forgetting it shows."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from framework import Model, Optimizer, Probe, field, register


@register("counting")
@dataclass(frozen=True, kw_only=True)
class Counting(Probe):
    """Counts its calls, keeps θ_0, and gives an array beside its numbers."""

    def init(self, params, context):
        return {"calls": jnp.int32(0), "start": params, "key": context.key}

    def measure(self, params, context, state):
        moved = jax.tree.map(jnp.subtract, params, state["start"])
        key, _ = jax.random.split(state["key"])
        values = {
            "calls": state["calls"] + 1,
            "moved": optax.tree.norm(moved),
            "draw": jax.random.uniform(key),
            "largest": jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(moved)]),
        }
        return values, {"calls": state["calls"] + 1, "start": state["start"], "key": key}


@register("arrays_only")
@dataclass(frozen=True, kw_only=True)
class ArraysOnly(Probe):
    """Gives no number, only an array."""

    def measure(self, params, context, state):
        return {"entries": jax.tree.leaves(params)[0].ravel()[:3]}, state


@register("on_the_host")
@dataclass(frozen=True, kw_only=True)
class OnTheHost(Probe):
    """Runs uncompiled and remembers the last step at which it was called."""

    compiled = False

    def init(self, params, context):
        return jnp.int32(-1)

    def measure(self, params, context, state):
        return {"before": int(state)}, jnp.asarray(context.step, jnp.int32)


class Noisy(nnx.Module):
    """Embedding, dropout, a running mean, a linear layer."""

    def __init__(self, values, outputs, rngs):
        self.embed = nnx.Embed(values, 8, rngs=rngs)
        self.dropout = nnx.Dropout(0.3, rngs=rngs)
        self.norm = nnx.BatchNorm(8, use_running_average=False, rngs=rngs)
        self.head = nnx.Linear(8, outputs, rngs=rngs)

    def __call__(self, inputs):
        return self.head(self.norm(self.dropout(self.embed(inputs).sum(1))))


@register("noisy")
@dataclass(frozen=True, kw_only=True)
class NoisyModel(Model):
    """A model with random numbers and running averages of its own."""

    def build(self, task, *, rngs):
        return Noisy(task.sizes.values, task.sizes.outputs, nnx.Rngs(params=rngs.params(), dropout=rngs.params()))


@register("injected")
@dataclass(frozen=True, kw_only=True)
class Scheduled(Optimizer):
    """Warm-up and cosine, with the rate as a weakly typed number in the state."""

    learning_rate: float = field(0.01, "at the top", above=0)

    def transform(self):
        schedule = optax.warmup_cosine_decay_schedule(0.0, self.learning_rate, 4, 20)
        return optax.inject_hyperparams(optax.adam)(learning_rate=schedule)
