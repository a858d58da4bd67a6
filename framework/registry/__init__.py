"""Finds plugins by kind and name: the built-in package, installed packages, files named in a config."""

import contextlib
import dataclasses
import functools
import importlib
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from framework.errors import UserError, did_you_mean, named, one_of, quoted, words_of
from framework.fields import declared_fields, found_by_name, make
from framework.registry.importing import ENTRY_POINTS, FILE_PREFIX, import_file, installed_plugins, line_of, modules_below
from framework.registry.importing import broken_package as broken_package
from framework.registry.isolation import Guests as Guests
from framework.registry.isolation import guests_of as guests_of
from framework.registry.isolation import isolated
from framework.registry.trusting import check_destinations, check_plugins, note_destinations, trust_destinations, trust_plugins
from framework.registry.whole_process import set_by_us as set_by_us

log = logging.getLogger("whygrok")

KINDS = (
    *("task", "model", "optimizer", "penalty", "loss", "probe", "intervention", "writer"),  # parts of an experiment
    *("claim", "figure", "certificate", "benchmark", "engine"),
)
PLURALS = {kind: {"penalty": "penalties", "loss": "losses"}.get(kind, f"{kind}s") for kind in KINDS}
NAME = r"[a-z][a-z0-9_]*"  # what a plugin may be called

PluginClass = TypeVar("PluginClass", bound=type)


class DuplicateName(UserError):
    """Two plugins of one kind ask for the same name. holder: the class that has it."""

    def __init__(self, message: str, kind: str, name: str, holder: type):
        super().__init__(message)
        self.key, self.holder = (kind, name), holder


@dataclasses.dataclass(frozen=True)
class Entry:
    """A registered plugin."""

    kind: str
    name: str
    cls: type

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.cls) or "").partition("\n")[0]

    @property
    def source(self) -> str:
        """Where it is defined: a module of ours or of a package, or a user's file."""
        return source_of(self.cls)


_entries: dict[tuple[str, str], Entry] = {}
_loaded: set[str] = set()  # built-in kinds, "entry points", user files
_failures: dict[str, str] = {}  # what could not be imported, and why
_ambiguous: dict[tuple[str, str], str] = {}  # names that two installed packages ask for: using one is an error that says so


def register(name: str) -> Callable[[PluginClass], PluginClass]:
    """Makes a frozen keyword-only dataclass available by name; its kind follows from the interface it subclasses.

    Raises UserError when the class is not such a dataclass, and DuplicateName when the name is taken.
    """

    def decorate(cls: PluginClass) -> PluginClass:
        kind = next((kind for kind, base in _interfaces().items() if isinstance(cls, type) and issubclass(cls, base)), None)
        if kind is None:
            bases = one_of(base.__name__ for base in _interfaces().values())
            raise UserError(f"{_place(cls)}: @register({name!r}) needs a subclass of one of {bases}.")
        if not re.fullmatch(NAME, name):
            raise UserError(f"{_place(cls)}: {name!r} cannot be a plugin name: use lower-case letters, digits and _, a letter first.")
        _check_dataclass(cls)
        known = _entries.get((kind, name))
        if known and _identity(known.cls) != _identity(cls):
            said = f"two {PLURALS[kind]} are called {name!r}: {_place(known.cls)} and {_place(cls)}. Rename one."
            raise DuplicateName(said, kind, name, known.cls)
        _entries[kind, name] = Entry(kind, name, cls)
        return cls

    return decorate


def lookup(kind: str, name: str) -> type:
    """The plugin class of that name. Raises UserError naming the nearest one."""
    if kind not in KINDS:
        raise UserError(f"there is no plugin kind {kind!r}.{did_you_mean(kind, KINDS)} Kinds: {one_of(KINDS)}.")
    _load_installed(kind)
    if (kind, name) in _ambiguous:
        raise UserError(f"{_ambiguous[kind, name]} Or uninstall one of the two packages.")
    if (kind, name) not in _entries:
        known = [entry.name for entry in entries(kind)]
        broken = "".join(f" ({place} could not be loaded: {reason})" for place, reason in _failures.items())
        raise UserError(f"there is no {kind} called {quoted(name)}.{did_you_mean(name, known)} {PLURALS[kind]}: {one_of(known)}.{broken}")
    return _entries[kind, name].cls


