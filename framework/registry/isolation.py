"""What the import of a plugin may not change for others: it is put back, and the plugin is named."""

import builtins
import contextlib
import io
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger("whygrok")

SLOW_SECONDS = 3.0  # an import that takes longer is named
SHOWN = 200  # characters of what a plugin printed
VARIABLES = (
    "JAX_",
    "XLA_",
    "WHYGROK_PROGRAMS",
    "MPL",
    "MATPLOTLIBRC",
)  # how the names of environment variables begin on which numbers or pictures depend
FUNCTIONS = (  # of modules, which others of a process call: what is put in their place would be called as well
    (builtins, ("print", "open", "input", "__import__", "isinstance", "len", "sum")),
    (os, ("open", "replace", "rename", "remove", "fork")),
    (time, ("time", "monotonic", "sleep")),
    (sys, ("excepthook", "unraisablehook")),
)
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2") if hasattr(signal, name))


@contextlib.contextmanager
def isolated(place: str) -> Iterator[None]:
    """Inside, a plugin is imported: what it prints is logged under its name, and what it sets for the whole process is put back.

    That is JAX's configuration, environment variables of JAX and matplotlib, the working folder, signal handlers, the root logger,
    the functions of Python that everything calls, and the states of Python's and NumPy's own random numbers. place: the plugin, as a
    warning names it. Threads and processes that it starts are not looked for.
    """
    import jax  # here: who only asks for names does not wait for it

    settings = (_jax_settings(jax), _variables(), _folder(), _handlers(), _logging(), _functions(), _generators())
    before = [read() for read, _ in settings]
    printed, started = _Printed(), time.monotonic()
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        if (seconds := time.monotonic() - started) > SLOW_SECONDS:
            log.info("plugin %s took %.0f s to import", place, seconds)
        if said := printed.ended():
            log.info("plugin %s printed while it was imported: %s", place, said[:SHOWN])
        for (read, write), old in zip(settings, before, strict=True):
            changed = {name: value for name, value in read().items() if name not in old or old[name] != value}
            gone = {name: None for name in old if name not in read()}
            for name, value in (changed | gone).items():
                try:
                    write(name, old.get(name))
                    log.warning("plugin %s changed %s to %s for the whole process; it is put back", place, name, value)
                except Exception as error:  # whatever a library says to a setting that comes too late
                    log.warning("plugin %s changed %s to %s for the whole process, which cannot be undone: %s", place, name, value, error)


class _Printed(io.TextIOBase):
    """Keeps what is printed until it has ended; whoever still holds it then, such as a log handler, prints where all others do."""

    def __init__(self) -> None:
        self._heard: io.StringIO | None = io.StringIO()

    def write(self, text: str) -> int:
        """As of any text stream."""
        return (self._heard or sys.stdout).write(text)

    def ended(self) -> str:
        """What was printed so far, in one line."""
        said, self._heard = self._heard.getvalue() if self._heard else "", None
        return " ".join(said.split())


Setting = tuple[Callable[[], dict[str, Any]], Callable[[str, Any], object]]  # how all are read, and how one is written


def _jax_settings(jax: Any) -> Setting:
    return lambda: dict(jax.config.values), jax.config.update


def _variables() -> Setting:
    def write(name: str, value: str | None) -> None:
        os.environ.pop(name, None)
        os.environ.update({} if value is None else {name: value})

    return lambda: {name: value for name, value in os.environ.items() if name.startswith(VARIABLES)}, write


def _folder() -> Setting:
    return lambda: {"the working folder": os.getcwd()}, lambda _, folder: os.chdir(folder)


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
        lambda: {f"{name} of {module.__name__}": vars(module)[name] for module, names in FUNCTIONS for name in names},
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
        elif name == "the root logger's level":
            root.setLevel(value)
        else:
            logging.disable(value)

    def read() -> dict[str, Any]:
        levels = {"the root logger's level": root.level, "the level below which nothing is logged": root.manager.disable}
        return {"the root logger's handlers": list(root.handlers), **levels}

    return read, write
