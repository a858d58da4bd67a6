"""Fully connected networks on tuples of tokens, one-hot or embedded, or on numbers as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from framework import Constant, Model, Task, field, register
from framework.errors import FieldError
from framework.interfaces import KINDS
from plugins.networks.layers import ACTIVATIONS, flattened, hidden_neurons, looked_up, looked_up_each

EMBEDDINGS = ("one_hot", "concatenated", "summed")


class MLPNetwork(nnx.Module):
    """z_1 = input map of the inputs + b_1, a_i = φ(z_i), z_{i+1} = a_i H_i + b_{i+1}, outputs a_D V + b_out.

    embedding [m, p, e], or None for one-hot inputs. W is the input map: one-hot [m, p, h], a lookup; concatenated [k, e, h],
    block i for summand i; summed [1, e, h]. m is k, or 1 where all summands share a table. k = 0 stands for d numbers, which are
    multiplied by W [1, d, h] in place of one-hot vectors. hidden_maps: H_1, … [h, h]. V [h, p].
    Without biases and embedding, and with one hidden layer, the parameters are the W and V of the quadratic network.
    """

    def __init__(
        self,
        maps: dict[str, Float[Array, "..."]],
        hidden_maps: list[Float[Array, "h h"]],
        biases: dict[int, Float[Array, " size"]],
        model: "MLP",
        k: int,
    ):
        self.embedding = nnx.Param(maps["embedding"]) if "embedding" in maps else None
        self.W, self.V = nnx.Param(maps["W"]), nnx.Param(maps["V"])
        self.hidden_maps = nnx.List([nnx.Param(H) for H in hidden_maps])
        self.biases = nnx.Dict({str(layer): nnx.Param(b) for layer, b in biases.items()})  # 0 is the first hidden layer
        self.activation, self.kind, self.k = ACTIVATIONS[model.activation].function, model.embedding, k
        self.scale = Constant(model.output_scale)

    def __call__(self, inputs: Any) -> Float[Array, "n p"]:
        """Outputs for integer tuples, or for numbers."""
        return self.scale[...] * self._biased(len(self.hidden_maps) + 1, self.hidden(inputs) @ self.V[...])

    def hidden(self, inputs: Any) -> Float[Array, "n h"]:
        """Activations of the last hidden layer."""
        a = self.activation(self._biased(0, self._first(inputs)))
        for number, H in enumerate(self.hidden_maps, start=1):
            a = self.activation(self._biased(number, a @ H[...]))
        return a

    def _first(self, inputs: Any) -> Float[Array, "n h"]:
        W = self.W[...]
        if self.k == 0:
            return flattened(inputs) @ W[0]
        if self.embedding is None:
            return looked_up(W, inputs, self.k)
        vectors = looked_up_each(self.embedding[...], inputs, self.k)
        if self.kind == "summed":
            return sum(vectors[1:], start=vectors[0]) @ W[0]
        return jnp.concatenate(vectors, axis=1) @ W.reshape(-1, W.shape[2])

    def _biased(self, layer: int, z: Float[Array, "n size"]) -> Float[Array, "n size"]:
        return z + self.biases[str(layer)][...] if str(layer) in self.biases else z


@register("mlp")
@dataclass(frozen=True, kw_only=True)
class MLP(Model):
    """`depth` hidden layers of `width` neurons on one-hot or embedded tokens, or on numbers: vectors, images, dicts of arrays.

    Lyu et al. 2024: relu, bias in first, init he, scale_biases false. Chughtai et al. 2023: embedding concatenated, size 256,
    width 128. Prieto et al. 2025: depth 2, width 200, no bias. init pytorch: U(±1/√fan_in), embeddings N(0, 1); he: weights
    N(0, 2/fan_in), biases 0 (He et al. 2015); normal: weights N(0, std²), std = 1/√fan_in unless given, biases 0; embeddings
    N(0, 1), or N(0, std²) where std is given. Homogeneous where activation and biases allow it.
    """

    inputs = KINDS

    depth: int = field(1, "number of hidden layers", at_least=1, at_most=64)
    width: str = field("4*p", "neurons of each hidden layer: a number or a formula in p and k; of d numbers, p is d", expression=True)
    activation: str = field("relu", "activation of the hidden layers; quadratic is z²", choices=tuple(ACTIVATIONS))
    bias: bool = field(True, "layers have biases; bias_in says which layers")
    bias_in: str = field("all", "layers with biases, if bias is true: all, or the first only", choices=("all", "first"))
    embedding: str = field("one_hot", "tokens enter one-hot, or as vectors, concatenated or summed", choices=EMBEDDINGS)
    embedding_size: int = field(128, "number of entries of a token's vector, where there are vectors", at_least=1)
    shared: bool = field(False, "all summands share one table: of vectors or, with one_hot, of first-layer weights")
    init: str = field("pytorch", "what the parameters are drawn from", choices=("pytorch", "he", "normal"))
    init_std: float = field(0.0, "standard deviation of init=normal; 0: 1/sqrt(fan_in), embeddings 1", at_least=0)
    init_scale: float = field(1.0, "α: all initial weights and embeddings are multiplied by it", above=0)
    scale_biases: bool = field(True, "initial biases are multiplied by α too")
    output_scale: float = field(1.0, "factor that multiplies the outputs", above=0)

    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """The network for k tokens, or for d numbers. Raises FieldError for numbers that are to be embedded."""
        sizes, h = task.sizes, hidden_neurons(self.width, task.sizes)
        k, p = sizes.variables["k"], sizes.variables["p"]
        if sizes.shape and self.embedding != "one_hot":
            raise FieldError(
                "embedding", self.embedding, f"must be one_hot for {sizes}: numbers enter as they are, and only tokens have vectors"
            )
        tables, e = 1 if self.shared else k, self.embedding_size
        maps = {}
        if self.embedding == "one_hot":
            fan_in = k * p
            maps["W"] = self._weights(rngs.params(), (tables, p, h), fan_in)
        else:
            blocks = k if self.embedding == "concatenated" else 1
            fan_in = blocks * e
            std = (self.init_std if self.init == "normal" else 0) or 1.0
            maps["embedding"] = self.init_scale * std * jax.random.normal(rngs.params(), (tables, p, e), jnp.result_type(float))
            maps["W"] = self._weights(rngs.params(), (blocks, e, h), fan_in)
        hidden_maps = [self._weights(rngs.params(), (h, h), h) for _ in range(self.depth - 1)]
        maps["V"] = self._weights(rngs.params(), (h, sizes.outputs), h)
        shapes = [(h, fan_in)] + [(h, h)] * (self.depth - 1) + [(sizes.outputs, h)]
        shapes = shapes[: 1 if self.bias_in == "first" else None] if self.bias else []
        biases = {layer: self._biases(rngs.params(), *shape) for layer, shape in enumerate(shapes)}
        return MLPNetwork(maps, hidden_maps, biases, self, 0 if sizes.shape else k)

    def homogeneity(self, task: Task) -> int | None:
        """1 + the degree of the last hidden layer: each layer adds 1 for its weights, and φ multiplies by its power q.

        A bias has degree 1, as the pre-activations of a first layer on one-hot inputs have; with other biases there is none.
        """
        q, embedded = ACTIVATIONS[self.activation].degree, self.embedding != "one_hot"
        if q is None or (self.bias and (embedded or self.bias_in == "all")):
            return None
        degree = int(embedded)
        for _ in range(self.depth):
            degree = q * (degree + 1)
        return degree + 1

    def neuron_axes(self) -> Mapping[str, int]:
        """The width of each layer: what goes out of W and of hidden maps, what goes into V, and the biases of hidden layers."""
        hidden = {f"hidden_maps.{number}": 1 for number in range(self.depth - 1)}
        return {"W": 2, **hidden, "V": 0, **{f"biases.{layer}": 0 for layer in range(self.depth)}}

    def _weights(self, key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int) -> Float[Array, "..."]:
        dtype = jnp.result_type(float)
        if self.init == "pytorch":
            return self.init_scale * jax.random.uniform(key, shape, dtype, -1, 1) / fan_in**0.5
        std = (2 / fan_in) ** 0.5 if self.init == "he" else self.init_std or fan_in**-0.5
        return self.init_scale * std * jax.random.normal(key, shape, dtype)

    def _biases(self, key: PRNGKeyArray, size: int, fan_in: int) -> Float[Array, " size"]:
        if self.init != "pytorch":
            return jnp.zeros(size, jnp.result_type(float))
        scale = self.init_scale if self.scale_biases else 1.0
        return scale * jax.random.uniform(key, (size,), jnp.result_type(float), -1, 1) / fan_in**0.5
