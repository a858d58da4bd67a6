"""What a tangent kernel is of: the parts of a network, which of its outputs, and points in blocks, so that memory is bounded."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from framework.errors import UserError
from framework.interfaces import rows_in

OUTPUTS = ("first", "sum", "all", "own")
LARGEST = 2**34  # bytes of a kernel that is still computed entry by entry
MEMORY = 2**28  # bytes that the blocks of one pass may take together

Parts = tuple[Any, Any]  # (parameters, other variables) of a network
Points = Any  # tokens int32 [n, m], or numbers: one array or a dict of arrays, for outputs="own" (those, the number of an output int32 [n])
KernelOfBlocks = Callable[[Points, Points], Float[Array, "n1 q n2 q"]]


def split_network(net: nnx.Module) -> tuple[nnx.GraphDef, Parts]:
    """(what is static, arrays), so that the arrays can be passed to compiled programs."""
    graph, *parts = nnx.split(net, nnx.Param, ...)
    return graph, (parts[0], parts[1])


def in_float64(tree: Any) -> Any:
    """The tree with its floating-point leaves in float64. Only where 64-bit numbers are enabled."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree)


def network_in_float64(net: nnx.Module) -> nnx.Module:
    """A copy whose parameters and other variables are float64, where 64-bit numbers are enabled."""
    graph, parts = split_network(net)
    return nnx.merge(graph, *in_float64(parts))


def as_points(x: Any) -> Points:
    """Points as JAX computes with them: tokens int32, and numbers in the precision that is in use."""

    def one(array: Any) -> Array:
        array = array if hasattr(array, "dtype") else np.asarray(array)
        of_tokens = jnp.issubdtype(array.dtype, jnp.integer)
        return jnp.asarray(array, jnp.int32 if of_tokens else jnp.result_type(float))

    return jax.tree.map(one, x) if isinstance(x, dict | tuple) else one(x)


def at(x: Points, index: Any) -> Points:
    """The point, or the points, at an index."""
    return jax.tree.map(lambda array: array[index], x)


def tokens_of(x: Points, outputs: str) -> Any:
    """What the network reads of the points: everything, except with outputs="own" for what names an output, of tokens the last column."""
    if outputs != "own":
        return x
    return x[0] if isinstance(x, tuple) else x[:, :-1]


def chosen_outputs(f: Float[Array, "n p"], x: Points, outputs: str) -> Float[Array, "n q"]:
    """The q functions whose tangent kernel is meant: f_0 | p^(−1/2) Σ_c f_c | every f_c | f_c with c the output that a point names."""
    if outputs == "first":
        return f[:, :1]
    if outputs == "sum":
        return jnp.sum(f, axis=1, keepdims=True) / f.shape[1] ** 0.5
    return f if outputs == "all" else jnp.take_along_axis(f, x[1][:, None] if isinstance(x, tuple) else x[:, -1:], axis=1)


def number_of_outputs(graph: nnx.GraphDef, parts: Parts, x: Points, outputs: str) -> int:
    """q: p for "all", else 1. Nothing is computed."""
    return jax.eval_shape(lambda parts: answers(graph, parts, at(x, slice(0, 1)), outputs), parts).shape[1]


def check_size(rows: int, columns: int, itemsize: int, outputs: str) -> None:
    """Raises UserError, with the memory it would take, for a kernel that is too large to hold or to go through by blocks."""
    needed = rows * columns * itemsize
    if needed > LARGEST:
        size = f"{rows:,} × {columns:,} entries, {needed / 2**30:,.0f} GiB"
        raise UserError(f"outputs = {outputs!r}: the kernel has {size}; at most {LARGEST >> 30} GiB: take fewer points or outputs")


def blockwise(kernel: KernelOfBlocks, x1: Points, x2: Points, block: int) -> Float[Array, "n1 n2 q q"]:
    """The kernel of all points, from blocks of at most `block` by `block`: each is computed and put in its place."""

    def row(points: Any) -> Any:
        return jax.lax.map(lambda others: kernel(points, others), columns)

    columns = in_blocks(x2, block)
    blocks = jax.lax.map(row, in_blocks(x1, block))  # [rows, columns, b1, q, b2, q]
    down, _, size, q, *_ = blocks.shape
    whole = blocks.transpose(0, 2, 1, 4, 3, 5).reshape(down * size, -1, q, q)
    return whole[: rows_in(x1), : rows_in(x2)]


def answers(graph: nnx.GraphDef, parts: Parts, x: Any, outputs: str) -> Any:
    """The chosen outputs of a network at the points, [n, q]."""
    return chosen_outputs(nnx.merge(graph, *parts)(tokens_of(x, outputs)), x, outputs)


def in_blocks(x: Points, block: int) -> Points:
    """The points in equal blocks, [blocks, block, …], the last one filled up with point 0."""

    def one(array: Array) -> Array:
        count, *shape = array.shape
        blocks = -(-count // block)
        filled = jnp.concatenate([array, jnp.broadcast_to(array[:1], (blocks * block - count, *shape))])
        return filled.reshape(blocks, block, *shape)

    return jax.tree.map(one, x)
