"""Histograms of parameters at the rows of a run, kept in a file for each step: a run that is resumed tells the same ones again."""

from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from framework.interfaces import Histogram, named
from framework.run.directory import RunDirectory
from framework.storage import make_folder, npz_bytes, read_npz, remove_file, write_atomically

BINS = 64
LARGEST = 8e307  # what is larger is counted as that, so that a difference of two is a number
SMALLEST = 1e-280
NARROWEST = 1e-9  # of the size of the numbers: between closer ones there are no 64 edges


class Histograms:
    """Those of one run. A step whose histograms are there is not looked at again."""

    def __init__(self, directory: RunDirectory, parameters: Callable[[], Any]):
        """parameters: as they are now."""
        self._folder, self._parameters = directory.histograms, parameters

    def forget(self, kept: Container[int]) -> None:
        """Removes those of all steps but these."""
        for file in self._folder.glob("*.npz"):
            if not (file.stem.isdecimal() and int(file.stem) in kept):
                remove_file(file)

    def at(self, step: int) -> dict[str, Histogram]:
        """By parameter, as they were recorded at a step; none where nobody asked for them then, or where the file is damaged."""
        try:
            stored = read_npz(self._file(step))
        except (OSError, ValueError):
            return {}
        names = [name.removesuffix("/counts") for name in stored if name.endswith("/counts")]
        return {name: Histogram(stored[f"{name}/counts"], stored[f"{name}/edges"]) for name in names}

    def look(self, step: int) -> dict[str, Histogram]:
        """Those of the parameters as they are now, at a step, kept for later sessions."""
        if known := self.at(step):  # another writer has asked for them at this step
            return known
        found = {name: of(np.asarray(leaf)) for name, leaf in named(self._parameters()).items()}
        make_folder(self._folder)
        write_atomically(self._file(step), npz_bytes(_arrays(found)), durable=False)
        return found

    def _file(self, step: int) -> Path:
        return self._folder / f"{step:010d}.npz"


def of(values: np.ndarray) -> Histogram:
    """The histogram of the finite ones among some numbers; those that are nearly one number lie in the middle of it."""
    numbers = np.clip(values[np.isfinite(values)].astype(np.float64), -LARGEST, LARGEST)
    low, high = (numbers.min(), numbers.max()) if numbers.size else (0.0, 0.0)
    size = max(abs(low), abs(high))
    around = (max(size, SMALLEST) if size else 1.0) if high - low <= max(NARROWEST * size, SMALLEST) else 0.0
    return Histogram(*np.histogram(numbers, BINS, (low - around / 2, high + around / 2)))


def _arrays(found: Mapping[str, Histogram]) -> dict[str, np.ndarray]:
    counts = {f"{name}/counts": one.counts for name, one in found.items()}
    return counts | {f"{name}/edges": one.edges for name, one in found.items()}
