"""Learning-rate schedules: a factor on the steps of any optimizer."""

from dataclasses import dataclass

import jax.numpy as jnp
import optax

from framework import Optimizer, field, part, register
from framework.errors import FieldError
from plugins.optimizers.rules.adam import AdamW

SHAPES = ("constant", "linear", "cosine", "exponential")


@register("scheduled")
@dataclass(frozen=True, kw_only=True)
class Scheduled(Optimizer):
    """θ ← θ + s(t) u, with the step u of the optimizer inside and t = 0 at the first one.

    s rises from `warmup_from` to 1 over `warmup_steps` steps, then falls to `decay_to` over `decay_steps`, and stays. From 0,
    the first step is zero: the warm-up t/10 of Power et al. 2022 and Nanda et al. 2023 has warmup_steps=10. A decay that
    adamw multiplies by its rate is scaled too, as by PyTorch's schedulers. State: the count of steps.
    """

    inner: Optimizer = part(AdamW(), "the optimizer whose steps are scaled")
    warmup_steps: int = field(10, "steps until the full rate; 0: no warm-up", at_least=0)
    warmup_from: float = field(0.0, "share of the rate at the first step of the warm-up", at_least=0, at_most=1)
    decay: str = field("constant", "what the rate does after the warm-up", choices=SHAPES)
    decay_steps: int = field(10_000, "number of steps over which the rate decays", at_least=1)
    decay_to: float = field(0.01, "share of the rate after the decay", at_least=0, at_most=1, structural=True)

    def __post_init__(self) -> None:
        """Also refuses an exponential decay to 0, which it never reaches."""
        super().__post_init__()
        if self.decay == "exponential" and self.decay_to == 0:
            raise FieldError("decay_to", self.decay_to, "must be > 0 with decay=exponential")

    def transform(self) -> optax.GradientTransformation:
        """The optimizer inside, then the factor."""
        factor = self.factor()
        # The count in the precision of the run: of an int32, optax's schedules make float32 even where all else is float64.
        exact = optax.scale_by_schedule(lambda count: factor(jnp.asarray(count, jnp.result_type(float))))
        return optax.chain(self.inner.transform(), exact)

    def factor(self) -> optax.Schedule:
        """s, from optax's schedules."""
        decays = {
            "constant": optax.constant_schedule(1.0),
            "linear": optax.linear_schedule(1.0, self.decay_to, self.decay_steps),
            "cosine": optax.cosine_decay_schedule(1.0, self.decay_steps, self.decay_to),
            "exponential": optax.exponential_decay(1.0, self.decay_steps, self.decay_to or 1.0, end_value=self.decay_to),
        }
        if not self.warmup_steps:
            return decays[self.decay]
        rise = optax.linear_schedule(self.warmup_from, 1.0, self.warmup_steps)
        return optax.join_schedules([rise, decays[self.decay]], [self.warmup_steps])
