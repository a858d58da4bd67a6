"""A plugin for tests: a probe that ends its process, or asks the sweep to stop, when the environment variable DEATH says so."""

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass

from framework import Probe, field, register


@register("dying")
@dataclass(frozen=True, kw_only=True)
class Dying(Probe):
    """DEATH="1 kill 2 raise": member 1 is killed and member 2 raises, both at step 4; "0 stop": the sweep gets SIGTERM.

    "0 read": member 0 reads its standard input; "0 exit": it calls sys.exit; "0 linger": it leaves a thread behind.
    """

    compiled = False
    member: int = field(0, "by which DEATH knows it")

    def measure(self, params, context, state):
        words = os.environ.get("DEATH", "").split()
        deaths = dict(zip(words[::2], words[1::2], strict=True))
        if int(context.step) == 4 and (death := deaths.get(str(self.member))):
            if death in ("read", "linger"):
                sys.stdin.readline() if death == "read" else threading.Thread(target=time.sleep, args=(600,)).start()
                return {"member": self.member}, state
            if death == "exit":
                sys.exit("it has had enough")
            if death == "raise":
                raise RuntimeError("the fourth step was too much")
            os.kill(*((os.getpid(), signal.SIGKILL) if death == "kill" else (os.getppid(), signal.SIGTERM)))
            time.sleep(1)  # until the sweep has passed it on
        return {"member": self.member}, state
