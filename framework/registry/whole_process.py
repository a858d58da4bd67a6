"""What belongs to the whole process and plugins may set all the same: it can be read, and put back."""

import builtins
import contextlib
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger("whygrok")

VARIABLES = ("JAX_", "XLA_", "WHYGROK_PROGRAMS", "MPLBACKEND", "MATPLOTLIBRC")  # how names begin on which numbers or pictures depend
FUNCTIONS = (  # of modules, which others of a process call: what is put in their place would be called as well
    (builtins, ("print", "open", "input", "__import__", "isinstance", "len", "sum")),
    (os, ("open", "replace", "rename", "remove", "fork")),
    (time, ("time", "monotonic", "sleep")),
    (sys, ("excepthook", "unraisablehook")),
)
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2") if hasattr(signal, name))

Setting = tuple[Callable[[], dict[str, Any]], Callable[[str, Any], object]]  # how all are read, and how one is written


def _jax_settings() -> Setting:
    import jax  # here: who only asks for names does not wait for it

    names = tuple(jax.config.values)  # a library that is imported later may bring settings of its own
    return lambda: {name: value for name, value in jax.config.values.items() if name in names}, jax.config.update


def _variables() -> Setting:
    def write(name: str, value: str | None) -> None:
        os.environ.pop(name, None)
        os.environ.update({} if value is None else {name: value})

    return lambda: {name: value for name, value in os.environ.items() if name.startswith(VARIABLES)}, write


def _folder() -> Setting:
    def read() -> dict[str, Any]:
        try:
            return {"the working folder": os.getcwd()}
        except FileNotFoundError:  # somebody has removed it
            return {}

    return read, lambda _, folder: os.chdir(folder)


def _handlers() -> Setting:
    if threading.current_thread() is not threading.main_thread():  # where Python sets no handlers
        return dict, lambda *_: None
    return (
        lambda: {f"the handler of {number.name}": signal.getsignal(number) for number in _SIGNALS},
        lambda name, handler: signal.signal(signal.Signals[name.rpartition(" ")[2]], handler),
    )


def _functions() -> Setting:
    """What a plugin may have put its own function in the place of."""
    return (
        lambda: {f"{name} of {module.__name__}": vars(module).get(name) for module, names in FUNCTIONS for name in names},
        lambda place, function: setattr(sys.modules[place.rpartition(" ")[2]], place.partition(" ")[0], function),
    )


def _generators() -> Setting:
    """The random numbers that a user's own script may have seeded; NumPy's where it is there already."""

    def read() -> dict[str, Any]:
        found: dict[str, Any] = {"the state of random": _Hidden(random.getstate(), random.getstate())}
        if "numpy.random" in sys.modules:
            state = sys.modules["numpy.random"].get_state(legacy=False)  # a dict, whatever the generator
            found["the state of numpy.random"] = _Hidden(repr(state), state)
        return found

    def write(name: str, state: Any) -> None:
        if name == "the state of random":
            random.setstate(state.value)
        else:
            import numpy as np

            np.random.set_state(state.value)

    return read, write


@dataclass(frozen=True)
class _Hidden:
    """A value that is too long for a message, and what tells whether it is the same."""

    told: Any
    value: Any = field(compare=False)

    def __str__(self) -> str:
        return "another"


def _logging() -> Setting:
    root = logging.getLogger()

    def write(name: str, value: Any) -> None:
        if name == "the root logger's handlers":
            root.handlers[:] = value
        else:
            root.setLevel(value)

    def read() -> dict[str, Any]:
        return {"the root logger's handlers": list(root.handlers), "the root logger's level": root.level}

    return read, write


def _silence() -> Setting:
    """The level below which nothing is logged."""
    words = "the level below which nothing is logged"
    return lambda: {words: logging.root.manager.disable}, lambda _, level: logging.disable(level)


def _floating_point() -> Setting:
    """What NumPy does where a number overflows."""
    import numpy as np

    return lambda: {f"NumPy's answer to {kind}": value for kind, value in np.geterr().items()}, lambda name, value: np.seterr(
        **{name.rpartition(" ")[2]: value}
    )


def _warnings() -> Setting:
    """Which warnings are shown, and which are errors. Python then remembers which of them it has shown."""

    def write(_: str, filters: Any) -> None:
        warnings.filters[:] = filters.value  # type: ignore[index]
        warnings._filters_mutated()  # type: ignore[attr-defined]

    def read() -> dict[str, Any]:
        return {"the filters of warnings": _Hidden(tuple(map(str, warnings.filters)), list(warnings.filters))}

    return read, write


@contextlib.contextmanager
def put_back(plugin: str, settings: Iterable[Callable[[], Setting]], told: set[str] | None = None) -> Iterator[None]:
    """What changes inside is put back at the end, and a warning names the plugin for each change that is not among those `told`.

    Nobody can tell which thread changed something: what the user's own threads set meanwhile is put back as well.
    """
    pairs = [setting() for setting in settings]
    before = [read() for read, _ in pairs]
    try:
        yield
    finally:
        said = [words for (read, write), old in zip(pairs, before, strict=True) for words in _restored(read, write, old)]
        for name, how in said:  # all is as it was by now, what a log record needs too
            if told is None or name not in told:
                log.warning("%s changed %s for the whole process; %s", plugin, how[0], how[1])
            (told if told is not None else set()).add(name)


def _restored(
    read: Callable[[], dict[str, Any]], write: Callable[[str, Any], object], old: dict[str, Any]
) -> list[tuple[str, tuple[str, str]]]:
    """Puts back what is not as it was; each name with what it was changed to and whether it could be put back."""
    found = []
    for name, value in (dict.fromkeys(old) | read()).items():  # None: it is gone
        if name in old and old[name] == value:
            continue
        how = "it is put back"
        try:
            write(name, old.get(name))
        except Exception as error:  # whatever a library says to a setting that comes too late
            how = f"it cannot be put back: {error}"
        found.append((name, (f"{name} to {value}", how)))
    return found


_ALWAYS = (_silence, _jax_settings, _variables, _folder, _handlers, _functions)  # first what lets the others be heard
IMPORTED = (*_ALWAYS, _logging, _generators)  # a module has no reason to draw random numbers while it is imported
AT_WORK = (*_ALWAYS, _floating_point, _warnings)  # not the root logger, which libraries set when they begin to speak
