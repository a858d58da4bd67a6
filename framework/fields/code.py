"""The code behind a class, as a value: a notebook or an automatic reload may change it under a class that stays the same object."""

import functools
import inspect
from collections.abc import Hashable, Iterator
from types import CodeType, FunctionType
from typing import Any

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def code_of(cls: type) -> Hashable:
    """Equal as long as the methods of a class are, with the functions and plain constants of their own modules that they name.

    What other modules define counts as part of an installed library; what is changed in place, such as a list, is not seen.
    """
    waiting = [function for base in cls.__mro__ for member in vars(base).values() for function in _functions(member)]
    codes, constants = set[CodeType](), set[tuple[str, str, Hashable]]()
    while waiting:
        function = waiting.pop()
        if function.__code__ in codes:
            continue
        codes.add(function.__code__)
        for name in _names(function.__code__):
            value = function.__globals__.get(name)
            if isinstance(value, FunctionType) and value.__globals__ is function.__globals__:
                waiting += _functions(value)
            elif name in function.__globals__ and is_plain(value):
                constants.add((str(function.__module__), name, repr(value)))
    return frozenset(codes), frozenset(constants)


def _functions(member: Any) -> Iterator[FunctionType]:
    """The functions in a member of a class: a method, those of a property, what a decorator wraps."""
    if isinstance(member, property):
        inside = [member.fget, member.fset]
    elif isinstance(member, functools.cached_property):
        inside = [member.func]
    else:
        inside = [getattr(member, "__func__", member)]
    yield from (inspect.unwrap(function) for function in inside if isinstance(function, FunctionType))


def _names(code: CodeType) -> Iterator[str]:
    """Names that the code, or a function inside it, looks up."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def is_plain(value: Any) -> bool:
    """Whether a value is a number, a word, or a tuple of those: equal ones cannot be told apart."""
    return all(map(is_plain, value)) if isinstance(value, tuple) else isinstance(value, _PLAIN)
