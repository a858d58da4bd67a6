"""How fast a run is, from the times in its rows or, where they hold none, from when the rows were seen to come."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

SPAN = 10.0  # seconds of training over which the rate is taken, where that much is recorded


class Pace:
    """Steps per second over the last rows; a session that is resumed counts the time of its rows on."""

    def __init__(self) -> None:
        self._timed: list[tuple[int, float]] = []  # (step, seconds that the row has recorded)
        self._seen: list[tuple[int, float]] = []  # (step, when it was seen), of rows without a time

    def see(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Takes rows into account that have come since the last look."""
        self._timed += [(row["step"], float(row["seconds"])) for row in rows if row.get("seconds") is not None]
        if rows and rows[-1].get("seconds") is None:
            self._seen.append((rows[-1]["step"], time.monotonic()))

    @property
    def seconds(self) -> float | None:
        """How long the run has trained up to its last row; None where the rows do not say."""
        return self._timed[-1][1] if self._timed else None

    @property
    def rate(self) -> float | None:
        """Steps per second; None while nothing is known."""
        return _rate(self._timed) or _rate(self._seen)

    def left(self, steps: int, since: float) -> float | None:
        """Seconds until so many steps are made, if the run keeps its pace. since: seconds since its last row was written."""
        rate, points = self.rate, self._timed or self._seen
        return max((steps - points[-1][0]) / rate - since, 0.0) if rate else None


def _rate(points: list[tuple[int, float]]) -> float | None:
    if len(points) < 2:
        return None
    step, now = points[-1]
    first, then = next(((at, when) for at, when in reversed(points[:-1]) if now - when >= SPAN), points[0])
    return (step - first) / (now - then) if now > then else None
