"""Examples, splits of them, and what a model must know about a task."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

Outputs = Callable[[Int[Array, "n k"]], Float[Array, "n p"]]  # a network as a function of integer tokens
Tree = Any  # a pytree of arrays
Values = dict[str, Any]  # quantity name → scalar or array


@dataclass(frozen=True)
class Sizes:
    """What a model must know about a task."""

    tokens: int  # integers in one input, k
    values: int  # each token is in [0, values)
    outputs: int  # classes, p

    @property
    def variables(self) -> dict[str, int]:
        """The names that expressions such as width="4*p" may use."""
        return {"p": self.values, "k": self.tokens, "outputs": self.outputs}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Split:
    """Examples: inputs int32 [n, k], targets [n]. A pytree, so that it is passed to compiled programs, not baked in."""

    inputs: Int[Array | np.ndarray, "n k"]  # on the host for a probe that is not compiled
    targets: Shaped[Array | np.ndarray, " n"]

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def take(self, rows: Int[Array | np.ndarray, " b"]) -> "Split":
        """The examples in these rows."""
        return Split(self.inputs[rows], self.targets[rows])

    @property
    def questions(self) -> tuple[Int[Array | np.ndarray, "n k"], Shaped[Array | np.ndarray, " n"], Bool[Array, " n"]]:
        """(inputs, right answers, whether each is asked here): by these, probes judge the arg max of the outputs."""
        return self.inputs, self.targets, jnp.ones(self.targets.shape[0], bool)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Splits:
    """The training sample, the rest of the population, and the population."""

    train: Any
    test: Any
    population: Any

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter((("train", self.train), ("test", self.test), ("population", self.population)))
