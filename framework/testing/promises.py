"""Promises of a plugin as functions: each is called with a subject and raises Broken where it is not kept."""

import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from framework.errors import UserError, named
from framework.testing.subject import Subject

EVERY = "plugin"  # the kind of those promises that plugins of all kinds make


class Broken(Exception):
    """A promise is not kept; the message says in one sentence what is wrong, and what to do."""


class NotAsked(Exception):
    """A promise cannot be looked at on this machine; the message says why in one sentence."""


@dataclass(frozen=True)
class Promise:
    """One thing that a plugin of a kind must do: its name, in words, and the function that checks it.

    is_basis: if it is broken, nothing that comes later can be checked.
    """

    name: str
    words: str
    check: Callable[[Any], None]
    is_basis: bool


@dataclass(frozen=True)
class Finding:
    """The outcome of one promise. broken: what is wrong, in one sentence; None where it is kept.

    unchecked: it could not be checked, for the reason that broke an earlier promise. not_asked: why it was not looked at here.
    """

    promise: str
    words: str
    broken: str | None = None
    unchecked: bool = False
    not_asked: str | None = None


_PROMISES: dict[str, list[Promise]] = {}


def promise(kind: str, is_basis: bool = False) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Adds a function to the promises of a kind, in the order of definition; its docstring is the promise in words."""

    def add(check: Callable[[Any], None]) -> Callable[[Any], None]:
        words = (inspect.getdoc(check) or "").partition("\n")[0]
        _PROMISES.setdefault(kind, []).append(Promise(check.__name__.replace("_", " "), words, check, is_basis))
        return check

    return add


def promises(kind: str) -> list[Promise]:
    """What a plugin of this kind promises, in the order in which it is checked."""
    return [*_PROMISES[EVERY], *_PROMISES.get(kind, [])]


def look(subject: Subject) -> list[Finding]:
    """Checks every promise of a plugin. What breaks several for one reason is reported once."""
    found: list[Finding] = []
    missing_basis: str | None = None
    for one in promises(subject.kind):
        try:
            broken = missing_basis or _broken(one, subject)
        except NotAsked as reason:
            found.append(Finding(one.name, one.words, not_asked=str(reason)))
            continue
        known = broken is not None and any(broken == earlier.broken for earlier in found)
        found.append(Finding(one.name, one.words, broken, unchecked=known))
        missing_basis = broken if one.is_basis else missing_basis
    return found


def _broken(one: Promise, subject: Subject) -> str | None:
    try:
        with subject.scope():
            one.check(subject)
    except Broken as broken:
        return str(broken)
    except NotAsked:
        raise
    except UserError as error:
        return str(error)
    except Exception as error:  # the plugin is a stranger's: anything may come out of it
        return _in_one_sentence(error, subject.file)
    return None


def _in_one_sentence(error: Exception, file: str | None) -> str:
    """'TypeError: … (plugin.py:12)': the error's first line, and the plugin's own line where it arose."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return named(error) + (f" ({file}:{lines[-1]})" if lines else "")
