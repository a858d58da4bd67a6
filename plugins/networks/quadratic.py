"""The paper's network: V (W x)^d on one-hot inputs, without ever forming them."""

from flax import nnx
from jaxtyping import Array, Float, Int


class QuadraticNetwork(nnx.Module):
    """f(θ; x) = V (W x)^{⊙d} for one-hot x = (e_{a_1}, …, e_{a_k}); eq. 2.1 of Mohamadi et al. 2024 for d = 2.

    W [k, p, h]: row a of block i is what value a of summand i adds to the h pre-activations; a lookup reads, and a
    gradient writes, contiguous rows. V [h, p]. Variants: scale multiplies the outputs; summands = k where all k share the
    one block of W [1, p, h], 0 where each has its own.
    """

    def __init__(self, W: Float[Array, "blocks p h"], V: Float[Array, "h q"], degree: int, scale: int | float = 1, summands: int = 0):
        self.W, self.V, self.degree = nnx.Param(W), nnx.Param(V), degree
        self.scale, self.summands = scale, summands

    def __call__(self, inputs: Int[Array, "n k"]) -> Float[Array, "n p"]:
        """Outputs for integer tuples."""
        outputs = self.hidden(inputs) @ self.V[...]
        return outputs if self.scale == 1 else self.scale * outputs

    def hidden(self, inputs: Int[Array, "n k"]) -> Float[Array, "n h"]:
        """Activations (W x)^d of the neurons."""
        W = self.W[...]
        blocks = [0] * self.summands or range(W.shape[0])
        z = sum(W[block, inputs[:, i]] for i, block in enumerate(blocks))
        return z**self.degree
