"""Named arrays in a folder, through Orbax: synchronous, with its own words about failures kept off the screen."""

import contextlib
import copy
import functools
import gc
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SMALL_FILES = 128 << 10  # bytes that Orbax takes in addition to the numbers, on disks with blocks of 4 kB


def write_arrays(folder: Path, arrays: dict[str, "np.ndarray"]) -> None:
    """Writes the arrays into a new folder, whose parent exists, and waits until they are there.

    Raises what Orbax raises: OSError, ValueError or worse.
    """
    import orbax.checkpoint as ocp

    _reserve(folder.parent, 2 * sum(array.nbytes for array in arrays.values()) + SMALL_FILES)
    folder.mkdir()
    _ask_once_for_each_folder()
    with _quiet():
        # Not through a Checkpointer, whose own temporary folder takes a fourth of the time: our callers publish the folder whole.
        handler = ocp.PyTreeCheckpointHandler()
        handler.save(folder, args=ocp.args.PyTreeSave(arrays))
        handler.finalize(folder)


def read_arrays(folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """The arrays as NumPy arrays, whatever devices saved them. Raises what Orbax raises, a bare Exception included."""
    import numpy as np
    import orbax.checkpoint as ocp

    _ask_once_for_each_folder()
    with _quiet():
        # Nor here: a Checkpointer waits for all processes of a run, of which this may be the only one that reads.
        wanted = ocp.args.PyTreeRestore(restore_args=dict.fromkeys(names, ocp.RestoreArgs(restore_type=np.ndarray)))
        return ocp.PyTreeCheckpointHandler().restore(folder, args=wanted)  # type: ignore[no-any-return]


def packed(arrays: Mapping[str, "np.ndarray"]) -> tuple[dict[str, "np.ndarray"], dict[str, Any]]:
    """(the arrays as Orbax takes them, name → dtype and shape of those that it does not take).

    Those are given as bytes, or not at all where they are empty.
    """
    import numpy as np

    odd = {name: array for name, array in arrays.items() if not array.size or (array.dtype.kind == "V" and array.dtype.name != "bfloat16")}
    taken = {name: array.reshape(-1).view(np.uint8) if name in odd else array for name, array in arrays.items() if array.size}
    return taken, {name: [array.dtype.name, list(array.shape)] for name, array in odd.items()}


def unpacked(arrays: Mapping[str, Any], odd: Mapping[str, Any]) -> dict[str, "np.ndarray"]:
    """The arrays as they were before `packed`."""
    import numpy as np

    found = {name: np.asarray(array) for name, array in arrays.items()}
    for name, (dtype, shape) in odd.items():
        found[name] = found.get(name, np.zeros(0, np.uint8)).view(np.dtype(dtype)).reshape(shape)
    return found


@functools.cache
def _ask_once_for_each_folder() -> None:
    """Has Orbax describe the place of a state to TensorStore once, and not anew for each leaf.

    TensorStore, up to 0.1.86 at least, never frees what `KvStore.Spec.to_json` gives, and Orbax calls it in each description: without
    this a process keeps 217 bytes for each leaf that it has ever saved or restored.
    """
    from orbax.checkpoint._src.serialization import tensorstore_utils

    described = getattr(tensorstore_utils, "_build_ocdbt_kvstore_tspec", None)
    if described is None:  # another version, which tests of ours would notice
        return

    @functools.lru_cache(maxsize=8)
    def of_folder(directory: str, **others: Any) -> dict[str, Any]:
        return described(directory, **others)  # type: ignore[no-any-return]

    def of_leaf(directory: str, name: str | None = None, **others: Any) -> dict[str, Any]:
        found = copy.deepcopy(of_folder(str(directory), **others))
        return found if name is None else found | {"path": name}

    tensorstore_utils._build_ocdbt_kvstore_tspec = of_leaf


def _reserve(folder: Path, size: int) -> None:
    """Raises OSError when the disk has no room: found by Orbax's threads, that would be pages of tracebacks."""
    room = folder / "room"
    try:
        with open(room, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    finally:
        room.unlink(missing_ok=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Orbax reports a failure by an exception, which we explain, and again from its threads, which are silenced here."""
    loggers, hook = [logging.getLogger(name) for name in ("absl", "asyncio")], sys.unraisablehook
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    sys.unraisablehook = lambda unraisable: None
    try:
        yield
    except Exception:
        gc.collect()  # futures whose result nobody asked for complain when they are collected
        raise
    finally:
        sys.unraisablehook = hook
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
