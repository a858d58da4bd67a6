"""The tangent kernel of a quadratic network at single outputs, in NumPy float64."""

import numpy as np
from jaxtyping import Float, Int

from plugins.claims.networks import Blocks, Matrix

Points = Int[np.ndarray, "n m"]  # tuples (a_1, …, a_k, c)


def tangent_kernel(W: Blocks, V: Matrix, points: Points) -> Float[np.ndarray, "n n"]:
    """Θ(x, x') = 1[c=c'] Σ_j z_j^k z'_j^k + k² s(x, x') Σ_j V_cj V_c'j z_j^{k−1} z'_j^{k−1} of f_c, s the count of summands shared.

    W [k, p, h], V [h, p]; z_j = Σ_i W_{i, a_i, j}. For k = 2 this is (B.2) of Mohamadi et al. 2024.
    """
    inputs, c = points[:, :-1], points[:, -1]
    k = len(W)
    z = sum(W[i, inputs[:, i]] for i in range(k))
    first, second = z**k, k * z ** (k - 1) * V.T[c]
    shared = (inputs[:, None] == inputs[None]).sum(axis=2)
    return (c[:, None] == c) * (first @ first.T) + shared * (second @ second.T)
