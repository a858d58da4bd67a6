"""Model, Optimizer and Penalty: what is trained, by which rule, and what is added to the mean loss."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float

from framework.interfaces.data import TOKENS, Tree
from framework.interfaces.plugin import Plugin
from framework.interfaces.tasks.task import Task


class Constant(nnx.Variable):
    """A number of a network's forward pass that is not trained, such as a factor α of its outputs.

    It is passed to compiled programs, so that networks which differ in it share them; it is no part of a checkpoint, as it
    follows from the config. A number that a network holds as a plain attribute is built into its programs instead.
    """

    def __init__(self, value: Any, **metadata: Any):
        super().__init__(jnp.asarray(value), **metadata)


@dataclass(frozen=True, kw_only=True)
class Model(Plugin):
    """A network for a task."""

    inputs: ClassVar[tuple[str, ...]] = (TOKENS,)  # what its networks take, among "tokens", "values", "images", "arrays": see Sizes.kind

    @abc.abstractmethod
    def build(self, task: Task, *, rngs: nnx.Rngs) -> nnx.Module:
        """An nnx.Module that maps inputs, such as tokens int32 [n, k], to outputs [n, p]; its nnx.Param variables are trained.

        New arrays take `jnp.result_type(float)` as dtype: float32, or float64 where the config asks for it. A number of the
        forward pass that a field gives, such as a factor of the outputs, is held as a `Constant`.
        """

    def homogeneity(self, task: Task) -> int | None:
        """L if outputs at c·θ are c^L times those at θ, else None."""
        return None

    def neuron_axes(self) -> Mapping[str, int]:
        """Dotted name of a parameter → its axis of hidden neurons, which `mesh.neurons` divides among devices; by default none has one."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Optimizer(Plugin):
    """A rule that turns gradients into steps."""

    @abc.abstractmethod
    def transform(self) -> optax.GradientTransformation:
        """The update rule, learning rate included. A zero gradient must give a finite update.

        A rule that takes extra arguments (optax.GradientTransformationExtraArgs) gets those it asks for among `value`, `grad`,
        `value_fn(params)`, `grad_fn(params, i)` on the examples of this step, and `key`, which is drawn anew at every step.
        """


@dataclass(frozen=True, kw_only=True)
class Penalty(Plugin):
    """A term of the objective beside the mean loss."""

    @abc.abstractmethod
    def __call__(self, params: Tree) -> Float[Array, ""]:
        """The scalar that is added, its coefficient included."""
