"""The processes that train one run together: which of them this one is, and what they tell each other.

A process on its own is the first of one, and nothing here costs it anything. What differs between hosts, such as clocks, signals
and disks, is decided by the first and told to the others: a host that took another turn would wait for ever.
"""

import pickle
from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import numpy as np

from framework.errors import WhygrokError

SMALLEST = 256  # bytes of a message, which is filled up to a power of two: each size is compiled once

T = TypeVar("T")


def join(number: int, count: int, coordinator: str, seconds: int) -> None:
    """Becomes one of several processes, before anything is computed; waits for the others.

    coordinator: ADDRESS:PORT of the first one. seconds: how long a host may be missing at the start, or give no sign of life,
    until it is taken for lost; JAX then ends the process, without an exception.
    """
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        coordinator,
        count,
        number,
        initialization_timeout=seconds,
        heartbeat_timeout_seconds=seconds,
        shutdown_timeout_seconds=seconds,
        cluster_detection_method="deactivate",
    )


def leave() -> None:
    """Waits until all processes have come to their end."""
    jax.distributed.shutdown()


def count() -> int:
    """How many processes train this run together."""
    return jax.process_count()


def is_first() -> bool:
    """Whether this process is the one that records."""
    return number() == 0


def number() -> int:
    """Which of them this one is, from 0."""
    return jax.process_index()


def from_first(value: T) -> T:
    """What the first process has, in all of them."""
    if count() == 1:
        return value
    content = pickle.dumps(value) if is_first() else b""
    length = int(_told(np.array([len(content)], np.int32))[0])
    room = max(SMALLEST, 1 << (length - 1).bit_length())
    return pickle.loads(_told(np.frombuffer(content.ljust(room, b"\0"), np.uint8)).tobytes()[:length])  # type: ignore[no-any-return]


def by_first(action: Callable[[], T]) -> T:
    """What an action gives that only the first process does, in all of them; where it raises a WhygrokError, all raise it."""
    if count() == 1:
        return action()
    made: T | None = None
    error: WhygrokError | None = None
    if is_first():
        try:
            made = action()
        except WhygrokError as raised:
            error = raised
    made, error = from_first((made, error))
    if error is not None:
        raise error
    return made  # type: ignore[return-value]


def from_all(numbers: Sequence[int]) -> np.ndarray:
    """The integers of each process, int32 [processes, n]."""
    row = np.array(numbers, np.int32)
    if count() == 1:
        return row[None]
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(row))


def number_of_first(number: int) -> int:
    """The integer that the first process has."""
    return int(from_all([number])[0, 0])


def _told(array: np.ndarray) -> np.ndarray:
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.broadcast_one_to_all(array))
