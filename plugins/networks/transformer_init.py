"""What the parameters of a transformer are drawn from, by the name of the scheme."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

SCHEMES = ("pytorch", "linear", "lecun", "nanda", "normal")


@dataclass(frozen=True)
class Uniform:
    """U(−bound, bound)."""

    bound: float

    def __call__(self, key: PRNGKeyArray, shape: tuple[int, ...], dtype: jnp.dtype) -> Float[Array, "..."]:
        """Entries of that shape."""
        return self.bound * jax.random.uniform(key, shape, dtype, -1, 1)


@dataclass(frozen=True)
class Initialization:
    """Initializers of each part. α = scale multiplies all of them; the gain 1 of a norm is not drawn and stays.

    pytorch: what torch.nn's parts do. Embeddings N(0, 1); weights and biases of linear layers U(±1/√fan_in); the three
    maps of the attention U(±√(6/4d)), Xavier's bound for the stacked [3d, d] matrix; biases of the attention 0.
    linear: as pytorch, but the attention is made of linear layers too (Power et al. 2022).
    lecun: embeddings N(0, 1), weights N(0, 1/fan_in), biases 0 (Doshi et al. 2023).
    nanda: all weights and embeddings N(0, 1/d), the unembedding N(0, 1/vocabulary), biases 0 (Nanda et al. 2023).
    normal: all weights and embeddings N(0, std²), biases 0; std = 0.8/√d is TransformerLens's default.
    """

    scheme: str
    d_model: int
    vocabulary: int
    std: float = 0.0
    scale: float = 1.0

    def embedding(self) -> nnx.Initializer:
        """The initializer of tokens and positions."""
        return self._normal(1.0) if self.scheme in ("pytorch", "linear", "lecun") else self.weight(self.d_model)

    def attention(self) -> nnx.Initializer:
        """The initializer of the maps to queries, keys and values."""
        return self._uniform((6 / (4 * self.d_model)) ** 0.5) if self.scheme == "pytorch" else self.weight(self.d_model)

    def attention_bias(self) -> nnx.Initializer:
        """The initializer of all four biases of the attention."""
        return nnx.initializers.zeros_init() if self.scheme == "pytorch" else self.bias(self.d_model)

    def weight(self, fan_in: int) -> nnx.Initializer:
        """The initializer of the other linear maps."""
        if self.scheme in ("pytorch", "linear"):
            return self._uniform(fan_in**-0.5)
        std = {"lecun": fan_in**-0.5, "nanda": self.d_model**-0.5, "normal": self.std or 0.8 * self.d_model**-0.5}
        return self._normal(std[self.scheme])

    def unembedding(self) -> nnx.Initializer:
        """The initializer of the map to the logits."""
        return self._normal(self.vocabulary**-0.5) if self.scheme == "nanda" else self.weight(self.d_model)

    def bias(self, fan_in: int) -> nnx.Initializer:
        """The initializer of the biases of linear layers."""
        return self._uniform(fan_in**-0.5) if self.scheme in ("pytorch", "linear") else nnx.initializers.zeros_init()

    def _normal(self, std: float) -> nnx.Initializer:
        return nnx.initializers.normal(self.scale * std)

    def _uniform(self, bound: float) -> nnx.Initializer:
        return Uniform(self.scale * bound)
