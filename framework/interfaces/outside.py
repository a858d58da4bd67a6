"""Figure, Certificate, Benchmark and Engine: plugins that are no part of an experiment."""

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

    config: ClassVar[str]  # the config that defines the sweep, as after --config=; scale=… follows its colon

    @abc.abstractmethod
    def picture(self, runs: Sequence[Any]) -> Picture:
        """The panels and verdicts, from the finished runs in the order of the sweep."""


@dataclass(frozen=True)
class Finding:
    """A number that a certificate found, None where there is none. said: what to read it beside, such as "of 529"."""

    quantity: str
    value: float | int | None
    said: str = ""


@dataclass(frozen=True)
class Certified:
    """What a certificate says of one network: numbers, and what follows from them in sentences."""

    findings: Sequence[Finding]
    follows: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Certificate(Plugin):
    """Statements of the theory, evaluated by `whygrok certify` on a network that was trained."""

    @abc.abstractmethod
    def refusal(self, run: Any) -> str:
        """Why it says nothing of a framework.Run, in a clause that goes on "it is about …"; nothing where it applies."""

    @abc.abstractmethod
    def certify(self, run: Any, step: int) -> Certified:
        """What holds at a step of the run whose parameters are saved. The same network gives the same numbers, to rounding."""


@dataclass(frozen=True, kw_only=True)
class Benchmark(Plugin):
    """Something that `whygrok bench` times; its fields are the sizes at which it is timed."""

    @abc.abstractmethod
    def measure(self, repeats: int, seconds: float) -> list[dict[str, Any]]:
        """Rows made by `framework.testing.timing.bench_row`, from programs that took turns.

        repeats: number of timed runs of each program; their median is reported. seconds: about how long each of them takes.
        """


@dataclass(frozen=True, kw_only=True)
class Engine(Plugin):
    """A way to train the members of a sweep. Whatever the engine, a member is a run directory that `whygrok run` could have made."""

    same_bits: ClassVar[bool] = True  # False: members have the numbers of `whygrok run` to rounding only

    def refusal(self) -> str:
        """Why it cannot train on this machine, in a sentence that says what is missing; nothing where it can."""
        return ""

    @abc.abstractmethod
    def train(self, sweep: Any, jobs: int, stop: Any) -> None:
        """Trains every member that is waiting, at most `jobs` at once, and marks in the sweep how each of them ended.

        sweep: a framework.sweep.SweepFolder: `in_state(WAITING)` names the members that wait, `config(name)` is the file with
        a member's config, `directory(name)` its run directory, and `mark(name, state, said)` notes how it stands.
        stop: once `stop.received` is set, nothing else may be started, and what runs must save and end. An engine that
        starts processes can leave all of this to `framework.sweep.supervise`, and one that trains in this process to `train_here`.
        """
