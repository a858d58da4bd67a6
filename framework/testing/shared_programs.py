"""What a plugin promises about compiled programs: runs that differ in its numbers share them, and each has its own numbers."""

import contextlib
import dataclasses
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from framework.errors import UserError, named, words_of
from framework.fields import Fields, declared_fields, numbers_of, parts, structure_of, with_numbers
from framework.testing.promises import Broken
from framework.testing.subject import Subject
from framework.training import Experiment, Shared, leaf_name
from framework.training.sharing import program_of

OTHERWISE = "or declare it with field(…, structural=True), so that each of its values has programs of its own"


def check_shares_programs(subject: Subject, due: tuple[str, ...] = ()) -> None:
    """Raises Broken for the first number of the plugin that its compiled programs cannot be given, or do not use.

    due: the probes whose programs are looked at, in place of those of training and of the task's metrics.
    """
    plugin = dataclasses.replace(subject.plugin)  # made anew: the last that was made, for whatever remembers that
    mine = _programs(subject.with_plugin(plugin), due)
    for shared, arrays in mine:
        _check_copied(plugin, shared, arrays)
    for name in (declared.name for declared in declared_fields(type(plugin)) if declared.is_number(getattr(plugin, declared.name))):
        for shared, arrays in mine:
            _check_traced(name, plugin, shared, arrays)
    program_of.cache_clear()
    for shared, arrays in mine:
        shared(*_copies(arrays))  # compiled with the first value, and then used with another one
    different = dict(others(plugin))
    if together := _all_at_once(plugin, different):  # compiling is what takes time: one by one only to name what is wrong
        with contextlib.suppress(Broken):
            return _check_others(subject, mine, {"": together}, due)
    _check_others(subject, mine, different, due)


def _check_others(subject: Subject, mine: list[tuple[Shared, tuple]], different: dict[str, Any], due: tuple[str, ...]) -> None:
    for name, other in different.items():
        other = dataclasses.replace(other)  # again the last that was made
        for (first, _), (shared, arrays) in zip(mine, _programs(subject.with_plugin(other), due), strict=True):
            _check_structure(subject.kind, name, first, shared)
            _check_same(name, shared(*_copies(arrays)), shared.alone(*_copies(arrays)))


def _all_at_once(plugin: Any, different: dict[str, Any]) -> Any:
    """The plugin with all of the other values; None where there are none, or where they do not go together."""
    try:
        return dataclasses.replace(plugin, **{name: getattr(other, name) for name, other in different.items()}) if different else None
    except UserError:
        return None


def _programs(made: Experiment, due: tuple[str, ...]) -> list[tuple[Shared, tuple]]:
    """The programs to look at, each with its arrays: those of training and of the task's metrics, or of the probes alone."""
    found = made.programs(made.initial_state(), due)
    return found[2:] if due else found


def _check_structure(kind: str, name: str, one: Shared, other: Shared) -> None:
    """Raises Broken where two values of a field do not share a program."""
    if one.recipe != other.recipe and kind == "model":
        held = f"field {name!r} is built into the network as a Python number: hold it as framework.Constant(self.{name})"
        raise Broken(f"{held}, {OTHERWISE}")
    if one.recipe != other.recipe:
        held = f"an attribute that is no field follows from field {name!r}, so that each value compiles programs of its own"
        raise Broken(f"{held}: compute it where it is used, {OTHERWISE}")


def others(plugin: Any) -> Iterator[tuple[str, Any]]:
    """(field, the plugin with another value of it), for every field that is passed to compiled programs as a number."""
    for declared in declared_fields(type(plugin)):
        value = getattr(plugin, declared.name)
        if declared.is_part or not declared.is_number(value):
            continue
        for candidate in (0.5 * value, 2.0 * value, 0.25, 0.75, 3.0):
            try:
                other = dataclasses.replace(plugin, **{declared.name: candidate})
            except UserError:  # outside of its limits
                continue
            if candidate != value and declared.is_number(candidate):
                yield declared.name, other
                break


def _place(plugin: Any, shared: Shared) -> tuple[str, str, Any] | None:
    """(part of the program, dotted path of the plugin inside it, that part); None where the plugin is none of the program's."""
    found = (
        (part, path, held)
        for part, held in vars(shared.parts).items()
        if isinstance(held, Fields)
        for path, inner in parts(held)
        if inner is plugin
    )
    return next(found, None)


def _check_copied(plugin: Any, shared: Shared, arrays: tuple) -> None:
    """Raises Broken where a copy that is made of the plugin's fields alone does not compute."""
    if (place := _place(plugin, shared)) is None:
        return
    part, _, held = place
    copy = with_numbers(structure_of(held), numbers_of(held))

    def call(*arrays: Any) -> Any:
        return shared.recipe.function(SimpleNamespace(**vars(shared.parts) | {part: copy}), *arrays)

    try:
        jax.make_jaxpr(call)(*arrays)
    except Exception as error:  # the plugin is a stranger's: anything may come out of it
        said = named(error)
        raise Broken(f"a copy that is made of its fields does not compute ({said}): keep nothing outside of fields and state") from None


def _check_traced(name: str, plugin: Any, shared: Shared, arrays: tuple) -> None:
    """Raises Broken where a program cannot be compiled for an unknown value of the field, or keeps what belongs to it."""
    if (place := _place(plugin, shared)) is None:  # a model is no part of a program: its network is
        return
    part, path, held = place

    def call(number: Any, *arrays: Any) -> Any:
        traced = with_numbers(structure_of(held), numbers_of(held) | {f"{path}.{name}".lstrip("."): number})
        return shared.recipe.function(SimpleNamespace(**vars(shared.parts) | {part: traced}), *arrays)

    try:
        with jax.checking_leaks():
            jax.make_jaxpr(call)(jnp.asarray(getattr(plugin, name)), *arrays)
    except Exception as error:  # the plugin is a stranger's: anything may come out of it
        if "Leaked" in words_of(error):
            raise Broken(f"field {name!r} or what follows from it is kept from one call to the next: compute it anew in each") from None
        said = named(error)
        rule = "compute with it through jax.numpy, without if or float()"
        raise Broken(f"field {name!r} cannot be passed to a compiled program ({said}): {rule}, {OTHERWISE}") from None


def _check_same(name: str, together: Any, alone: Any) -> None:
    for (path, one), other in zip(jax.tree.leaves_with_path(together), jax.tree.leaves(alone), strict=True):
        if jnp.issubdtype(one.dtype, jnp.floating) and not np.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True):
            raise Broken(
                f"field {name!r} is held as a Python constant: a program that runs with other values of it share gives another "
                f"{leaf_name(path)} than one of its own. Read self.{name} where it is used, {OTHERWISE}"
            )


def _copies(arrays: tuple) -> tuple:
    """The arrays again: a training program uses up what it is given."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), arrays)
