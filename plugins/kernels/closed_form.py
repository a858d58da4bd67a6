"""The tangent kernel of the quadratic network, written out: no Jacobian is formed."""

import functools
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from plugins.kernels.jacobians import KernelOfBlocks, tokens_of


class QuadraticWeights(NamedTuple):
    """W [k, p, h] and V [h, p] of a quadratic network."""

    W: Float[Array, "k p h"]
    V: Float[Array, "h p"]


def directions(V: Float[Array, "h p"], outputs: str) -> Float[Array, "h q"]:
    """The output weights of the functions that outputs = first, sum, all stand for: V_·0 | p^(−1/2) Σ_c V_·c | V."""
    if outputs == "sum":
        return jnp.sum(V, axis=1, keepdims=True) / V.shape[1] ** 0.5
    return V[:, :1] if outputs == "first" else V


def preactivations(W: Float[Array, "k p h"], x: Int[Array, "n k"]) -> Float[Array, "n h"]:
    """z_j = Σ_i W_{i, a_i, j}."""
    return functools.reduce(jnp.add, (W[i, x[:, i]] for i in range(W.shape[0])))


def quadratic_kernel(weights: QuadraticWeights, degree: int, outputs: str) -> KernelOfBlocks:
    """Θ_{c c'}(x, x') = 1[c=c'] Σ_j z_j^d z'_j^d + d² s(x, x') Σ_j V_jc V_jc' z_j^{d−1} z'_j^{d−1} of two blocks of points.

    s counts the summands that x and x' share. For d = 2, k = 2 this is (B.2) of Mohamadi et al. 2024.
    """

    def factors(x: Int[Array, "n m"]) -> tuple:
        z = preactivations(weights.W, tokens_of(x, outputs))
        v = weights.V.T[x[:, -1:]] if outputs == "own" else directions(weights.V, outputs).T[None]  # [n or 1, q, h]
        return z**degree, degree * z[:, None] ** (degree - 1) * v

    def kernel(x1: Int[Array, "n1 m"], x2: Int[Array, "n2 m"]) -> Float[Array, "n1 q n2 q"]:
        (F1, A1), (F2, A2) = factors(x1), factors(x2)
        same = jnp.eye(A1.shape[1], dtype=F1.dtype)[None, :, None]  # [1, q, 1, q]
        if outputs == "own":
            same = (x1[:, None, None, -1:] == x2[None, None, :, -1:]).astype(F1.dtype)
        t1, t2 = tokens_of(x1, outputs), tokens_of(x2, outputs)
        shared = jnp.sum(t1[:, None] == t2[None], axis=2, dtype=F1.dtype)
        return same * (F1 @ F2.T)[:, None, :, None] + shared[:, None, :, None] * jnp.einsum("xcj,yej->xcye", A1, A2)

    return kernel


def block_of_rows(weights: QuadraticWeights, outputs: str, memory: int) -> int:
    """Points in a block, so that two blocks of d z^{d−1} V and the block of the kernel fit in `memory` bytes."""
    h, p = weights.V.shape
    q = p if outputs == "all" else 1
    per_point = 2 * q * h * weights.V.dtype.itemsize
    square = 2 * q * q * weights.V.dtype.itemsize
    return max(1, min(memory // (2 * per_point), int((memory / (2 * square)) ** 0.5), 4096))
