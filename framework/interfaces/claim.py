"""Claim: a statement of the theory that is checked row by row; and Verdict, which figures give as well."""

import abc
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from framework.interfaces.plugin import Plugin
from framework.pictures import Panel


@dataclass(frozen=True)
class Row:
    """One line of a claim's verdict: a quantity as predicted and as measured, and whether they agree.

    relation: how measured should compare with predicted, "=", "<=" or ">=". tolerance: how far it may miss, in the units of
    both. expected_to_hold: False for a control, or for a statement that is wrong as printed.
    """

    quantity: str
    predicted: float | int
    measured: float | int
    tolerance: float | int = 0.0
    relation: str = "="
    expected_to_hold: bool = True

    @property
    def holds(self) -> bool:
        """Whether the measured value compares with the predicted one as it should; NaN never does."""
        missed = {"=": abs(self.measured - self.predicted), "<=": self.measured - self.predicted, ">=": self.predicted - self.measured}
        return bool(self.measured == self.predicted or missed[self.relation] <= self.tolerance)

    @property
    def is_nan(self) -> bool:
        """Whether one of the two numbers is NaN."""
        return math.isnan(self.measured) or math.isnan(self.predicted)

    @property
    def as_expected(self) -> bool:
        """Whether it holds if it should, and fails if it should fail; NaN is never expected."""
        return not self.is_nan and self.holds == self.expected_to_hold

    @property
    def judgement(self) -> str:
        """The verdict on the row in words, such as 'holds'."""
        if self.is_nan:
            return "NaN, NOT AS EXPECTED"
        if self.holds:
            return "holds" if self.expected_to_hold else "holds, AND SHOULD NOT"
        return "does not hold, NOT AS EXPECTED" if self.expected_to_hold else "does not hold, as expected"


@dataclass(frozen=True)
class Verdict:
    """What was found about one statement, and whether it was seen.

    claim: the name of a claim, or a sentence on what a figure should show. measured, expected: a figure's numbers by
    name, and what they should be, in words. rows: a claim's quantities, each with its prediction.
    """

    claim: str
    measured: Mapping[str, int | float | None] = field(default_factory=dict)
    expected: str = ""
    seen: bool = False
    rows: Sequence[Row] = ()

    @classmethod
    def of_rows(cls, claim: str, rows: Sequence[Row]) -> "Verdict":
        """The verdict on a claim: seen if there are rows and every one is as expected."""
        return cls(claim, seen=bool(rows) and all(row.as_expected for row in rows), rows=rows)


def in_words(measured: Mapping[str, float | None]) -> str:
    """'exponent: 1.65; step: 30 (28 to 35)' where "step, least" and "step, greatest" stand beside "step"; a dash for a missing number."""
    ends = {key: [measured.get(f"{key}, {end}") for end in ("least", "greatest")] for key in measured}
    folded = {f"{key}, {end}" for key, both in ends.items() if None not in both for end in ("least", "greatest")}
    return "; ".join(
        f"{key}: {_short(value)}" + ("" if None in ends[key] else f" ({' to '.join(map(_short, ends[key]))})")
        for key, value in measured.items()
        if key not in folded
    )


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def number(value: int | float | None) -> float | None:
    """A number that JSON can hold; None for what it cannot."""
    return None if value is None or not math.isfinite(value) else float(value)


@dataclass(frozen=True, kw_only=True)
class Claim(Plugin):
    """A statement of the theory that can be checked by computing both sides.

    Its fields are the sizes it is checked at; their defaults are those of the scale "smoke", a few seconds at most.
    """

    tags: ClassVar[tuple[str, ...]] = ()  # words by which `verify` selects claims
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # "laptop", "full" → the fields that differ there
    note: ClassVar[str] = ""  # a verdict in words, for a statement that is inconsistent in print

    @abc.abstractmethod
    def check(self, seed: int) -> list[Row]:
        """Measures each quantity by another route than its prediction. The same seed gives the same rows."""

    def charts(self, seed: int) -> list[Panel]:
        """Charts for the report, where a curve says more than rows; none by default."""
        return []
