"""What probes make of what they stored in a run, which may have been changed since: any error is one sentence that names the files."""

import contextlib
import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from framework import registry
from framework.errors import UserError, WhygrokError, named
from framework.run import Run, RunDirectory

log = logging.getLogger("whygrok")


@contextlib.contextmanager
def of_stored(run: Run, name: str) -> Iterator[None]:
    """Around what draws or tells what the probe instance `name` stored: any error becomes a UserError that says which files it is of.

    The numbers may be anything that a file can hold: of a division by 0 nobody is told.
    """
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Attempting to set identical ")  # limits of an axis, where all values are the same
            yield
    except (WhygrokError, OSError):
        raise
    except Exception as error:
        place, words = registry.culprit(error), named(error)
        said = f"plugin {place}, probe {name!r}: {words}" if place else f"probe {name!r} cannot read what it stored: {words}"
        raise UserError(f"{said}. {_files(run, name)}(--debug shows the traceback)") from error


def warn_of(told: dict[str, str], name: str, error: UserError) -> None:
    """Warns of what a probe instance could not read, the first time. told: name → what was said of it."""
    if name not in told:
        log.warning("%s", error)
        told[name] = str(error)


def _files(run: Run, name: str) -> str:
    """Which files of a probe instance are to blame, and what helps; nothing where the run is in memory."""
    if run.path is None:
        return ""
    directory = RunDirectory.at(run.path)
    quantities = [one for one in run.array_names() if one.startswith(f"{name}/")]
    if not quantities:
        return f"It read {directory.metrics}, and all else in this run can be drawn "
    for quantity in quantities:
        kinds = {step: _kind(array) for step, array in run.arrays(quantity).items()}
        (usual, _), *others = Counter(kinds.values()).most_common()
        if others:
            step = next(step for step, kind in kinds.items() if kind != usual)
            file = directory.arrays_of(step)
            return f"In {file} {quantity} is {kinds[step]}, and elsewhere {usual}: move that file away, and the rest is drawn "
    return f"Where the arrays in {directory.arrays} are not the probe's own, move that folder away, and the rest is drawn "


def _kind(array: Any) -> str:
    return f"{list(np.shape(array))} of {np.asarray(array).dtype}"
