"""When a reader is told the next line who cannot have one written over, as in a log file: after a longer pause each time."""

FIRST, GROWTH, LONGEST = 10.0, 1.5, 1800.0  # seconds to the first line, how the pauses grow, and the longest one


class Pauses:
    """Growing pauses between lines. All times are seconds of one clock."""

    def __init__(self, now: float):
        self._pause, self._next = FIRST, now + FIRST

    def is_over(self, now: float) -> bool:
        """Whether a line is due; if so, the next pause begins."""
        if now < self._next:
            return False
        self._pause = min(GROWTH * self._pause, LONGEST)
        self._next = now + self._pause
        return True
