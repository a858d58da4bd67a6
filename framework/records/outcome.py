"""How a run stands: when it fitted its training set, when it generalized, read off its rows, one after the other."""

from collections.abc import Iterable, Mapping
from typing import Any

from framework.records.files import FAILURES, NONFINITE

FITTED = 1.0  # training accuracy from which the training set is answered without a mistake
GROKKED = 0.99  # test accuracy from which a network is said to have generalized


class Outcome:
    """How a run stands by the rows seen so far; None where that is not known. train and test: the task's headline, last measured.

    fitted: the first recorded step at which the training value of the headline is 1. grokked: the first from which the test
    value stays at 0.99 or above. mishaps: which probes have failed, and which columns have ended in what is no number, in sentences.
    """

    def __init__(self, headline: str, rows: Iterable[Mapping[str, Any]] = ()):
        self._train, self._test = f"train/{headline}", f"test/{headline}"
        self.step: int | None = None
        self.train: float | None = None
        self.test: float | None = None
        self.fitted: int | None = None
        self.grokked: int | None = None
        self._failures: dict[str, tuple[int, int, str]] = {}  # probe → (at how many events, the step of the first, why then)
        self._numbers, self._strange = set[str](), dict[str, int]()  # columns that held a number; those that no longer do, since when
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
        self._see_mishaps(row)

    @property
    def mishaps(self) -> list[str]:
        """A sentence for each probe that has failed, and for each column that held numbers and does not any more."""
        failed = [f"{name} failed {_events(count)} step {step:,}: {why}" for name, (count, step, why) in self._failures.items()]
        return failed + [f"{name} is no number since step {step:,}" for name, step in self._strange.items()]

    def _see_mishaps(self, row: Mapping[str, Any]) -> None:
        for probe, why in row.get(FAILURES, {}).items():
            count, step, first = self._failures.get(probe, (0, row["step"], str(why)))
            self._failures[probe] = count + 1, step, first
        strange = row.get(NONFINITE, {})
        if "objective" in strange:  # it is the network that holds no numbers
            return
        for name in strange:
            if name in self._numbers:
                self._strange.setdefault(name, row["step"])
        numbers = row.keys() - strange.keys()
        self._numbers |= numbers
        for name in self._strange.keys() & numbers:
            del self._strange[name]


def _events(count: int) -> str:
    return "at" if count == 1 else f"at {count:,} events, first at"
