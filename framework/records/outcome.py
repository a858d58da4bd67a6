"""How a run stands: when it fitted its training set, when it generalized, read off its rows, one after the other."""

from collections.abc import Iterable, Mapping
from typing import Any

FITTED = 1.0  # training accuracy from which the training set is answered without a mistake
GROKKED = 0.99  # test accuracy from which a network is said to have generalized


class Outcome:
    """How a run stands by the rows seen so far; None where that is not known. train and test: the task's headline, last measured.

    fitted: the first recorded step at which the training value of the headline is 1. grokked: the first from which the test
    value stays at 0.99 or above.
    """

    def __init__(self, headline: str, rows: Iterable[Mapping[str, Any]] = ()):
        self._train, self._test = f"train/{headline}", f"test/{headline}"
        self.step: int | None = None
        self.train: float | None = None
        self.test: float | None = None
        self.fitted: int | None = None
        self.grokked: int | None = None
        for row in rows:
            self.see(row)

    def see(self, row: Mapping[str, Any]) -> None:
        """Takes one row more into account; what was not measured in it, or is not a number, changes nothing."""
        self.step = row["step"]
        if (train := row.get(self._train)) is not None:
            self.train = float(train)
            self.fitted = row["step"] if self.fitted is None and train >= FITTED else self.fitted
        if (test := row.get(self._test)) is not None:
            self.test = float(test)
            self.grokked = None if test < GROKKED else row["step"] if self.grokked is None else self.grokked
