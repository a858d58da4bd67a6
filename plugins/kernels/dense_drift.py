"""How far the quadratic network's tangent kernel moved, from the n×n matrices themselves: for points fewer than neurons.

The change is written with means and differences of features, as in gram_drift, so that nothing cancels. Cost O(n² h).
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from plugins.kernels.closed_form import directions
from plugins.kernels.gram_drift import Two, features
from plugins.kernels.moved import Moved, moved

MOST = 4096  # points, so that the matrices fit in memory


def is_cheaper(points: int, networks: Two, outputs: str) -> bool:
    """Whether the matrices of so many points are less work than Gram matrices over neurons; not where they have p outputs each."""
    return outputs != "all" and points < min(networks[0].W.shape[2], MOST)


def squared_norms_of_few(networks: Two, x: Int[np.ndarray, "n m"], degree: int, outputs: str) -> Float[Array, "3"]:
    """The numbers of gram_drift.squared_norms, of one output per point: outputs is first, sum or own."""
    tokens = x[:, : networks[0].W.shape[0]]
    shared = np.sum(tokens[:, None] == tokens[None], axis=2, dtype=np.float64)
    same = (x[:, None, -1] == x[None, :, -1]).astype(np.float64) if outputs == "own" else np.ones_like(shared)
    return _squared_norms(networks, x, same, shared, degree, outputs)


@functools.partial(jax.jit, static_argnames=("degree", "outputs"))
def _squared_norms(networks: Two, x: Any, same: Any, shared: Any, degree: int, outputs: str) -> Float[Array, "3"]:
    points = jnp.arange(len(x))
    F, D = (features(networks, x, points, degree, kind) for kind in ("F", "A" if outputs == "own" else "D"))
    if outputs != "own":
        new, old = (directions(w.V, outputs).T for w in networks)
        D = D * moved(new, old)
    first, second = (_products(both) for both in (F, D))
    kernels = [same * one + shared * two for one, two in zip(first, second, strict=True)]
    return jnp.stack([jnp.sum(kernel**2) for kernel in kernels])


def _products(one: Moved) -> tuple[Any, Any, Any]:
    """The change of P Pᵀ, P Pᵀ after, and before."""
    half = one.change @ one.mean.T
    return half + half.T, one.new @ one.new.T, one.old @ one.old.T
