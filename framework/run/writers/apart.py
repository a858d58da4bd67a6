"""A thread of its own for each writer: one that hangs, in a network or a lock, is left behind there, and the run goes on."""

import concurrent.futures
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

PATIENCE = 60.0  # seconds that one call may take
PER_ROW = 0.1  # more for each row that `begin` is given: a database may need as long


class Unanswered(TimeoutError):
    """A call has not come back in time."""


class Apart:
    """Makes calls one after another in a thread, which does not keep the process from ending."""

    def __init__(self, name: str):
        """name: of the thread."""
        self._calls: queue.SimpleQueue[tuple[Future, Callable, tuple] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def ask(self, call: Callable, *arguments: Any, rows: int = 0) -> Any:
        """What the call gives; raises what it raises, whatever that is. Raises Unanswered where it does not come back in time."""
        patience = PATIENCE + PER_ROW * rows
        future = self._begin(call, arguments)
        concurrent.futures.wait([future], patience)  # a signal is noted meanwhile, and obeyed afterwards
        if not future.done():
            self.close()
            raise Unanswered(f"it has not answered for {patience:.3g} s")
        return future.result()

    def let_go(self, call: Callable) -> None:
        """The last call: what it gives or raises counts for nothing."""
        concurrent.futures.wait([self._begin(call, ())], PATIENCE)
        self.close()

    def close(self) -> None:
        """The thread ends once the calls so far are made."""
        self._calls.put(None)

    def _begin(self, call: Callable, arguments: tuple) -> Future:
        future: Future = Future()
        self._calls.put((future, call, arguments))
        return future

    def _work(self) -> None:
        while (asked := self._calls.get()) is not None:
            future, call, arguments = asked
            try:
                found = call(*arguments)
            except BaseException as error:  # raised again where it was asked
                future.set_exception(error)
            else:
                future.set_result(found)
