"""Which engine trains the members of a sweep when nobody names one, and why."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from framework import registry
from framework.config import Member
from framework.errors import UserError
from framework.fields import fields_of
from framework.interfaces import Engine


@dataclass(frozen=True)
class Choice:
    """An engine, or its name as after --engine=, and the reason in words where nobody named one."""

    engine: str | Engine
    why: str = ""


def choose_engine(members: Sequence[Member], jobs: int) -> Choice:
    """The engine for these members, at most `jobs` at once: the one place where this is decided."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    why = f"{_count(jobs, 'job')} on {_count(cores, 'core')}; each process trains one member after another"
    useful = min(cores, len(members))
    if jobs < useful:  # only said: whoever gives a command may have other work for the cores, and members on one GPU share its memory
        why += f" (--jobs={useful} would use {'both' if cores == 2 else 'all' if useful == cores else useful} cores)"
    return Choice("processes", why)


def check_engine(engine: str | Engine, jobs: int) -> Engine:
    """The engine of that name, NAME or NAME:field=value,…; or as it is given. Raises UserError where there is none."""
    if jobs < 1:
        raise UserError(f"jobs = {jobs}: must be at least 1: how many members run at once")
    if isinstance(engine, Engine):
        return engine
    name, _, given = engine.partition(":")
    return registry.build("engine", name, **fields_of([item for item in given.split(",") if item]))  # type: ignore[no-any-return]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
