"""Which engine trains the members of a sweep when nobody names one, and why."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec

import jax

from framework import registry
from framework.config import Member
from framework.errors import UserError
from framework.fields import declared_fields, fields_of
from framework.interfaces import Engine
from framework.run import start_backend


@dataclass(frozen=True)
class Choice:
    """An engine, or its name as after --engine=, and the reason in words where nobody named one."""

    engine: str | Engine
    why: str = ""


def choose_engine(members: Sequence[Member], jobs: int) -> Choice:
    """The engine for these members, at most `jobs` at once: the one place where this is decided.

    Raises UserError where JAX cannot start.
    """
    if len(members) > 1 and (accelerators := _accelerators()):
        return Choice("batch", f"{accelerators}, which one small network leaves idle; members of one structure train in one program")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    why = f"{_count(jobs, 'job')} on {_count(cores, 'core')}; each process trains one member after another"
    useful = min(cores, len(members))
    if jobs < useful:  # only said: whoever gives a command may have other work for the cores, and members on one GPU share its memory
        why += f" (--jobs={useful} would use {'both' if cores == 2 else 'all' if useful == cores else useful} cores)"
    return Choice("processes", why)


def with_size(engine: str | None, size: int) -> str:
    """The engine of `--engine`, by default batch, told how many members one program trains at once.

    Raises UserError for an engine that has no such size.
    """
    engine = engine or "batch"
    if engine.partition(":")[0] != "batch":
        raise UserError(f"--batch={size} is for --engine=batch, which trains so many members in one program, not --engine={engine}")
    if any(item.partition("=")[0].strip() == "size" for item in engine.partition(":")[2].split(",")):
        raise UserError(f"--batch={size} and --engine={engine} say the same thing: give one of them")
    return f"{engine}{',' if ':' in engine else ':'}size={size}"


def without_waiting(engine: str | None) -> str:
    """The engine of `--engine`, told to return when its jobs are queued. Raises UserError for one that trains the members itself."""
    name = (engine or "").partition(":")[0]
    known = [declared.name for declared in declared_fields(registry.lookup("engine", name))] if name else []
    if engine is None or "wait" not in known:
        said = f"--engine={name} trains the members itself" if name else "no engine is named"
        raise UserError(f"--wait=false is for engines that leave jobs behind them, such as --engine=slurm; {said}")
    return f"{engine}{',' if ':' in engine else ':'}wait=false"


def check_engine(engine: str | Engine, jobs: int) -> Engine:
    """The engine of that name, NAME or NAME:field=value,…; or as it is given. Raises UserError where there is none."""
    if jobs < 1:
        raise UserError(f"jobs = {jobs}: must be at least 1: how many members run at once")
    if isinstance(engine, Engine):
        return engine
    name, _, given = engine.partition(":")
    return registry.build("engine", name, **fields_of([item for item in given.split(",") if item]))  # type: ignore[no-any-return]


def usable_engine(engine: str | Engine, jobs: int) -> Engine:
    """The same, where it can train on this machine. Raises UserError with its own sentence where it cannot."""
    made = check_engine(engine, jobs)
    with registry.at_work(made):
        refusal = made.refusal()
    if refusal:
        raise UserError(str(refusal))
    return made


def _accelerators() -> str:
    """What JAX computes on, in words, where this is not the CPU. Takes no device on a machine that has none but the CPU."""
    if not _may_have_accelerators():
        return ""
    start_backend()
    devices = jax.devices()
    return "" if devices[0].platform == "cpu" else _count(len(devices), f"{devices[0].platform.upper()} device")


def _may_have_accelerators() -> bool:
    """Whether JAX may find devices other than the CPU: by what it is told to use, else by what is installed beside it."""
    if told := jax.config.jax_platforms:  # type: ignore[attr-defined]
        return bool(told.partition(",")[0] != "cpu")
    if find_spec("jax_plugins") or find_spec("libtpu"):
        return True
    try:
        return bool(entry_points(group="jax_plugins"))
    except Exception as error:  # metadata of a stranger's package: anything may be wrong with it
        raise registry.broken_package(error) or error from None


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
