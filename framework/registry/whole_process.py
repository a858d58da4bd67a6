"""What belongs to the whole process and plugins may set all the same: it can be read, and put back."""

import contextlib
import logging
import os
import random
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.errors import named
from framework.storage.reading import read_text

log = logging.getLogger("whygrok")

VARIABLES = ("JAX_", "XLA_", "WHYGROK_PROGRAMS", "MPLBACKEND", "MATPLOTLIBRC")  # how names begin on which numbers or pictures depend
MODULES = (  # whose public names others of a process use: what is put in the place of one would be used as well
    *("builtins", "json", "math", "os", "random", "time", "numpy", "numpy.linalg", "numpy.random", "optax", "flax.nnx"),
    *("jax", "jax.lax", "jax.nn", "jax.numpy", "jax.numpy.linalg", "jax.random", "jax.scipy.linalg", "jax.tree", "jax.tree_util"),
)
HOOKS = ("excepthook", "unraisablehook")  # of sys, whose other names change for good reasons
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM")
_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))

_own: dict[str, Any] = {}  # what we have set ourselves

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


def _alarm() -> Setting:
    """Whether a signal is to come later: it would come in the middle of our own code."""
    if threading.current_thread() is not threading.main_thread():
        return dict, lambda *_: None
    words = "the alarm clock"
    return lambda: {words: signal.getitimer(signal.ITIMER_REAL)[0] > 0}, lambda *_: signal.setitimer(signal.ITIMER_REAL, 0)


def _interpreter() -> Setting:
    """How deep calls may go, where modules are found, and who may read new files."""
    limit, path, mask = "the deepest recursion", "sys.path", "the umask"
    known = list(sys.path)

    def lost() -> set[str]:
        return {*known} - {*sys.path}  # a plugin may add folders, where it finds what it imports later

    def read() -> dict[str, Any]:
        found = {limit: sys.getrecursionlimit(), path: _Hidden(bool(lost()), list(sys.path))}
        return found if (now := _umask()) is None else {**found, mask: now}

    def write(name: str, value: Any) -> None:
        if name == limit:
            sys.setrecursionlimit(value)
        elif name == mask:
            os.umask(value)
        else:
            sys.path[:] = value.value

    return read, write


def _umask() -> int | None:
    """As the kernel says; os.umask tells it only by setting another, under which any thread could make a file meanwhile."""
    try:
        said = read_text("/proc/self/status", errors="replace")
    except OSError:
        return None
    found = re.search(r"^Umask:\s*([0-7]+)$", said, re.MULTILINE)
    return int(found[1], 8) if found else None


def _functions() -> Setting:
    """What a plugin has put something of its own in the place of. Only what is changed is read: there are two thousand names."""
    before = {owner: dict(vars(owner)) for owner in (Path, *map(sys.modules.get, MODULES)) if owner is not None}
    before[sys] = {name: getattr(sys, name) for name in HOOKS}
    owners = {owner.__name__: owner for owner in before}

    def read() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for owner, kept in before.items():
            now = vars(owner)
            found |= {
                f"{name} of {owner.__name__}": now.get(name)
                for name, value in kept.items()
                if now.get(name) is not value and _counts(name, value)
            }
        return found

    def write(place: str, _: Any) -> None:
        name, _, owner = place.partition(" of ")
        setattr(owners[owner], name, before[owners[owner]][name])

    return read, write


def _counts(name: str, value: Any) -> bool:
    """Whether it is a function, a class or a number with a public name; modules are loaded when somebody first needs them."""
    return name[0] != "_" and (callable(value) or isinstance(value, float))


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
    """The level below which nothing is logged, and whether what we log is heard: logging.config silences all loggers that are there."""
    level, voice = "the level below which nothing is logged", "what whygrok logs"

    def read() -> dict[str, Any]:
        now = log.disabled, log.level, log.propagate, list(log.handlers)
        return {level: logging.root.manager.disable, voice: _Hidden(str(now), now)}

    def write(name: str, value: Any) -> None:
        if name == level:
            logging.disable(value)
        else:
            log.disabled, log.level, log.propagate, log.handlers[:] = value.value

    return read, write


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


def set_by_us(settings: dict[str, Any]) -> None:
    """Notes what is ours, not that of a plugin inside whose work it was set."""
    _own.update(settings)


@contextlib.contextmanager
def put_back(plugin: str, settings: Iterable[Callable[[], Setting]], told: set[str] | None = None) -> Iterator[None]:
    """What changes inside is put back at the end, and a warning names the plugin for each change that is not among those `told`.

    Nobody can tell which thread changed something: what the user's own threads set meanwhile is put back as well.
    """
    pairs, process = [setting() for setting in settings], os.getpid()
    before = [read() for read, _ in pairs]
    try:
        yield
    finally:
        if os.getpid() != process:  # it would go on beside us, in the same files
            log.warning("%s has forked, and process %d came back as well: it ends here", plugin, os.getpid())
            os._exit(1)
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
        if any(name in kept and kept[name] == value for kept in (old, _own)):
            continue
        how = "it is put back"
        try:
            write(name, old.get(name))
        except Exception as error:  # whatever a library says to a setting that comes too late
            how = f"it cannot be put back: {named(error)}"
        found.append((name, (f"{name} to {value}", how)))
    return found


# First the functions that reading and writing the others calls, then what lets them be heard.
_ALWAYS = (_functions, _interpreter, _silence, _jax_settings, _variables, _folder, _alarm, _handlers)
IMPORTED = (*_ALWAYS, _logging, _generators)  # a module has no reason to draw random numbers while it is imported
AT_WORK = (*_ALWAYS, _floating_point, _warnings)  # not the root logger, which libraries set when they begin to speak