def build(kind: str, name: str, **fields: Any) -> Any:
    """Makes a plugin from its kind ("optimizer"), its name ("adamw") and its fields (learning_rate=1e-3)."""
    return from_section(kind, {"name": name, **fields}, kind)


def from_section(kind: str, section: Any, path: str) -> Any:
    """A plugin from its section, a mapping or a ConfigDict, with the plugins that it holds. Errors name fields with the path."""
    cls = lookup(kind, section["name"])
    if lacking := sorted(getattr(cls, "__abstractmethods__", ())):
        raise UserError(f"{_place(cls)}: class {cls.__name__} has no {one_of(lacking)}, which every {kind} must have")
    fields = {name: value for name, value in section.items() if name != "name"}
    for name, inner in held(cls).items():
        if hasattr(fields.get(name), "items"):  # a section, not yet a plugin
            fields[name] = from_section(inner, fields[name], f"{path}.{name}")
    return make(cls, fields, path)


def held(cls: type) -> dict[str, str]:
    """Field → kind, of those fields of a plugin class that hold other plugins."""
    return {declared.name: interface_of(declared.type) for declared in declared_fields(cls) if declared.is_part}


def interface_of(cls: type) -> str:
    """The kind whose interface a class is or subclasses."""
    return next(kind for kind, base in _interfaces().items() if issubclass(cls, base))


found_by_name(lambda interface, name: build(interface_of(interface), name))


@functools.cache
def _interfaces() -> dict[str, type]:
    """Kind → the class that its plugins subclass. Imported here: who only asks for names does not wait for JAX."""
    from framework import interfaces

    return {kind: getattr(interfaces, kind.capitalize()) for kind in KINDS}


def section_of(plugin: Any) -> dict[str, Any]:
    """The section of a config that describes a plugin: its registered name and all its fields."""
    name = next(entry.name for entry in entries(interface_of(type(plugin))) if entry.cls is type(plugin))
    fields = {declared.name: getattr(plugin, declared.name) for declared in declared_fields(type(plugin))}
    return {"name": name, **{key: section_of(fields[key]) if key in held(type(plugin)) else value for key, value in fields.items()}}


def entries(kind: str) -> list[Entry]:
    """All plugins of a kind, by name."""
    _load_installed(kind)
    return [entry for (entry_kind, _), entry in sorted(_entries.items()) if entry_kind == kind]


def source_of(cls: type) -> str:
    """The module in which a plugin is defined, or the user's file."""
    module = sys.modules.get(cls.__module__)
    return module.__file__ if cls.__module__.startswith(FILE_PREFIX) and module and module.__file__ else cls.__module__


def is_ours(plugin: Any) -> bool:
    """Whether a plugin is one that comes with the framework."""
    return type(plugin).__module__.startswith("plugins.")


def at_work(plugin: Any) -> contextlib.AbstractContextManager[None]:
    """Where one that is no part of an experiment is called: what somebody's sets for the whole process is put back."""
    return Guests(() if is_ours(plugin) else (source_of(type(plugin)),)).at_work()


def has_imported() -> bool:
    """Whether any plugin was registered in this process yet."""
    return bool(_entries)


def defines(module: str) -> bool:
    """Whether a plugin was registered by this module."""
    return any(entry.cls.__module__ == module for entry in _entries.values())


def culprit(error: BaseException) -> str | None:
    """'FILE, line N': where the code of a plugin that is not ours raised the error, or called what raised it; None where none did."""
    found, trace = None, error.__traceback__
    while trace:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if not module.startswith("plugins.") and (module.startswith(FILE_PREFIX) or defines(module)):
            found = f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found if found or error.__cause__ is None else culprit(error.__cause__)


def failures() -> dict[str, str]:
    """What could not be imported, and why."""
    return dict(_failures)


