"""Claim: a statement of the theory, checked row by row."""

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from framework.interfaces.plugin import Plugin
from framework.pictures import Chart


@dataclass(frozen=True)
class Row:
    """One line of a claim's verdict: a quantity as predicted and as measured, and whether they agree.

    relation: how measured should stand to predicted, "=", "<=" or ">=". tolerance: how far it may miss, in the units of
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
        """Whether measured stands to predicted as it should; NaN never does."""
        missed = {"=": abs(self.measured - self.predicted), "<=": self.measured - self.predicted, ">=": self.predicted - self.measured}
        return bool(self.measured == self.predicted or missed[self.relation] <= self.tolerance)

    @property
    def is_nan(self) -> bool:
        """Whether one of the two numbers is none."""
        return math.isnan(self.measured) or math.isnan(self.predicted)

    @property
    def as_expected(self) -> bool:
        """Whether it holds where it should, and does not where it should not; NaN is never expected."""
        return not self.is_nan and self.holds == self.expected_to_hold


@dataclass(frozen=True, kw_only=True)
class Claim(Plugin):
    """A statement of the theory that can be checked by computing both sides.

    Its fields are the sizes it is checked at; their defaults are those of the scale "smoke", a few seconds at most.
    """

    tags: ClassVar[tuple[str, ...]] = ()  # by which `verify` selects
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # "laptop", "full" → the fields that differ there
    note: ClassVar[str] = ""  # a verdict in words, for a statement that is inconsistent in print

    @abc.abstractmethod
    def check(self, seed: int) -> list[Row]:
        """Measures each quantity by another route than its prediction. Seeded: the same rows each time."""

    def charts(self, seed: int) -> list[Chart]:
        """What a curve says better than rows, for the report; none by default."""
        return []
