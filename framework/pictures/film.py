"""A film as data: one picture at several steps of training, whose frames share rows and columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Film:
    """The same array at several steps. frames: step → [rows, columns], the first row at the top.

    bound: the value that has the strongest colour; None for the largest of each frame. signed: colours for both signs, else from 0 on.
    Raises ValueError where the frames are no pictures of one size.
    """

    title: str
    frames: Mapping[int, np.ndarray]
    x_label: str
    y_label: str
    value_label: str
    bound: float | None = None
    signed: bool = False

    def __post_init__(self) -> None:
        shapes = sorted({np.shape(frame) for frame in self.frames.values()})
        if any(len(shape) not in (2, 3) or 0 in shape for shape in shapes):
            raise ValueError(f"the frames of {self.title!r} are no pictures: {shapes}")
        if len(shapes) > 1:
            raise ValueError(f"the frames of {self.title!r} are of several sizes: {shapes}")
        if kinds := sorted({str(dtype) for frame in self.frames.values() if not _is_number(dtype := np.asarray(frame).dtype)}):
            raise ValueError(f"the frames of {self.title!r} are no numbers but {', '.join(kinds)}")


def _is_number(dtype: np.dtype) -> bool:
    """Whether it is one of NumPy's real numbers, or a small one of JAX."""
    return dtype.kind in "fiub" or (dtype.kind == "V" and dtype.names is None and dtype.type is not np.void)


def by_frequency(matrix: np.ndarray) -> np.ndarray:
    """An order of the columns in which those stand together that are strongest at one frequency along the rows, by their phase."""
    if matrix.shape[0] < 3:
        return np.arange(matrix.shape[1])
    transform = np.fft.rfft(matrix, axis=0)[1:]
    strongest = np.argmax(np.abs(transform), axis=0)
    return np.lexsort((np.angle(transform[strongest, np.arange(matrix.shape[1])]), strongest))
