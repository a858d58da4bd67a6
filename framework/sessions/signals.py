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
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
            outer = getattr(handler, "__self__", None)  # a sweep around this run must stop as well
            if isinstance(outer, StopRequest):
                outer.received = outer.received or self.received

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name
