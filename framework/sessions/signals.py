"""Signals ask; the loop answers after its current chunk: a handler that did more could lose the donated state."""

import signal
import threading
from types import FrameType, TracebackType

from framework.training import hosts

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")  # clusters differ in which one they send


class StopRequest:
    """While in use, the first SIGINT, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2 sets `received`; those that follow change nothing."""

    def __init__(self) -> None:
        self.received: str | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for name in NAMES:
                number = getattr(signal, name)
                if name != "SIGHUP" or signal.getsignal(number) != signal.SIG_IGN:  # nohup asks for this
                    self._previous[number] = signal.signal(number, self._note)
        for outer in self._around():  # a signal may have come before this run began to listen
            self.received = self.received or outer.received
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        for outer in self._around():
            outer.received = outer.received or self.received

    def agree(self) -> None:
        """On one host, what is received is known already."""

    def _around(self) -> list["StopRequest"]:
        """The requests of a sweep around this run, which stop together with it."""
        return [outer for handler in self._previous.values() if isinstance(outer := getattr(handler, "__self__", None), StopRequest)]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or signal.Signals(number).name


class AgreedRequest(StopRequest):
    """Of several hosts: what one of them has received, all have, from the same step on."""

    def __init__(self) -> None:
        super().__init__()
        self._noted = 0

    def agree(self) -> None:
        """All hosts ask this at the same step."""
        noted = hosts.from_all([self._noted])[:, 0]
        if self.received is None and noted.any():
            host = int(noted.nonzero()[0][0])
            self.received = f"{signal.Signals(int(noted[host])).name} on host {host}"

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = self._noted or number
