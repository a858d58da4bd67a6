"""What my_probe measures: say it in one line."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from framework import Probe, field, register


@register("my_probe")
@dataclass(frozen=True, kw_only=True)
class MyProbe(Probe):
    """(Σ_i |θ_i − θ_0,i|^q)^(1/q): how far the parameters have moved. State: θ_0. Source: the paper, its year."""

    q: float = field(2.0, "exponent of the norm", above=0)

    def init(self, params, context):
        """What is remembered from step 0; it is saved in checkpoints."""
        return params

    def measure(self, params, context, state):
        """Scalars and arrays by name, and the next state, shaped as this one. `context` has task, splits and network."""
        moved = jax.tree.map(lambda now, then: jnp.sum(jnp.abs(now - then) ** self.q), params, state)
        return {"moved": jnp.sum(jnp.stack(jax.tree.leaves(moved))) ** (1 / self.q)}, state
