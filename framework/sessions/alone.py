"""A session that has the process to itself: the steps that it asks for are made in chunks of about a second."""

import contextlib
import time
from collections.abc import Generator
from typing import Any, TypeVar

from framework.interfaces import Values
from framework.sessions.loop import Host, Trainee
from framework.sessions.signals import AgreedRequest, StopRequest
from framework.training import Event, Experiment, TrainState, hosts
from framework.training.clock import TRAINING

CHUNK_SECONDS = 1.0  # how long the compiled program runs before anyone looks at signals and clocks

Result = TypeVar("Result")


class Alone(Trainee):
    """The network of such a session."""

    def __init__(self, experiment: Experiment, state: TrainState):
        super().__init__(experiment)
        self._state = state

    @property
    def state(self) -> TrainState:
        """As it is now."""
        return self._state

    def become(self, state: TrainState) -> None:
        """Goes on from another state of the same step."""
        self._state = state

    def measure(self, event: Event) -> Values:
        """What is due at an event."""
        values, self._state = self.look(event)
        return values

    def advance(self, count: int) -> int:
        """Makes so many steps; gives the first that diverged, or −1."""
        with self.clock.spending(TRAINING):
            self._state, diverged = self.experiment.advance(self._state, count)
        return diverged


class OneAlone(Host):
    """Serves one session. Of several hosts, each has one of these; they make the same chunks."""

    shows_progress = True
    width = 1

    def __init__(self) -> None:
        self._trainee: Alone | None = None
        self._stop = AgreedRequest() if hosts.count() > 1 else StopRequest()

    def seat(self, experiment: Experiment, state: TrainState) -> Alone:
        """Takes the network that the session is about to train."""
        self._trainee = Alone(experiment, state)
        return self._trainee

    def listen(self) -> contextlib.AbstractContextManager[StopRequest]:
        """While in use, signals ask the session to stop."""
        return self._stop

    def serve(self, session: Generator[int, tuple[int, int], Result]) -> Result:
        """Makes the steps that the session asks for, and gives what it ends with."""
        pace = Pace()
        made: tuple[int, int] | None = None
        with contextlib.closing(session):
            while True:
                try:  # around no code of a plugin, which may raise the same
                    wanted = next(session) if made is None else session.send(made)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                made = self._advance(wanted, pace)

    def _advance(self, wanted: int, pace: "Pace") -> tuple[int, int]:
        if not wanted:
            return 0, -1
        assert self._trainee is not None, "a session asks for steps once it is seated"
        with pace.chunk(wanted) as count:
            count = hosts.number_of_first(count)
            diverged = self._trainee.advance(count)
        self._stop.agree()
        return count, diverged


class Pace:
    """Chooses how many steps make about a second, from how long the last chunk took."""

    def __init__(self) -> None:
        self._per_second = 1.0  # so that the first chunk, which includes compiling, is short

    @contextlib.contextmanager
    def chunk(self, wanted: int) -> Generator[int, Any, None]:
        """Gives how many steps to make inside, at most `wanted`."""
        count, start = max(1, min(wanted, int(self._per_second * CHUNK_SECONDS))), time.perf_counter()
        yield count
        self._per_second = count / max(time.perf_counter() - start, 1e-9)
