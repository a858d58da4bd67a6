"""What a plugin has left behind when all is done, and the interpreter waits for: it is named, and the wait has an end."""

import logging
import sys
import threading
import time
from collections.abc import Callable

GRACE = 2.0  # seconds: threads of our libraries end within one
PATIENCE = 60.0  # seconds
SHOWN = 3  # names

log = logging.getLogger("whygrok")


def watch(leave: Callable[[], None]) -> None:
    """Names the threads and processes for which the interpreter waits at its end; they have PATIENCE seconds, and then it leaves."""
    if lingering():
        threading.Thread(target=_watch, args=(leave,), daemon=True).start()


def lingering() -> list[str]:
    """Their names."""
    threads = [one.name for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()]
    known = sys.modules.get("multiprocessing")
    return threads + [f"the process {one.name}" for one in known.active_children() if not one.daemon] if known else threads


def _watch(leave: Callable[[], None]) -> None:
    time.sleep(GRACE)
    if not (names := lingering()):
        return
    shown = ", ".join(names[:SHOWN]) + f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
    log.warning("all is done, but plugins have left behind what still runs: %s; the wait ends in %.0f s, or by Ctrl-C", shown, PATIENCE)
    time.sleep(PATIENCE)
    log.warning("this process ends, though what plugins have left behind still runs: %s", shown)
    leave()
