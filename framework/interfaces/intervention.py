"""Intervention: what is changed while a network trains, and all that a change may see."""

import abc
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import jax

from framework.errors import FieldError, did_you_mean, one_of
from framework.fields import field
from framework.interfaces.data import Tree, Values
from framework.interfaces.parts import Model, Optimizer
from framework.interfaces.plugin import Plugin
from framework.interfaces.probe import Context


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Training:
    """All that an intervention may change, on the host as NumPy arrays: make others, and put them in by `dataclasses.replace`.

    frozen: dotted name of a parameter → whether it stands still. data: (training sample, the rest). Both are empty unless an
    intervention of the run says that it changes them.
    """

    params: Tree
    variables: Tree
    opt_state: Tree
    frozen: dict[str, Any]
    data: tuple[Any, ...]


@dataclass(frozen=True)
class Setting(Context):
    """What an intervention sees beside that: a probe's context, on the host, with a key of its own for this step."""

    model: Model
    optimizer: Optimizer


@dataclass(frozen=True, kw_only=True)
class Intervention(Plugin):
    """Changes a network, or what it is trained with, between two steps. Frozen, and a function of what it is given alone."""

    schedule: str = field("", 'at which steps: "at 1000", "every 500", "at 0 10 100"; empty: where `when` says')
    when: str = field("", 'once, one step after the first row in which this holds: "train/accuracy >= 0.99"')

    changes: ClassVar[tuple[str, ...]] = ("params",)  # fields of Training

    @abc.abstractmethod
    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Returns (what training goes on with, arrays shaped as before, and numbers that say more than how much was changed)."""


def named(params: Tree) -> dict[str, Any]:
    """Dotted name → parameter."""
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]}


def replaced(params: Tree, leaves: dict[str, Any]) -> Tree:
    """The parameters, those that are named replaced."""
    return jax.tree_util.tree_map_with_path(lambda path, leaf: leaves.get(_name(path), leaf), params)


def chosen(path: str, patterns: Iterable[str], params: Tree) -> dict[str, Any]:
    """The parameters whose dotted names fit one of the patterns, such as "W" or "blocks.*"; all where there are no patterns.

    Raises FieldError, naming the field `path`, for a pattern that fits none.
    """
    known, patterns = named(params), tuple(patterns)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            rule = f"there is no parameter {pattern!r}.{did_you_mean(pattern, known)} Parameters: {one_of(known)}"
            raise FieldError(path, ",".join(patterns), rule)
    return {name: leaf for name, leaf in known.items() if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)}


def _name(path: tuple) -> str:
    return ".".join(str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in path)
