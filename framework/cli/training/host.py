"""whygrok host: the training process of one host of a run. Not for people: `whygrok run --hosts=…` starts it on each host."""

import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence

from framework.cli import run_command
from framework.cli.training.hosts import AGAIN
from framework.errors import HostLost, words_of

log = logging.getLogger("whygrok")

LOST = ("gloo", "nccl", "coordination service", "closed by peer", "reset by peer")  # in what is raised when another host is gone


def main(arguments: Sequence[str]) -> int:
    """Joins the other hosts and trains; what follows the seven words that whygrok adds is what the user gave to `whygrok run`."""
    number, count, coordinator, seconds, output, error, tell, *given = arguments
    # What C++ says goes to the file that is our standard output and error; what we say goes to the user.
    sys.stdout, sys.stderr = os.fdopen(int(output), "w"), os.fdopen(int(error), "w", buffering=1)
    for handler in log.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
    sys.argv = ["whygrok", "run", *given]  # which environment.json records
    threading.Thread(target=_stop_with_parent, args=(int(seconds),), daemon=True).start()
    from framework.training import hosts

    hosts.join(int(number), int(count), coordinator, int(seconds))
    os.write(int(tell), b"met")
    code = _code(given, f"host {number} of {count}")
    sys.stdout.flush()
    sys.stderr.flush()
    if code in (0, 3):
        hosts.leave()
    os._exit(code)  # else it would wait for the others


def _code(given: Sequence[str], words: str) -> int:
    try:
        return run_command(["run", "--joined", *given])
    except Exception as error:
        lost = any(word in words_of(error).lower() for word in LOST)
        if not lost or "--debug" in given:
            traceback.print_exc()
        if not lost:
            return 1
    print(f"whygrok: {words}: another host has ended or gone silent; its own words say why. {AGAIN}", file=sys.stderr)
    return HostLost.exit_code


def _stop_with_parent(seconds: int) -> None:
    """Saves and stops when the process that started this one is gone; where the other hosts do not answer, ends without."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(seconds)
    os._exit(HostLost.exit_code)
