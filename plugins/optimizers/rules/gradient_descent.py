"""Gradient descent, with and without momentum."""

from dataclasses import dataclass

import optax

from framework import Optimizer, field, register
from framework.errors import FieldError
from framework.fields import is_exactly


@register("gd")
@dataclass(frozen=True, kw_only=True)
class GradientDescent(Optimizer):
    """θ ← θ − η ∇ℓ on the whole training set (appendix A of Mohamadi et al. 2024)."""

    learning_rate: float = field(1.0, "η", above=0)

    def transform(self) -> optax.GradientTransformation:
        """Plain gradient descent."""
        return optax.sgd(self.learning_rate)


@register("sgd")
@dataclass(frozen=True, kw_only=True)
class MomentumGradientDescent(Optimizer):
    """m ← μ m + g, θ ← θ − η (m, or g + μ m with Nesterov); g = ∇ℓ + λ θ. Like torch.optim.SGD without dampening.

    weight_decay here is coupled, as PyTorch's SGD has it: it goes through the momentum. Source: Sutskever et al. 2013.
    """

    learning_rate: float = field(0.1, "η", above=0)
    momentum: float = field(0.9, "μ", at_least=0, below=1, structural_at=0)
    nesterov: bool = field(False, "look ahead along the momentum")
    weight_decay: float = field(0.0, "λ, added to the gradient as λ θ", at_least=0)

    def __post_init__(self) -> None:
        """Also refuses Nesterov without momentum, as PyTorch does."""
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise FieldError("momentum", self.momentum, "must be > 0 with nesterov=true: there is nothing to look ahead along")

    def transform(self) -> optax.GradientTransformation:
        """Weight decay, then momentum, then η."""
        momentum = None if is_exactly(self.momentum, 0) else self.momentum
        step = optax.sgd(self.learning_rate, momentum=momentum, nesterov=self.nesterov)
        return optax.chain(optax.add_decayed_weights(self.weight_decay), step)
