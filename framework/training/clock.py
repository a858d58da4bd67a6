"""Where the seconds of a session go: accounts by name, and what JAX spends on making programs apart from all of them."""

import contextlib
import functools
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Generator, Sequence
from time import perf_counter
from typing import Any

import jax

TRAINING, COMPILING, RECORDING, CHECKPOINTS = "training", "compiling", "recording", "checkpoints"
INTERVENTIONS, DRAWING, REST = "interventions", "drawing", "the rest"
PROBES = "probes."  # before the name of a probe
_EVENTS = "/jax/core/compile/"  # tracing, lowering, and XLA's part, or reading what is kept


class Clock:
    """Accounts of seconds, none of which holds what another does. Compiling is an account of its own, whoever it is done for."""

    def __init__(self) -> None:
        self.seconds, self.times = defaultdict[str, float](float), Counter[str]()  # by account; times: how often something was added
        self._start = perf_counter()

    @contextlib.contextmanager
    def spending(self, account: str) -> Generator[None, Any, None]:
        """What is done inside goes to an account."""
        begin, compiled = perf_counter(), compiler().seconds
        try:
            yield
        finally:
            compiling = compiler().seconds - compiled
            self.add(account, perf_counter() - begin - compiling)
            self.add(COMPILING, compiling)

    def add(self, account: str, seconds: float) -> None:
        """Puts seconds on an account."""
        self.seconds[account] += max(seconds, 0.0)
        self.times[account] += 1

    @property
    def accounts(self) -> dict[str, float]:
        """All accounts, to the millisecond, and the rest of the time since the clock was made."""
        whole = perf_counter() - self._start
        found = dict(self.seconds) | {REST: max(whole - sum(self.seconds.values()), 0.0)}
        return {name: round(seconds, 3) for name, seconds in found.items()}


@contextlib.contextmanager
def shared(clocks: Sequence[Clock], account: str) -> Generator[None, Any, None]:
    """What is done inside goes to several clocks, in equal parts."""
    whole = Clock()
    with whole.spending(account):
        yield
    for clock in clocks:
        for name, seconds in whole.seconds.items():
            clock.add(name, seconds / len(clocks))


class Compiler:
    """How long JAX has been making programs in this process, from what it says of each of them."""

    def __init__(self) -> None:
        self.seconds, self._lock = 0.0, threading.Lock()
        self._spans = deque[tuple[float, float]](maxlen=1000)  # (end, seconds) of those that may turn out to be part of another

    def hear(self, event: str, duration_secs: float, **_: Any) -> None:
        """A part of the work that has just ended; what was done for a program inside of it is not counted twice."""
        if not event.startswith(_EVENTS):
            return
        end = perf_counter()
        with self._lock:  # any thread may compile
            while self._spans and self._spans[-1][0] > end - duration_secs:
                self.seconds -= self._spans.pop()[1]
            self._spans.append((end, duration_secs))
            self.seconds += duration_secs


@functools.cache
def compiler() -> Compiler:
    """The one of this process, which listens from the first call on."""
    made = Compiler()
    jax.monitoring.register_event_duration_secs_listener(made.hear)
    return made


def in_words(seconds: float | int) -> str:
    """'0.35 s', '20 s', '29 minutes', '3.5 hours'."""
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 99.5 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
