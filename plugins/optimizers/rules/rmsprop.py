"""RMSProp as PyTorch has it."""

from dataclasses import dataclass

import optax

from framework import Optimizer, field, register
from framework.fields import is_exactly


@register("rmsprop")
@dataclass(frozen=True, kw_only=True)
class RMSProp(Optimizer):
    """v ← ρ v + (1 − ρ) g², m ← μ m + g/(√v + ε), θ ← θ − η m; g = ∇ℓ + λ θ. Centered: v minus the squared mean of g.

    Like torch.optim.RMSprop: ε outside the root, ρ = 0.99, v and m from 0. optax.rmsprop by default has ε inside the root
    and ρ = 0.9. Source: Hinton 2012, Coursera lecture 6e; centered: Graves 2013, arXiv 1308.0850.
    """

    learning_rate: float = field(1e-2, "η", above=0)
    decay: float = field(0.99, "ρ, PyTorch's alpha", at_least=0, below=1, structural=True)
    eps: float = field(1e-8, "ε, outside the root", above=0)
    momentum: float = field(0.0, "μ", at_least=0, below=1, structural_at=0)
    centered: bool = field(False, "divide by the standard deviation of g, not its root mean square")
    weight_decay: float = field(0.0, "λ, added to the gradient as λ θ", at_least=0)

    def transform(self) -> optax.GradientTransformation:
        """optax.rmsprop with eps_in_sqrt=False, after the decay."""
        momentum = None if is_exactly(self.momentum, 0) else self.momentum
        step = optax.rmsprop(self.learning_rate, self.decay, self.eps, eps_in_sqrt=False, centered=self.centered, momentum=momentum)
        return optax.chain(optax.add_decayed_weights(self.weight_decay), step)
