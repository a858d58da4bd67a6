"""The linear model on one-hot tuples: what can be learned without hidden neurons."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from framework import Model, Task, field, register
from plugins.networks.layers import looked_up


class LinearNetwork(nnx.Module):
    """f(x) = W x + b for one-hot x: outputs Σ_i W_i[a_i] + b. W [k, p, outputs]; b [outputs] or None."""

    def __init__(self, W: Float[Array, "k p q"], b: Float[Array, " q"] | None):
        self.W, self.b = nnx.Param(W), None if b is None else nnx.Param(b)

    def __call__(self, inputs: Int[Array, "n k"]) -> Float[Array, "n q"]:
        """Outputs for integer tuples."""
        outputs = looked_up(self.W[...], inputs, self.W.shape[0])
        return outputs if self.b is None else outputs + self.b[...]


@register("linear")
@dataclass(frozen=True, kw_only=True)
class Linear(Model):
    """Outputs linear in the one-hot tuple; a convex problem, and a control: no sum of this kind gives modular addition.

    Initialized like torch.nn.Linear: U(±1/√(kp)) for W and b. Homogeneous of degree 1, since a bias is of degree 1 too.
    Source: the one-hot encoding of Mohamadi et al. 2024.
    """

    bias: bool = field(True, "add b")
    init_scale: float = field(1.0, "α: all initial entries are multiplied by it; 0 starts at zero", at_least=0)

    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """W [k, p, outputs] and b [outputs], with fan-in kp."""
        sizes = task.sizes
        bound = self.init_scale / (sizes.tokens * sizes.values) ** 0.5
        shape, dtype = (sizes.tokens, sizes.values, sizes.outputs), jnp.result_type(float)
        W = bound * jax.random.uniform(rngs.params(), shape, dtype, -1, 1)
        b = bound * jax.random.uniform(rngs.params(), shape[2:], dtype, -1, 1) if self.bias else None
        return LinearNetwork(W, b)

    def homogeneity(self, task: Task) -> int:
        """Outputs are linear in W and b."""
        return 1
