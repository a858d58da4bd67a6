"""Nonlinearities by name, each with the power by which it scales where it has one."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Activation(NamedTuple):
    """φ, and q where φ(c z) = c^q φ(z) for every c > 0; None where there is no such q."""

    function: Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]
    degree: int | None


def gelu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Gives z Φ(z) with the exact Gaussian Φ, as torch.nn.GELU has it (Hendrycks and Gimpel 2016)."""
    return jax.nn.gelu(z, approximate=False)


ACTIVATIONS = {
    "relu": Activation(jax.nn.relu, 1),
    "gelu": Activation(gelu, None),
    "silu": Activation(jax.nn.silu, None),
    "tanh": Activation(jnp.tanh, None),
    "quadratic": Activation(jnp.square, 2),
    "identity": Activation(lambda z: z, 1),
}
