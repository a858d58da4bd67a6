"""A penalty on singular values, for solutions of low rank."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from framework import Penalty, field, register
from plugins.networks.parameters import matrix_axes


@register("nuclear")
@dataclass(frozen=True, kw_only=True)
class NuclearNorm(Penalty):
    """λ Σ_M ‖M‖_* = λ Σ_M Σ_i σ_i(M) over the matrices M among the parameters (Fazel, Hindi and Boyd 2001).

    An array with more than two axes counts as the matrix that it is in its network: W [k, p, h] as kp × h, the attention's
    kernels as d × d. Vectors, biases and scalars are left out. The gradient is λ Σ_i u_i v_iᵀ over the singular values above
    rounding, so 0 at 0. It takes a singular value decomposition of each matrix at every step: slow for wide networks.
    """

    coefficient: float = field(1e-4, "λ", at_least=0)

    def __call__(self, params: Any) -> Float[Array, ""]:
        """The sum of singular values, times λ."""
        leaves = jax.tree_util.tree_flatten_with_path(params)[0]
        matrices = [(leaf, axes) for path, leaf in leaves if (axes := matrix_axes(path, leaf))]
        norms = [nuclear_norm(leaf.reshape(math.prod(leaf.shape[axis] for axis in inputs), -1)) for leaf, (inputs, _) in matrices]
        return self.coefficient * sum(norms, jnp.zeros(()))


@jax.custom_vjp
def nuclear_norm(matrix: Float[Array, "m n"]) -> Float[Array, ""]:
    """Σ σ_i. Its gradient leaves out directions whose σ_i is rounding, where u_i v_iᵀ would be arbitrary."""
    return jnp.sum(jnp.linalg.svd(matrix, compute_uv=False))


def _forward(matrix: Float[Array, "m n"]) -> tuple[Float[Array, ""], Float[Array, "m n"]]:
    u, sizes, v = jnp.linalg.svd(matrix, full_matrices=False)
    rounding = max(matrix.shape) * jnp.finfo(matrix.dtype).eps * sizes[0]
    return jnp.sum(sizes), jnp.where(sizes > rounding, u, 0) @ v


def _backward(direction: Float[Array, "m n"], cotangent: Float[Array, ""]) -> tuple[Float[Array, "m n"]]:
    return (cotangent * direction,)


nuclear_norm.defvjp(_forward, _backward)
