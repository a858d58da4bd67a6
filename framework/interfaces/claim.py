"""Claim: a statement of the theory that is checked row by row."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from framework.interfaces.plugin import Plugin
from framework.interfaces.verdict import Row
from framework.pictures import Panel


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

    def charts(self, seed: int) -> list[Panel]:
        """What a curve says better than rows, for the report; none by default."""
        return []
