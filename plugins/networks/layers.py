"""What layers are made of: rows looked up by tokens, numbers in a row, nonlinearities by name, the number of neurons."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from framework import Sizes
from framework.errors import FieldError
from framework.fields import evaluate


class Activation(NamedTuple):
    """φ, and q where φ(c z) = c^q φ(z) for every c > 0; None where there is no such q."""

    function: Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]
    degree: int | None


def gelu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """z Φ(z) with the exact Gaussian Φ, as torch.nn.GELU has it (Hendrycks and Gimpel 2016)."""
    return jax.nn.gelu(z, approximate=False)


ACTIVATIONS = {
    "relu": Activation(jax.nn.relu, 1),
    "gelu": Activation(gelu, None),
    "silu": Activation(jax.nn.silu, None),
    "tanh": Activation(jnp.tanh, None),
    "quadratic": Activation(jnp.square, 2),
    "identity": Activation(lambda z: z, 1),
}


def hidden_neurons(width: str, sizes: Sizes) -> int:
    """The value of the expression for a task of these sizes. Raises FieldError below 1, and from 2^31 on."""
    try:
        h = evaluate(width, sizes.variables)
    except ValueError as error:
        raise FieldError("width", width, str(error)) from None
    if not 1 <= h < 2**31:
        raise FieldError("width", width, f"is {h:,} neurons; it must be at least 1, and less than 2^31")
    return h


def flattened(inputs: Any) -> Num[Array, "n d"]:
    """All numbers of an input in a row: of an image pixel by pixel, of a dict array by array in the order of their names."""
    rows = [array.reshape(array.shape[0], -1) for array in jax.tree.leaves(inputs)]
    return rows[0] if len(rows) == 1 else jnp.concatenate(rows, axis=1)


def looked_up_each(table: Float[Array, "m p e"], inputs: Int[Array, "n k"], k: int) -> list[Float[Array, "n e"]]:
    """Row a_i of table i for each summand i; of the only table where m = 1."""
    return [table[min(i, table.shape[0] - 1), inputs[:, i]] for i in range(k)]


def looked_up(table: Float[Array, "m p e"], inputs: Int[Array, "n k"], k: int) -> Float[Array, "n e"]:
    """The sum of these rows: the product of the one-hot vectors with the tables below one another."""
    first, *others = looked_up_each(table, inputs, k)
    return sum(others, start=first)
