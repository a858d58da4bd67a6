"""Signals ask; the loop answers after its current chunk: a handler that did more could lose the donated state."""

import signal
import threading
from types import FrameType, TracebackType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")  # clusters differ in which one they send


class StopRequest:
    """While in use, SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 only set `received`."""

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

    def _around(self) -> list["StopRequest"]:
        """The requests of a sweep around this run, which stop together with it."""
        return [outer for handler in self._previous.values() if isinstance(outer := getattr(handler, "__self__", None), StopRequest)]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name
