"""Examples, splits of them, and what a model must know about a task."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

Outputs = Callable[[Any], Float[Array, "n p"]]  # a network as a function of inputs
Tree = Any  # a pytree of arrays
Values = dict[str, Any]  # quantity name → scalar or array
Examples = Any  # one array, or a dict of arrays, with a row for each example
Shape = tuple[int, ...]

TOKENS, VALUES, IMAGES, ARRAYS = KINDS = ("tokens", "values", "images", "arrays")  # of inputs: see Sizes


@dataclass(frozen=True)
class Sizes:
    """What a model must know about a task: what one input is, and how many outputs there are.

    By default an input is a tuple of tokens. Where it is made of numbers instead, `shape` is that of one input: (d,) for values,
    (height, width, channels) for images, a dict with the shape of each for a dict of arrays.
    """

    tokens: int = 0  # integers in one input, k
    values: int = 0  # each token is in [0, values)
    outputs: int = 1  # classes, p, or numbers that are asked for
    shape: Shape | Mapping[str, Shape] = ()

    @property
    def kind(self) -> str:
        """What inputs are: tokens int32 [n, k], values float [n, d], images float [n, h, w, c], or else arrays, such as a dict of them."""
        if not self.shape:
            return TOKENS
        return ARRAYS if isinstance(self.shape, Mapping) else {1: VALUES, 3: IMAGES}.get(len(self.shape), ARRAYS)

    @property
    def entries(self) -> int:
        """How many numbers one input has; for tokens, in their one-hot vectors."""
        if not self.shape:
            return self.tokens * self.values
        return sum(math.prod(shape) for shape in (self.shape.values() if isinstance(self.shape, Mapping) else [self.shape]))

    @property
    def variables(self) -> dict[str, int]:
        """The names that expressions such as width="4*p" may use. Numbers count as the one-hot vector of one token: k = 1, p = d."""
        k, p = (self.tokens, self.values) if self.kind == TOKENS else (1, self.entries)
        return {"p": p, "k": k, "d": self.entries, "outputs": self.outputs}

    def __str__(self) -> str:
        """'tokens [2]', 'images [8, 8, 1]'."""
        if isinstance(self.shape, Mapping):
            return f"{self.kind} " + ", ".join(f"{name} {list(shape)}" for name, shape in self.shape.items())
        return f"{self.kind} {list(self.shape or (self.tokens,))}"


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Split:
    """Examples: inputs and targets, each an array with one row per example, or a dict of such arrays.

    Inputs are tokens int32 [n, k] or numbers, see Sizes; targets are labels int32 [n] or values float [n, outputs]. A pytree, so
    that it is passed to compiled programs, not baked in; on the host for a probe that is not compiled.
    """

    inputs: Examples
    targets: Examples

    def __len__(self) -> int:
        return rows_in(self.inputs)

    def take(self, rows: Int[Array | np.ndarray, " b"]) -> "Split":
        """The examples in these rows."""
        return Split(take(self.inputs, rows), take(self.targets, rows))

    @property
    def has_labels(self) -> bool:
        """Whether the targets are labels: the number of the one output that is right."""
        targets = self.targets
        return hasattr(targets, "dtype") and targets.ndim == 1 and bool(jnp.issubdtype(targets.dtype, jnp.integer))

    @property
    def questions(self) -> tuple[Examples, Examples, Bool[Array, " n"]]:
        """(inputs, right answers, whether each is asked here): by these, probes judge the arg max of the outputs."""
        return self.inputs, self.targets, jnp.ones(len(self), bool)


def rows_in(examples: Examples) -> int:
    """How many examples there are."""
    return int(jax.tree.leaves(examples)[0].shape[0])


def take(examples: Examples, rows: Int[Array | np.ndarray, " b"]) -> Examples:
    """These rows of every array."""
    return jax.tree.map(lambda array: array[rows], examples)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Splits:
    """The training sample, the rest of the population, and the population."""

    train: Any
    test: Any
    population: Any

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter((("train", self.train), ("test", self.test), ("population", self.population)))
