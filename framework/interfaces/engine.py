"""Engine: in which processes the members of a sweep are trained."""

import abc
from dataclasses import dataclass
from typing import Any

from framework.interfaces.plugin import Plugin


@dataclass(frozen=True, kw_only=True)
class Engine(Plugin):
    """A way to train the members of a sweep. Whatever the engine, a member is a run directory that `whygrok run` could have made."""

    @abc.abstractmethod
    def train(self, sweep: Any, jobs: int, stop: Any) -> None:
        """Trains every member that is waiting, at most `jobs` at once, and marks in the sweep how each of them ended.

        sweep: a framework.sweep.SweepFolder: `in_state(WAITING)` names the members that wait, `config(name)` is the file with
        a member's config, `directory(name)` its run directory, and `mark(name, state, said)` notes how it stands.
        stop: once `stop.received` is set, nothing else may be started, and what runs must save and end. An engine that
        starts processes can leave all of this to `framework.sweep.supervise`.
        """
