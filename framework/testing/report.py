"""The outcome of checking a plugin: as an error for tests, as text for the shell."""

from typing import Any

from framework import registry
from framework.interfaces import Plugin
from framework.testing.promises import Finding, look
from framework.testing.subject import Subject
from framework.training import Experiment


def findings(plugin: Plugin, around: Experiment | None = None) -> list[Finding]:
    """The outcome of every promise that plugins of this kind make, in order."""
    return look(Subject(plugin, around))


def check(plugin: Any, around: Experiment | None = None) -> None:
    """Raises AssertionError with one line for each promise that the plugin does not keep; a plugin of any kind.

    around: an experiment that supplies the other parts, in place of modular addition at p = 5.
    """
    if isinstance(plugin, type) or not isinstance(plugin, Plugin):
        name = plugin.__name__ if isinstance(plugin, type) else type(plugin).__name__
        raise TypeError(f"{name} is not a plugin object: give one, such as check({name}())")
    if broken := [finding for finding in findings(plugin, around) if finding.broken and not finding.unchecked]:
        raise AssertionError("\n".join([f"{type(plugin).__name__} does not keep", *(f"  {f.promise}: {f.broken}" for f in broken)]))


def check_kind(kind: str, plugin: Any, around: Experiment | None = None) -> None:
    """`check` for a plugin that must be of this kind."""
    if isinstance(plugin, Plugin) and registry.interface_of(type(plugin)) != kind:
        found = registry.interface_of(type(plugin))
        raise TypeError(f"check_{kind} was given a {found}, {type(plugin).__name__}: use check_{found}")
    check(plugin, around)
