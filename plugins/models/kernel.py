"""Networks in their kernel regime: linearized, or with scaled and centred outputs, around their own initialization."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from framework import Constant, Model, Task, field, part, register
from framework.errors import UserError
from framework.fields import parts
from framework.interfaces import KINDS
from plugins.models.quadratic import Quadratic
from plugins.networks.initial import InitialNetwork


class LinearizedNetwork(nnx.Module):
    """f(θ_0; x) + J_0(x) δ, trained in δ, which begins at 0."""

    def __init__(self, initial: InitialNetwork, prior: bool):
        self.initial, self.prior = initial, prior
        zeros = {name: nnx.Param(jnp.zeros_like(value[...])) for name, value in initial.theta_0.items()}
        self.displacement = nnx.Dict(zeros)

    def __call__(self, inputs: Any) -> Float[Array, "n p"]:
        """Outputs, by one forward pass with tangents."""

        def outputs(params: Any) -> Any:
            return self.initial(params, inputs)

        f0, moved = jax.jvp(outputs, (self.initial.params,), (self.initial.nested(self.displacement),))
        return f0 + moved if self.prior else moved


@register("kernel")
@dataclass(frozen=True, kw_only=True)
class Kernel(Model):
    """The network inside, linearized at its initialization: f(θ_0; x) + J_0(x) δ, the kernel regime exactly.

    Its tangent kernel is that of the network at θ_0 and never moves. With the square loss, gradient descent from δ = 0 ends at
    kernel regression with that kernel: what the probe kernel_regression calls "initial". The parameters are displacements δ, so
    that the penalty l2 makes it kernel ridge regression, and an optimizer's decay is refused. Dropout inside is off. Source:
    Jacot et al. 2018; Chizat et al. 2019. A step costs about three of the network's own.
    """

    inputs = KINDS  # those of the network inside

    inner: Model = part(Quadratic(), "the network that is linearized")
    prior: bool = field(True, "keep f(θ_0; x); false: outputs begin at 0")

    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """The linearized network; θ_0 is what the network inside begins with."""
        return LinearizedNetwork(InitialNetwork(self.inner.build(task, rngs=rngs)), self.prior)

    def notices(self, experiment: Any) -> list[str]:
        """Refuses weight decay, which would pull towards the initialization."""
        for path, optimizer in parts(experiment.optimizer, "optimizer"):
            if decay := getattr(optimizer, "weight_decay", 0):
                raise UserError(
                    f"{path}.weight_decay = {decay}: must be 0 with model.name = 'kernel'. Its parameters are displacements "
                    "from the initialization: decay would pull the outputs back to it, not weights to 0. "
                    "For kernel ridge regression, set penalty.name=l2."
                )
        return []


class CenteredNetwork(nnx.Module):
    """α (f(θ; x) − f(θ_0; x))."""

    def __init__(self, network: nnx.Module, output_scale: float):
        self.network, self.output_scale = network, Constant(output_scale)
        self.initial = InitialNetwork(nnx.clone(network))

    def __call__(self, inputs: Any) -> Float[Array, "n p"]:
        """Outputs, 0 at initialization."""
        return self.output_scale[...] * (self.network(inputs) - self.initial(self.initial.params, inputs))  # type: ignore[operator]


@register("centered")
@dataclass(frozen=True, kw_only=True)
class Centered(Model):
    """α (f(θ; x) − f(θ_0; x)) with the network f inside: lazier the larger α is (Chizat et al. 2019; Kumar et al. 2024).

    arXiv 1812.07956, 2310.06110. To compare values of α at one speed in function space, divide the learning rate of gradient
    descent by α². A step costs one more forward pass.
    """

    inputs = KINDS  # those of the network inside

    inner: Model = part(Quadratic(), "the network f")
    output_scale: float = field(1.0, "α", above=0)

    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """The network and its values at initialization."""
        return CenteredNetwork(self.inner.build(task, rngs=rngs), self.output_scale)
