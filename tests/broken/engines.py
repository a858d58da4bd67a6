"""Engines that do not keep what engines promise."""

from dataclasses import dataclass

from framework import Engine, train
from framework.config import load_config, override
from framework.errors import Diverged
from framework.sweep import FINISHED, WAITING


@dataclass(frozen=True, kw_only=True)
class LeavesOne(Engine):
    """Trains the first member only (a test, 2026)."""

    def train(self, sweep, jobs, stop):
        name = sweep.in_state(WAITING)[0]
        train(load_config(str(sweep.config(name))), sweep.directory(name).path)
        sweep.mark(name, FINISHED)


@dataclass(frozen=True, kw_only=True)
class TrainsAnother(Engine):
    """Trains every member from the same seed, and says that it finished (a test, 2026)."""

    def train(self, sweep, jobs, stop):
        for name in sweep.in_state(WAITING):
            train(override(load_config(str(sweep.config(name))), {"seed": 7}), sweep.directory(name).path)
            sweep.mark(name, FINISHED)


@dataclass(frozen=True, kw_only=True)
class TrainsAnotherLoosely(TrainsAnother):
    """The same, by an engine that promises its numbers to rounding only (a test, 2026)."""

    same_bits = False


@dataclass(frozen=True, kw_only=True)
class FallsWithOne(Engine):
    """Leaves at the first member that fails (a test, 2026)."""

    def train(self, sweep, jobs, stop):
        for name in sweep.in_state(WAITING):
            try:
                train(load_config(str(sweep.config(name))), sweep.directory(name).path)
            except Diverged:
                return
            sweep.mark(name, FINISHED)


BROKEN = [
    (LeavesOne(), "it finishes every member", "the member seed=1 is waiting when train returns"),
    (FallsWithOne(), "a member that fails stops no other", "the first is waiting and the second waiting"),
    (TrainsAnother(), "it finishes every member", "has other parameters than a run of its own"),
    (TrainsAnotherLoosely(), "it finishes every member", "has other parameters than a run of its own"),
]
