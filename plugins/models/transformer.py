"""A small transformer that reads its answer at the last token: the network of the papers on grokking after Power et al."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from framework import Constant, Model, Task, field, register
from framework.errors import FieldError
from plugins.networks.layers import ACTIVATIONS
from plugins.networks.torch_names import load_torch_parameters
from plugins.networks.transformer_init import SCHEMES, Initialization

__all__ = ["Block", "Transformer", "TransformerNetwork", "load_torch_parameters", "sinusoidal_positions"]


@register("transformer")
@dataclass(frozen=True, kw_only=True)
class Transformer(Model):
    """Embedding, `depth` blocks of attention and MLP, logits of the p classes at the last token.

    A block: x ← x + attention(x), x ← x + W_down φ(W_up x); norm "post": x ← N(x + …); "pre": x ← x + …(N(x)), and one more
    norm before the logits. Defaults: the one layer of Mohamadi et al. 2024 on tokens a op b =. Power et al. 2022: depth 2,
    norm post, positions sinusoidal, init linear, start. Nanda et al. 2023: operator false, init nanda, bias true in mlp.
    TransformerLens: operator false, init normal. Doshi et al. 2023: init lecun, output_scale 1/128, attention_power 1.
    Grokfast: depth 2, norm pre, gelu, bias in blocks. Prieto et al. 2025: causal false, positions none, separators false,
    norm post, d_mlp 2048, dropout 0.1, bias. Separators are not classes; where those papers let them be answers, the softmax
    has one to three logits more. Not homogeneous.
    """

    depth: int = field(1, "number of blocks", at_least=1, at_most=64)
    heads: int = field(4, "number of attention heads; they must divide d_model", at_least=1)
    d_model: int = field(128, "number of entries of a token's vector", at_least=1)
    d_mlp: int = field(512, "number of hidden neurons in each block's MLP", at_least=1)
    activation: str = field("relu", "activation of the MLP; gelu is the exact one", choices=tuple(ACTIVATIONS))
    norm: str = field("none", "layer norm: none, before (pre) or after (post) attention and MLP", choices=("none", "pre", "post"))
    causal: bool = field(True, "a token sees only itself and those before it; matters from depth 2 on")
    bias: bool = field(False, "linear maps have biases, in the parts named by bias_in; norms always have theirs")
    bias_in: str = field("all", "parts with biases: all, all but the unembedding (blocks), or the MLP", choices=("all", "blocks", "mlp"))
    positions: str = field("learned", "vectors added by position", choices=("learned", "sinusoidal", "none"))
    separators: bool = field(True, "tokens a op b = with two more token values; false: the summands only")
    operator: bool = field(True, "with separators: the token op between summands; false: a b =")
    start: bool = field(False, "with separators: one more constant token before all others, as Power et al. have it")
    tied: bool = field(False, "the unembedding is the token embedding, transposed")
    attention_power: float = field(0.5, "scores are q·k / (d_model/heads)^this; 1 is µP's", at_least=0, structural=True)
    output_scale: float = field(1.0, "factor that multiplies the logits", above=0)
    dropout: float = field(
        0.0, "share set to 0 in training: attention weights, MLP, and what a block adds", at_least=0, below=1, structural=True
    )
    init: str = field("pytorch", "what the parameters are drawn from; describe names each in full", choices=SCHEMES)
    init_std: float = field(0.0, "standard deviation of init=normal; 0: 0.8/sqrt(d_model)", at_least=0)
    init_scale: float = field(1.0, "α: all initial weights, embeddings and biases are multiplied by it, gains of norms are not", above=0)

    def __post_init__(self) -> None:
        """Also checks that the heads share d_model evenly."""
        super().__post_init__()
        if self.d_model % self.heads:
            divisors = [heads for heads in range(1, self.d_model + 1) if self.d_model % heads == 0]
            near = min(divisors, key=lambda heads: abs(heads - self.heads))
            raise FieldError("heads", self.heads, f"must divide d_model = {self.d_model}; the nearest number that does is {near}")

    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """The network for k tokens. Raises FieldError where tied and the task's outputs are not its token values."""
        sizes = task.sizes
        if self.tied and sizes.outputs != sizes.values:
            raise FieldError("tied", True, f"needs as many outputs as token values; here {sizes.outputs} and {sizes.values}")
        key = rngs.params()  # parameters are the same with and without dropout
        rngs = nnx.Rngs(params=key, dropout=jax.random.fold_in(key, 1))
        return TransformerNetwork(self, sizes.tokens, sizes.values, sizes.outputs, rngs)

    def neuron_axes(self) -> Mapping[str, int]:
        """The neurons of each block's MLP; attention and embeddings have none."""
        maps = {"up.kernel": 1, "up.bias": 0, "down.kernel": 0}
        return {f"blocks.{number}.{name}": axis for number in range(self.depth) for name, axis in maps.items()}


