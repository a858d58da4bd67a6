"""What a tangent kernel is of: the parts of a network, which of its outputs, and points in blocks, so that memory is bounded."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from framework.errors import UserError

OUTPUTS = ("first", "sum", "all", "own")
LARGEST = 2**34  # bytes of a kernel that is still computed entry by entry
MEMORY = 2**28  # bytes that the blocks of one pass may take together

Parts = tuple[Any, Any]  # (parameters, other variables) of a network
KernelOfBlocks = Callable[[Int[Array, "n1 k"], Int[Array, "n2 k"]], Float[Array, "n1 q n2 q"]]


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


def tokens_of(x: Int[Array, "n m"], outputs: str) -> Int[Array, "n k"]:
    """What the network reads of the points: all columns, except for the last one with outputs="own"."""
    return x[:, :-1] if outputs == "own" else x


def chosen_outputs(f: Float[Array, "n p"], x: Int[Array, "n m"], outputs: str) -> Float[Array, "n q"]:
    """The q functions whose tangent kernel is meant: f_0 | p^(−1/2) Σ_c f_c | every f_c | f_c with c the last column of x."""
    if outputs == "first":
        return f[:, :1]
    if outputs == "sum":
        return jnp.sum(f, axis=1, keepdims=True) / f.shape[1] ** 0.5
    return f if outputs == "all" else jnp.take_along_axis(f, x[:, -1:], axis=1)


def number_of_outputs(graph: nnx.GraphDef, parts: Parts, x: Int[Array, "n m"], outputs: str) -> int:
    """q: p for "all", else 1. Nothing is computed."""
    return jax.eval_shape(lambda parts: answers(graph, parts, x[:1], outputs), parts).shape[1]


def check_size(rows: int, columns: int, itemsize: int, outputs: str) -> None:
    """Raises UserError, with the memory it would take, for a kernel that is too large to hold or to go through by blocks."""
    needed = rows * columns * itemsize
    if needed > LARGEST:
        size = f"{rows:,} × {columns:,} entries, {needed / 2**30:,.0f} GiB"
        raise UserError(f"outputs = {outputs!r}: the kernel has {size}; at most {LARGEST >> 30} GiB: take fewer points or outputs")


def blockwise(kernel: KernelOfBlocks, x1: Int[Array, "n1 m"], x2: Int[Array, "n2 m"], block: int) -> Float[Array, "n1 n2 q q"]:
    """The kernel of all points, from blocks of at most `block` by `block`: each is computed and put in its place."""

    def row(points: Any) -> Any:
        return jax.lax.map(lambda others: kernel(points, others), columns)

    rows, columns = in_blocks(x1, block), in_blocks(x2, block)
    blocks = jax.lax.map(row, rows)  # [rows, columns, b1, q, b2, q]
    q = blocks.shape[3]
    whole = blocks.transpose(0, 2, 1, 4, 3, 5).reshape(rows.shape[0] * rows.shape[1], -1, q, q)
    return whole[: x1.shape[0], : x2.shape[0]]


def answers(graph: nnx.GraphDef, parts: Parts, x: Any, outputs: str) -> Any:
    """The chosen outputs of a network at the points, [n, q]."""
    return chosen_outputs(nnx.merge(graph, *parts)(tokens_of(x, outputs)), x, outputs)


def in_blocks(x: Int[Array, "n m"], block: int) -> Int[Array, "blocks block m"]:
    """The points in equal blocks, the last one filled up with point 0."""
    count = -(-x.shape[0] // block)
    filled = jnp.concatenate([x, jnp.broadcast_to(x[:1], (count * block - x.shape[0], x.shape[1]))])
    return filled.reshape(count, block, x.shape[1])
