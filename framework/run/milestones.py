"""When a network fitted its training set and when it generalized: read off rows, one after the other."""

from collections.abc import Iterable, Mapping
from typing import Any

FITTED = 1.0  # training accuracy from which the training set is answered without a mistake
GROKKED = 0.99  # test accuracy from which a network is said to have generalized


class Milestones:
    """The steps at which a run fitted and grokked, as far as its rows have been seen; None where it has not.

    fitted: the first recorded step at which the training value of the headline is 1. grokked: the first from which the test
    value stays at 0.99 or above.
    """

    def __init__(self, headline: str, rows: Iterable[Mapping[str, Any]] = ()):
        self.fitted: int | None = None
        self.grokked: int | None = None
        self._train, self._test = f"train/{headline}", f"test/{headline}"
        for row in rows:
            self.see(row)

    def see(self, row: Mapping[str, Any]) -> None:
        """Takes one row more into account; what was not measured in it, or is not a number, changes nothing."""
        train, test = row.get(self._train), row.get(self._test)
        if self.fitted is None and train is not None and train >= FITTED:
            self.fitted = row["step"]
        if test is not None and test < GROKKED:
            self.grokked = None
        elif test is not None and self.grokked is None:
            self.grokked = row["step"]
