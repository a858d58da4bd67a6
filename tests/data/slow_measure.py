"""A plugin for tests: a probe that takes its time, so that something can happen to a run while it is trained."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from framework import Probe, register


@register("slow_measure")
@dataclass(frozen=True, kw_only=True)
class SlowMeasure(Probe):
    """Sleeps for as many seconds as the file says that the environment variable SLOW names. Source: tests."""

    compiled = False

    def measure(self, params, context, state):
        if file := os.environ.get("SLOW"):
            time.sleep(float(Path(file).read_text()))
        return {"one": 1.0}, state
