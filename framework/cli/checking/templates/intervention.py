"""What my_intervention changes: say it in one line."""

from dataclasses import dataclass, replace

import jax

from framework import Intervention, field, register


@register("my_intervention")
@dataclass(frozen=True, kw_only=True)
class MyIntervention(Intervention):
    """θ ← θ − s · mean(θ), for each parameter. Source: the paper, its year."""

    share: float = field(1.0, "s, the share of the mean that is taken away", at_least=0, at_most=1)

    def apply(self, training, context):
        """What training goes on with, and numbers that tell of it. `training` has params, opt_state, …; `context` task, splits, key."""
        params = jax.tree.map(lambda leaf: leaf - self.share * leaf.mean(), training.params)
        return replace(training, params=params), {}