def load_plugin(module_or_file: str) -> None:
    """Imports a plugin module, or a file when the name ends in .py (an absolute path), once.

    A file that is missing, or that registers something wrongly, is a UserError; any other failure is a warning, and
    what it would have registered stays unknown.
    """
    if module_or_file in _loaded:
        return
    is_file = module_or_file.endswith(".py")
    if is_file and not Path(module_or_file).is_file():
        where = f"if it has moved, say where it is: --config.plugins=…/{Path(module_or_file).name}"
        raise UserError(f"plugins: there is no file {module_or_file}; {where}")
    _guarded_import(module_or_file, lambda: (import_file if is_file else importlib.import_module)(module_or_file))


@contextlib.contextmanager
def temporary() -> Iterator[None]:
    """Forgets, at its end, what was registered and loaded inside it: for tests and notebooks."""
    for kind in KINDS:
        _load_installed(kind)  # what is installed stays: Python runs a module once, and it would not register again
    registered: tuple[Any, ...] = (_entries, _loaded, _failures, _ambiguous)
    saved = [live.copy() for live in registered]
    try:
        yield
    finally:
        for name in _loaded - saved[1]:
            sys.modules.pop(name, None)
        for live, old in zip(registered, saved, strict=True):
            live.clear()
            live.update(old)


def _load_installed(kind: str) -> None:
    if kind not in _loaded:
        _loaded.add(kind)
        for module in built_in_modules(kind):
            importlib.import_module(module)
    if ENTRY_POINTS not in _loaded:
        _loaded.add(ENTRY_POINTS)
        for point in installed_plugins():
            _guarded_import(f"{point.name} = {point.value}", point.load, own=False)


def built_in_modules(kind: str) -> list[str]:
    """The modules in which built-in plugins of a kind are defined; none of them is imported."""
    return modules_below(f"plugins.{PLURALS[kind]}")


def _guarded_import(place: str, load: Callable[[], Any], own: bool = True) -> None:
    """own: asked for by the user, who wants to know of a wrong @register; a stranger's harms only itself."""
    before = dict(_entries)
    try:
        with isolated(place):
            load()
        _loaded.add(place)
    except BaseException as error:  # a stranger's module may raise anything, SystemExit included
        _entries.clear()
        _entries.update(before)
        if isinstance(error, KeyboardInterrupt) or (own and isinstance(error, UserError)):
            raise
        if isinstance(error, DuplicateName) and not error.holder.__module__.startswith("plugins."):
            _ambiguous[error.key] = words_of(error)  # nobody knows which of the two is meant; a name of ours stays ours
        said = f"{named(error)}{line_of(error)}"
        if _failures.get(place) != said:  # a config is completed more than once
            _failures[place] = said
            log.warning("plugin %s could not be loaded and is skipped: %s", place, said)


def _check_dataclass(cls: type) -> None:
    from ml_collections import ConfigDict

    parameters = cls.__dict__.get("__dataclass_params__")
    if not (parameters and parameters.frozen and all(field.kw_only for field in dataclasses.fields(cls))):
        missing = f"the line @dataclass(frozen=True, kw_only=True) is missing between @register and class {cls.__name__}"
        raise UserError(f"{_place(cls)}: {missing}; without it the fields would not be configuration.")
    for field in dataclasses.fields(cls):
        if field.name == "name" or hasattr(ConfigDict, field.name):
            raise UserError(f"{_place(cls)}: a field cannot be called {field.name!r}: configs use that word themselves.")
        if field.default is dataclasses.MISSING and field.init:
            raise UserError(f"{_place(cls)}: field {field.name!r} needs a default: write {field.name}: … = field(default, help).")
        for limit in ("above", "at_least", "below", "at_most"):
            if not isinstance(value := field.metadata.get(limit), int | float | None):
                raise UserError(f"{_place(cls)}: field {field.name!r} has {limit}={value!r}: a limit is a number.")


def _identity(cls: type) -> tuple:
    """The same source seen twice (a reload, an editable install listed twice) is the same plugin."""
    return (*_location(cls), cls.__qualname__)


def _location(cls: type) -> tuple[str, int]:
    try:
        return inspect.getsourcefile(cls) or cls.__module__, inspect.getsourcelines(cls)[1]
    except (TypeError, OSError):  # a class typed into a notebook has no file
        return cls.__module__, 0


def _place(cls: type) -> str:
    file, line = _location(cls)
    return f"{file}:{line}" if line else f"{file} ({getattr(cls, '__name__', cls)})"