class TransformerNetwork(nnx.Module):
    """The network of a Transformer: tokens int32 [n, k] to logits [n, p]."""

    def __init__(self, model: Transformer, k: int, values: int, outputs: int, rngs: nnx.Rngs):
        self.order, self.constants = layout(model, k, values)
        vocabulary, d = values + len(self.constants), model.d_model
        init = Initialization(model.init, d, vocabulary, model.init_std, model.init_scale)
        kind: dict[str, Any] = {"param_dtype": jnp.result_type(float), "rngs": rngs}
        self.tokens = nnx.Embed(vocabulary, d, embedding_init=init.embedding(), **kind)
        learned = model.positions == "learned"
        self.places = nnx.Embed(len(self.order), d, embedding_init=init.embedding(), **kind) if learned else None
        self.blocks = nnx.List([Block(model, init, rngs) for _ in range(model.depth)])
        self.norm = _norm(d, rngs) if model.norm == "pre" else None
        bias: dict[str, Any] = {"use_bias": model.bias and model.bias_in == "all", "bias_init": init.bias(d)}
        self.unembed = None if model.tied else nnx.Linear(d, outputs, kernel_init=init.unembedding(), **bias, **kind)
        self.outputs, self.sinusoidal, self.scale = outputs, model.positions == "sinusoidal", Constant(model.output_scale)

    def __call__(self, inputs: Int[Array, "n k"]) -> Float[Array, "n p"]:
        """Logits of the classes, read at the last token."""
        last = len(self.blocks) - 1
        x = self.embedded(inputs)
        for number, block in enumerate(self.blocks):
            x = block(x, last_only=number == last)
        return self.logits(x[:, -1])

    def hidden(self, inputs: Int[Array, "n k"]) -> Float[Array, "n h"]:
        """Activations of the last block's MLP at the last token."""
        *before, last = self.blocks
        x = self.embedded(inputs)
        for block in before:
            x = block(x)
        return last.neurons(last.attended(x, last_only=True))[:, -1]

    def sequence(self, inputs: Int[Array, "n k"]) -> Int[Array, "n T"]:
        """The summands with separators between them."""
        constants = jnp.broadcast_to(jnp.array(self.constants, inputs.dtype), (inputs.shape[0], len(self.constants)))
        return jnp.concatenate([inputs, constants], axis=1)[:, np.array(self.order)]

    def embedded(self, inputs: Int[Array, "n k"]) -> Float[Array, "n T d"]:
        """Vectors of the tokens, with those of their positions added."""
        x = self.tokens(self.sequence(inputs))
        if self.places is not None:
            x = x + self.places.embedding[...][None]
        return x + jnp.asarray(sinusoidal_positions(*x.shape[1:]), x.dtype)[None] if self.sinusoidal else x

    def logits(self, x: Float[Array, "n d"]) -> Float[Array, "n p"]:
        """The logits, from the vectors at the last token."""
        x = x if self.norm is None else self.norm(x)
        return self.scale[...] * (self.unembed(x) if self.unembed is not None else self.tokens.attend(x)[:, : self.outputs])


