"""Claims that are wrong, each in one way. `BROKEN`: the plugin, the promise that it does not keep, words of the sentence."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from framework import Claim, Panel, Row, field


@dataclass(frozen=True, kw_only=True)
class NoRows(Claim):
    """Checks nothing (1801)."""

    def check(self, seed):
        return []


@dataclass(frozen=True, kw_only=True)
class TooWide(Claim):
    """A tolerance as large as what is predicted (1801)."""

    def check(self, seed):
        return [Row("half", 0.5, 0.5, tolerance=1.0)]


@dataclass(frozen=True, kw_only=True)
class Unseeded(Claim):
    """Other numbers each time (1801)."""

    def check(self, seed):
        return [Row("uniform", 0.5, float(np.random.default_rng().uniform()), tolerance=0.49999999, relation="<=")]


@dataclass(frozen=True, kw_only=True)
class DoesNotHold(Claim):
    """π is 3 (1801)."""

    def check(self, seed):
        return [Row("pi", 3.0, float(np.pi), tolerance=0.1)]


@dataclass(frozen=True, kw_only=True)
class WrongScale(Claim):
    """A scale that changes a field that is not there (1801)."""

    width: int = field(3, "width")
    scales: ClassVar[dict] = {"laptop": {"with": 4}}

    def check(self, seed):
        return [Row("one", 1.0, 1.0, tolerance=1e-9)]


@dataclass(frozen=True, kw_only=True)
class NothingDrawn(Claim):
    """A chart without numbers (1801)."""

    def check(self, seed):
        return [Row("one", 1.0, 1.0, tolerance=1e-9)]

    def charts(self, seed):
        x = np.arange(3.0)
        return [Panel.of_lines("empty", "x", "y", x, {"nothing": x + np.nan})]


BROKEN = [
    (NoRows(), "it gives rows", "at least one"),
    (TooWide(), "its rows can fail", "0 would do for the predicted 0.5"),
    (Unseeded(), "it follows from the seed", "check(0) gave other rows"),
    (DoesNotHold(), "what should hold holds", "pi does not hold"),
    (NothingDrawn(), "its charts can be drawn", "no curve with a finite number"),
    (WrongScale(), "its scales change fields", "Did you mean 'width'?"),
]
