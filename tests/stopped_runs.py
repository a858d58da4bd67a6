"""Runs that a condition may end, with probes that are due at different steps."""

from framework.config import select
from tests.helpers import tiny

PROBES = {
    "norms": select("norms", schedule="every 3"),
    "count": select("counting", schedule="every 4"),
    "late": select("counting", schedule="last"),
    "picture": select("arrays_only", schedule="last"),
}
STEPS = 24


def long(steps=STEPS, **changes):
    return tiny(steps, **{"probes": PROBES, **changes})


def stopping(text, steps=STEPS, **changes):
    return long(steps, stop_when=text, **changes)
