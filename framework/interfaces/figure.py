"""Figure: what is drawn from the runs of a sweep, and which shapes should be seen in it."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from framework.interfaces.claim import Verdict
from framework.interfaces.plugin import Plugin
from framework.pictures import Panel


@dataclass(frozen=True)
class Picture:
    """What a figure makes of its runs: rows of panels, and the verdicts on what they should show."""

    rows: Sequence[Sequence[Panel]]
    verdicts: Sequence[Verdict]


@dataclass(frozen=True, kw_only=True)
class Figure(Plugin):
    """A figure that `whygrok reproduce` makes: it trains the members of a sweep, then draws them."""

    config: ClassVar[str]  # the config that defines the sweep, as named after --config=; scale=… follows its colon

    @abc.abstractmethod
    def picture(self, runs: Sequence[Any]) -> Picture:
        """The panels and verdicts, from the finished runs in the order of the sweep."""
