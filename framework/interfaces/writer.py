"""Writer: who else is told of a run while it trains, such as TensorBoard or a tracking server."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from framework.errors import FieldError
from framework.fields import field as declared
from framework.interfaces.plugin import Plugin

FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"  # how a session may end


@dataclass(frozen=True)
class Histogram:
    """How the entries of one parameter are distributed: how many lie between each edge and the next, of those that are finite."""

    counts: np.ndarray  # [bins]
    edges: np.ndarray  # [bins + 1]


@dataclass(frozen=True)
class Recorded:
    """What was recorded at one step: the finite numbers by column, such as "test/loss"; histograms by parameter, if they are asked for."""

    step: int
    seconds: float  # since the run began, of training alone
    numbers: Mapping[str, float]
    histograms: Mapping[str, Histogram] = field(default_factory=dict)


@dataclass(frozen=True)
class About:
    """What a writer is told once.

    folder: a folder of its own, in that of the run, where it may keep what it likes. step: where training begins or goes on. config:
    dotted field → value. changed: those fields that the sweep changes, of which the run is a member; none of another run.
    """

    folder: Path
    name: str  # of the run: that of its folder
    sweep: str  # the name of the folder of the sweep; empty where there is none
    step: int
    started: float  # seconds since the epoch at which the run first started
    config: Mapping[str, Any]
    changed: Mapping[str, Any]
    headline: str  # the metric by which the task says that a split is learned


class Pen(abc.ABC):
    """A writer at work on one run, in one session, in a thread of its own, as its `begin`.

    What it raises is said once, and then nobody asks it any more; the same where a call has not come back after a minute.
    """

    @abc.abstractmethod
    def row(self, row: Recorded) -> None:
        """Tells of a row more; one of the same step as the last completes it."""

    def flush(self) -> None:  # noqa: B027 - most have nothing to do there
        """What waits may go to the disk: called about once a second between rows."""

    def pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:  # noqa: B027
        """Tells of pictures by name, as the bytes of PNG files, when the run is finished."""

    @abc.abstractmethod
    def end(self, how: str) -> None:
        """Nothing more will come: FINISHED, STOPPED (the same command goes on) or FAILED."""

    def drop(self) -> None:  # noqa: B027
        """It has raised: what it holds open is given up, and nothing may be raised here."""


@dataclass(frozen=True, kw_only=True)
class Writer(Plugin):
    """Tells another program of a run. It changes no bit of the run, may be changed at any resume, and where it fails the run goes on."""

    leads_outside: ClassVar[tuple[str, ...]] = ()  # the fields that decide whether rows leave the folder of the run, and for where

    pictures: bool = declared(True, "whether it is given the pictures of the probes, where the run draws at its end")
    histograms: bool = declared(False, "whether it is given a histogram of each parameter at every row")

    def destination(self) -> str:
        """Where rows go out of the folder of the run, such as the address of a server; empty where they stay inside.

        A file that somebody has sent may ask for it: a run with it is not trained before the user has said the same, by one of the fields
        in `leads_outside`.
        """
        return ""

    def refusal(self) -> str:
        """Why it cannot write on this machine, in a sentence that says what is missing; nothing where it can."""
        return ""

    def notices(self, experiment: Any) -> list[str]:
        """Raises FieldError, before the run begins, where something is missing."""
        if why := self.refusal():
            raise FieldError("name", type(self).__name__, f"{why}, or set this field to none to go without this writer")
        return []

    @abc.abstractmethod
    def begin(self, about: About, rows: Sequence[Recorded]) -> Pen:
        """Begins a session. rows: all that is recorded up to `about.step`, in order; what was told of later steps, by a session that was
        killed, is to be forgotten, or must not be told twice when it is recorded again.
        """
