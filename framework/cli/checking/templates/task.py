"""What is to be learned in my_task: say it in one line."""

from dataclasses import dataclass

import jax.numpy as jnp

from framework import Sizes, Split, Task, field, register


@register("my_task")
@dataclass(frozen=True, kw_only=True)
class MyTask(Task):
    """c = max(a, b), over all pairs of numbers below m. Source: the paper, its year.

    Sampling, loss, accuracy and batches come with Task; override losses, mean_loss or metrics for another form.
    """

    m: int = field(11, "all numbers are below this", at_least=2, at_most=4096)

    @property
    def sizes(self):
        """Two tokens, each below m; m possible answers."""
        return Sizes(tokens=2, values=self.m, outputs=self.m)

    def population(self):
        """Every example once: inputs int32 [m², 2], targets int32 [m²]."""
        numbers = jnp.arange(self.m, dtype=jnp.int32)
        pairs = jnp.stack(jnp.meshgrid(numbers, numbers, indexing="ij"), -1).reshape(-1, 2)
        return Split(pairs, jnp.max(pairs, axis=1))