class Block(nnx.Module):
    """Attention, then an MLP at each token; what each gives is added to its input."""

    def __init__(self, model: Transformer, init: Initialization, rngs: nnx.Rngs):
        d = model.d_model
        kind: dict[str, Any] = {"param_dtype": jnp.result_type(float), "rngs": rngs}
        self.pre, self.causal, self.activation = model.norm == "pre", model.causal, ACTIVATIONS[model.activation].function
        self.attention = nnx.MultiHeadAttention(
            model.heads,
            d,
            use_bias=model.bias and model.bias_in != "mlp",
            kernel_init=init.attention(),
            out_kernel_init=init.weight(d),
            bias_init=init.attention_bias(),
            attention_fn=PowerAttention(model.attention_power),
            dropout_rate=model.dropout,
            decode=False,
            **kind,
        )
        self.up, self.down = (
            nnx.Linear(fan_in, out, use_bias=model.bias, kernel_init=init.weight(fan_in), bias_init=init.bias(fan_in), **kind)
            for fan_in, out in ((d, model.d_mlp), (model.d_mlp, d))
        )
        self.norms = None if model.norm == "none" else nnx.List([_norm(d, rngs), _norm(d, rngs)])
        self.dropout = nnx.Dropout(model.dropout, rngs=rngs) if model.dropout else None

    def __call__(self, x: Float[Array, "n T d"], last_only: bool = False) -> Float[Array, "n Q d"]:
        """The vectors after the block; of the last token only where no other is read."""
        x = self.attended(x, last_only)
        return self._after(1, x + self._dropped(self.down(self._dropped(self.neurons(x)))))

    def attended(self, x: Float[Array, "n T d"], last_only: bool = False) -> Float[Array, "n Q d"]:
        """The vectors between attention and MLP."""
        length = x.shape[1]
        queries = 1 if last_only else length
        keys = self._before(0, x)
        mask = jnp.tril(jnp.ones((1, 1, length, length), bool)) if self.causal and not last_only else None  # the last sees all
        added = self.attention(keys[:, -queries:], keys, mask=mask)
        return self._after(0, x[:, -queries:] + self._dropped(added))

    def neurons(self, x: Float[Array, "n Q d"]) -> Float[Array, "n Q h"]:
        """Activations φ(W_up x) of the MLP."""
        return self.activation(self.up(self._before(1, x)))

    def _before(self, which: int, x: Array) -> Array:
        return self.norms[which](x) if self.norms is not None and self.pre else x

    def _after(self, which: int, x: Array) -> Array:
        return self.norms[which](x) if self.norms is not None and not self.pre else x

    def _dropped(self, x: Array) -> Array:
        return x if self.dropout is None else self.dropout(x)


class PowerAttention(nnx.Module):
    """Softmax attention with scores q·k / (entries of a head)^power.

    Not nnx.dot_product_attention: where nothing is dropped it takes the softmax in float32, whatever its inputs are. A module, so that
    whoever looks at what modules give sees the weights.
    """

    def __init__(self, power: float):
        self.power = power

    def __call__(
        self,
        query: Float[Array, "n Q heads e"],
        key: Float[Array, "n T heads e"],
        value: Float[Array, "n T heads e"],
        *,
        mask: Bool[Array, "1 1 Q T"] | None,
        dropout_rng: PRNGKeyArray | None,
        dropout_rate: float,
        **unused: Any,
    ) -> Float[Array, "n Q heads e"]:
        """The values, averaged with weights softmax_T(scores), of which `dropout_rate` are set to 0 in training."""
        weights = self.pattern(query, key, mask)
        if dropout_rng is not None:
            kept = jax.random.bernoulli(dropout_rng, 1 - dropout_rate, weights.shape)
            weights = jnp.where(kept, weights / (1 - dropout_rate), 0)
        return jnp.einsum("nhqt,nthe->nqhe", weights, value)

    def pattern(
        self, query: Float[Array, "n Q heads e"], key: Float[Array, "n T heads e"], mask: Bool[Array, "1 1 Q T"] | None
    ) -> Float[Array, "n heads Q T"]:
        """softmax_T(scores): how much each query looks at each token."""
        scores = jnp.einsum("nqhe,nthe->nhqt", query * query.shape[-1] ** -self.power, key)
        return jax.nn.softmax(scores if mask is None else jnp.where(mask, scores, -jnp.inf))


def layout(model: Transformer, k: int, values: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(order, constants): the sequence is the summands followed by the constant tokens, taken in this order.

    The constants are op (if used), = and start (if used), numbered from `values` on in this order.
    """
    if not model.separators:
        return tuple(range(k)), ()
    names = ["op"] * model.operator + ["="] + ["start"] * model.start
    column = {name: k + number for number, name in enumerate(names)}
    between = [column["op"]] if model.operator else []
    order = [column["start"]] if model.start else []
    order += [0] + [token for summand in range(1, k) for token in (*between, summand)] + [column["="]]
    return tuple(order), tuple(values + number for number in range(len(names)))


def sinusoidal_positions(length: int, d: int) -> Float[np.ndarray, "T d"]:
    """sin(t / 10000^(2i/d)) in entry 2i, cos of the same in entry 2i + 1 (Vaswani et al. 2017, section 3.5)."""
    entry = np.arange(d)
    angle = np.arange(length)[:, None] / 10_000 ** ((entry - entry % 2) / d)
    return np.where(entry % 2, np.cos(angle), np.sin(angle))


def _norm(d: int, rngs: nnx.Rngs) -> nnx.LayerNorm:
    """As torch.nn.LayerNorm: ε = 1e-5; the variance from the centred vector, not from a difference of squares."""
    return nnx.LayerNorm(d, epsilon=1e-5, use_fast_variance=False, param_dtype=jnp.result_type(float), rngs=rngs)
