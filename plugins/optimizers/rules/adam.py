"""Adam and AdamW."""

from dataclasses import dataclass
from typing import Any

import optax

from framework import Optimizer, field, register
from framework.fields import is_exactly


@register("adam")
@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """θ ← θ − η m̂/(√v̂ + ε) with bias-corrected averages of g and g² (Kingma & Ba 2015).

    weight_decay is coupled, as in PyTorch's Adam: λ θ is added to the gradient, after any filter that wraps this
    optimizer. For decoupled decay, use adamw.
    """

    learning_rate: float = field(1e-3, "η", above=0)
    b1: float = field(0.9, "decay of the average of g", at_least=0, below=1, structural=True)
    b2: float = field(0.999, "decay of the average of g²", at_least=0, below=1, structural=True)
    eps: float = field(1e-8, "ε, outside the root", above=0)
    weight_decay: float = field(0.0, "λ, added to the gradient as λ θ", at_least=0, structural_at=0)

    def transform(self) -> optax.GradientTransformation:
        """optax.adam, after the decay if there is one."""
        step = optax.adam(self.learning_rate, self.b1, self.b2, self.eps)
        return step if is_exactly(self.weight_decay, 0) else optax.chain(optax.add_decayed_weights(self.weight_decay), step)


@register("adamw")
@dataclass(frozen=True, kw_only=True)
class AdamW(Optimizer):
    """θ ← θ − η (m̂/(√v̂ + ε) + λ θ): decay decoupled and multiplied by η, as in PyTorch and optax (Loshchilov & Hutter 2019)."""

    learning_rate: float = field(1e-3, "η", above=0)
    b1: float = field(0.9, "decay of the average of g", at_least=0, below=1, structural=True)
    b2: float = field(
        0.98, "decay of the average of g², 0.98 as in the grokking literature; PyTorch: 0.999", at_least=0, below=1, structural=True
    )
    eps: float = field(1e-8, "ε, outside the root", above=0)
    weight_decay: float = field(1.0, "λ; the weights shrink with time constant 1/(η λ) steps", at_least=0)

    def transform(self) -> optax.GradientTransformation:
        """optax.adamw with these fields."""
        return optax.adamw(self.learning_rate, self.b1, self.b2, self.eps, weight_decay=self.weight_decay)

    def notices(self, experiment: Any) -> list[str]:
        """A sentence where the decay is unusually fast or slow."""
        return decay_notices(self.learning_rate, self.weight_decay)


def decay_notices(learning_rate: float, weight_decay: float) -> list[str]:
    """What decoupled decay does in time: a sentence where η λ, the share of the weights that a step takes away, is outside 1e-5 … 1e-1."""
    share = learning_rate * weight_decay
    if not share or 1e-5 <= share <= 1e-1:
        return []
    shrinking = f"without gradients the weights shrink with a time constant of {1 / share:,.0f} steps"
    return [f"learning_rate * weight_decay = {share:g}: {shrinking}"]
