"""Probe: what is measured in a network while it trains, and all that a measurement may see."""

import abc
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray

from framework.fields import field
from framework.interfaces.data import KINDS, Splits, Tree, Values
from framework.interfaces.plugin import Plugin
from framework.interfaces.tasks.task import Task
from framework.pictures import Film

HINT = "hint"  # the name, in a state, of what only saves work


@dataclass(frozen=True)
class Context:
    """All that a probe may see besides parameters and its own state. Nothing else is reachable."""

    task: Task
    splits: Splits
    module: Callable[[Tree], nnx.Module]  # parameters → the network, in evaluation mode
    degree: int | None  # the degree of homogeneity
    key: PRNGKeyArray  # the probe's own fold of the seed
    step: Int[Array | np.ndarray, ""]

    def apply(self, params: Tree, inputs: Tree) -> Float[Array, "n p"]:
        """Outputs of the network with these parameters."""
        return self.module(params)(inputs)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The splits that hold examples."""
        return tuple(name for name, split in self.splits if len(split))


@dataclass(frozen=True, kw_only=True)
class Probe(Plugin):
    """Measures a network during training. Frozen: what it must remember goes into its state, which is checkpointed."""

    schedule: str = field("log", 'when to measure: "log", "log 40", "every 500", "at 1 10 100", "last", joined by +')

    compiled: ClassVar[bool] = True  # False: measure runs on the host, e.g. in float64, and gets NumPy arrays
    inputs: ClassVar[tuple[str, ...]] = KINDS  # of which tasks it can look at networks: see Sizes.kind
    needs_labels: ClassVar[bool] = False  # True: only of those in which a right answer is the number of an output
    answers: ClassVar[str] = ""  # what it says in a report, as "whether training was lazy": a report names it where no probe said it

    def init(self, params: Tree, context: Context) -> Tree:
        """State at step 0, a pytree of arrays; the default remembers nothing. The core copies it.

        What lies in a dict under "hint" only saves work: a checkpoint that has none is restored, with that of step 0.
        """
        return ()

    @abc.abstractmethod
    def measure(self, params: Tree, context: Context, state: Tree) -> tuple[Values, Tree]:
        """Returns (values, next state). values: quantity name → scalar or array; next state: shaped as state."""

    def lighter(self) -> list[str]:
        """Changes of its fields that make an event take less time, as "outputs=first": what a user reads where it takes long."""
        return []

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """Draws what the instance `name` of this probe recorded in a run into an empty matplotlib Figure.

        Where it draws nothing, as here, each quantity gets a panel, with steps on a log axis. Override it where another
        picture says more.
        """

    def says(self, run: Any, name: str) -> Sequence[str]:
        """Whole sentences for the report of a run on what the instance `name` of this probe recorded in it; none by default."""
        return ()

    def films(self, run: Any, name: str) -> Sequence[Film]:
        """For the report of a run, arrays that the instance `name` recorded, as pictures that change through training; none by default."""
        return ()
