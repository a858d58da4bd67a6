"""How a run that is still being trained stands, by its metrics.jsonl alone."""

from pathlib import Path

from framework.records.live.growing import Growing
from framework.records.outcome import Outcome


class Followed:
    """The outcome of a run that another process writes, at each look by the rows that are there then."""

    def __init__(self, metrics: Path, headline: str):
        self._rows, self._headline = Growing(metrics), headline
        self._outcome = Outcome(headline)

    def look(self) -> Outcome:
        """The outcome by the rows that are there now, up to a damaged one."""
        anew, rows = self._rows.look()
        if anew:
            self._outcome = Outcome(self._headline)
        for row in rows:
            self._outcome.see(row)
        return self._outcome
