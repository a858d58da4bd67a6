"""Compiled programs are kept: experiments of one structure share them, and the numbers in which they differ are passed in.

A run has the same bits alone, in a sweep, first or hundredth, because it always runs the program of its structure.
"""

import functools
import inspect
import logging
import traceback
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from framework.errors import UserError, WhygrokError, named, words_of
from framework.fields import Fields, Structure, numbers_of, parts, structure_of, with_numbers

log = logging.getLogger("whygrok")

KEPT = 64  # how many programs a process keeps; the one that was used least recently goes first


@dataclass(frozen=True)
class Recipe:
    """All that the code of a program depends on, beside shapes, dtypes and precision, which JAX tells apart."""

    function: Callable  # of (parts, *arrays); at the top of a module, so that there is one of it
    donated: tuple[int, ...]  # which of the arrays are used up
    axes: tuple[int | None, ...] | None  # of the arrays, in a program for several members at once
    structures: tuple[tuple[str, Hashable], ...]  # of the parts, by name
    spread: Any = None  # how its arrays lie on several devices
    parts: Any = field(default=None, compare=False)  # where numbers are built in: the parts that hold them


class Program:
    """A recipe compiled, and why it cannot be, if so."""

    def __init__(self, recipe: Recipe):
        function = recipe.function if recipe.spread is None else recipe.spread.around(recipe.function)

        def call(numbers: dict[str, Any], *arrays: Any) -> Any:
            made = {name: _put_together(structure, numbers[name]) for name, structure in recipe.structures}
            return function(SimpleNamespace(**made), *arrays)

        def call_alone(*arrays: Any) -> Any:
            return function(recipe.parts, *arrays)

        shared = recipe.parts is None
        run: Callable = call if shared else call_alone
        if recipe.axes is not None:
            run = jax.vmap(run, in_axes=(*([0] if shared else []), *recipe.axes))
        run.__name__ = recipe.function.__name__
        self.run = jax.jit(run, donate_argnums=tuple(number + shared for number in recipe.donated))
        self.refused = ""


class Shared:
    """A function of parts (plugins, a network, …) and arrays, compiled once for all parts of one structure.

    function: takes a namespace of the parts, then the arrays. donated: which of the arrays are used up. spread: how they lie on
    several devices. A plugin that cannot compute with traced numbers has them built in, which a sentence in the log says.
    """

    def __init__(self, function: Callable, *, donated: tuple[int, ...] = (), spread: Any = None, **parts: Any):
        self.parts = SimpleNamespace(**parts)
        self.recipe = Recipe(function, donated, None, tuple((name, _structure(part)) for name, part in parts.items()), spread)

    def __call__(self, *arrays: Any) -> Any:
        """What the function gives. Raises what it raises while it is compiled, with its numbers built in."""
        program = program_of(self.recipe)
        if program.refused:
            return self.alone(*arrays)
        try:
            return program.run(self.numbers, *arrays)
        except (WhygrokError, jax.errors.JaxRuntimeError):
            raise  # an error that explains itself, or one that arose while it ran
        except Exception as error:  # a plugin is anybody's code, and may do anything with a traced number
            why = f"{self._culprit(error)}: {named(error)}"
        made = self.alone(*arrays)
        _say(f"compiled with its numbers built in, for this run alone: {why}")
        program.refused = why
        return made

    def alone(self, *arrays: Any) -> Any:
        """The same from a program of its own, with its numbers built in: it is made of these very plugins, whatever they hide."""
        try:
            return self._own.run(*arrays)
        except jax.errors.UnexpectedTracerError as error:
            what = "keeps a value of one compiled program and uses it in another: make it anew in each call"
            raise UserError(f"{self._culprit(error)} {what}") from error

    @functools.cached_property
    def _own(self) -> Program:
        return Program(replace(self.recipe, parts=self.parts))

    @functools.cached_property
    def numbers(self) -> dict[str, Any]:
        """What is passed in: weakly typed arrays, which take part in arithmetic as a Python number does."""
        made = {name: jax.tree.map(jnp.asarray, _numbers(part)) for name, part in vars(self.parts).items()}
        return made if self.recipe.spread is None else self.recipe.spread.numbers(made)  # type: ignore[no-any-return]

    @property
    def refused(self) -> str:
        """Why its numbers cannot be passed in, known after the first call; nothing where they can."""
        return program_of(self.recipe).refused

    def _culprit(self, error: Exception) -> str:
        """The class through whose file the error came last, with the line; else one whose file it names; else all classes."""
        plugins = [plugin for part in vars(self.parts).values() if isinstance(part, Fields) for _, plugin in parts(part)]
        classes = {_file(type(plugin)): type(plugin).__name__ for plugin in plugins}
        through = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in classes]
        if through:
            return f"{classes[through[-1].filename]} ({through[-1].filename}:{through[-1].lineno})"
        named = [name for file, name in classes.items() if file in words_of(error)]
        return " or ".join(named or classes.values())


def together(function: Callable, members: Sequence[Shared], axes: tuple[int | None, ...], donated: tuple[int, ...] = ()) -> "Together":
    """A function of the parts of members of one structure and of arrays, for all members at once.

    axes: for each of the arrays, 0 where it has a leading axis of members, None where they have it in common.
    """
    recipe = replace(members[0].recipe, function=function, axes=axes, donated=donated)
    return Together(program_of(recipe), jax.tree.map(lambda *leaves: jnp.stack(leaves), *(member.numbers for member in members)))


@dataclass(frozen=True)
class Together:
    """A program for several members, and their numbers, stacked."""

    program: Program
    numbers: dict[str, Any]

    def __call__(self, *arrays: Any) -> Any:
        """What the function gives, each array with a leading axis of members."""
        return self.program.run(self.numbers, *arrays)

    def check(self, *arrays: Any) -> None:
        """Raises what the program raises while it is traced; nothing is computed."""
        self.program.run.eval_shape(self.numbers, *arrays)


@functools.lru_cache(KEPT)
def program_of(recipe: Recipe) -> Program:
    """The program of a recipe, which is kept."""
    return Program(recipe)


def _structure(part: Any) -> Hashable:
    """A plugin's own; that of another pytree; what holds no numbers, such as a name, is all structure."""
    if isinstance(part, Fields):
        return structure_of(part)
    return jax.tree.structure(part) if _is_tree(part) else part


def _numbers(part: Any) -> Any:
    return numbers_of(part) if isinstance(part, Fields) else jax.tree.leaves(part) if _is_tree(part) else ()


def _put_together(structure: Any, numbers: Any) -> Any:
    if isinstance(structure, Structure):
        return with_numbers(structure, numbers)
    return jax.tree.unflatten(structure, numbers) if isinstance(structure, jax.tree_util.PyTreeDef) else structure


def _is_tree(part: Any) -> bool:
    return not jax.tree_util.all_leaves([part])


@functools.cache
def _say(sentence: str) -> None:
    """Once per process: the programs of training and of looking would say the same."""
    log.info("%s", sentence)


def _file(cls: type) -> str:
    try:
        return inspect.getsourcefile(cls) or repr(cls)
    except TypeError:  # typed into a notebook
        return repr(cls)
