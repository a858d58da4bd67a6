"""Keeps what a plugin does to the whole process from others, while it is imported and while a run uses it."""

import contextlib
import io
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from framework.registry.whole_process import AT_WORK, IMPORTED, put_back

log = logging.getLogger("whygrok")

SLOW_SECONDS = 3.0  # an import that takes longer is named
SHOWN = 200  # characters of what a plugin printed
GUESTS = "_whygrok_guests"  # an attribute of errors
_told: dict[str, set[str]] = defaultdict(set)  # plugins → which changes of theirs a warning has named


@contextlib.contextmanager
def isolated(place: str) -> Iterator[None]:
    """Inside, a plugin is imported: what it prints is logged under its name, and what it sets for the whole process is put back.

    That is JAX's configuration, environment variables of JAX and matplotlib, the working folder, signal handlers, the root logger,
    the functions of Python that everything calls, and the states of Python's and NumPy's own random numbers. place: the plugin, as a
    warning names it. Threads and processes that it starts are not looked for.
    """
    printed, started = _Printed(), time.monotonic()
    try:
        with put_back(f"plugin {place}", IMPORTED), contextlib.redirect_stdout(printed):
            yield
    finally:
        if (seconds := time.monotonic() - started) > SLOW_SECONDS:
            log.info("plugin %s took %.0f s to import", place, seconds)
        if said := printed.ended():
            log.info("plugin %s printed while it was imported: %s", place, said[:SHOWN])


class Guests:
    """The plugins of one experiment that are not ours: what they set for the whole process while it uses them is put back.

    As `isolated`, and what NumPy does where a number overflows, and the filters of warnings; but not the root logger, and random
    numbers they may draw.
    """

    def __init__(self, places: Sequence[str]):
        """places: the modules or files of the plugins. Each change is told of once in a process."""
        self._words = f"plugin {' or '.join(places)}" if places else ""

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside, they may run."""
        if not self._words:
            yield
            return
        try:
            with put_back(self._words, AT_WORK, _told[self._words]):
                yield
        except Exception as error:
            vars(error).setdefault(GUESTS, self._words)
            raise


def guests_of(error: BaseException) -> str:
    """'plugin FILE': whose plugins were at work when an error was raised, in whatever code; empty where all are ours."""
    return vars(error).get(GUESTS, "")


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
