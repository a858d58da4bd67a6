"""The arrays of a file: `inputs` and `targets`, a row for each example, checked and in the types that tasks have."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import did_you_mean, one_of
from framework.storage import read_npz

PREFIX = "inputs."  # of the names of several arrays that are one input together
INTEGERS = "integers"


@dataclass(frozen=True, eq=False)
class Arrays:
    """What a file holds. inputs: an array, or a dict of arrays; images have an axis of channels. targets: labels [n], or values [n, q]."""

    inputs: Any
    targets: np.ndarray

    @property
    def has_labels(self) -> bool:
        """Whether the targets are labels."""
        return self.targets.dtype == np.int32

    @property
    def is_tokens(self) -> bool:
        """Whether an input is a tuple of tokens."""
        return not isinstance(self.inputs, dict) and self.inputs.dtype == np.int32

    @property
    def largest(self) -> int:
        """The largest integer among the inputs; −1 where there is none."""
        arrays = self.inputs.values() if isinstance(self.inputs, dict) else [self.inputs]
        return max((int(array.max()) for array in arrays if array.dtype == np.int32), default=-1)


def read_arrays(path: Path) -> Arrays:
    """The arrays of an .npz file. Raises ValueError with a sentence on what is wrong; OSError where the file cannot be read."""
    found = _loaded(path)
    names = [name for name in found if name == "inputs" or name.startswith(PREFIX)]
    for wanted in [name for name in ("inputs", "targets") if name not in found and not (name == "inputs" and names)]:
        raise ValueError(f"has no array {wanted!r}.{did_you_mean(wanted, found)} It has {one_of(sorted(found))}")
    if "inputs" in names and len(names) > 1:
        raise ValueError(f"has an array 'inputs' and also {names[1 - names.index('inputs')]!r}: take the one or the other")
    inputs = {name.removeprefix(PREFIX): _numbers(name, found[name]) for name in names}
    targets = _targets(found["targets"])
    for name in names:
        if len(found[name]) != len(targets):
            raise ValueError(f"has {len(found[name]):,} rows in {name!r} and {len(targets):,} in 'targets': one row for each example")
    return Arrays(_alone(inputs["inputs"]) if "inputs" in names else inputs, targets)


def _loaded(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_npz(path, unfolds=True)
    except ValueError:
        raise ValueError("is no .npz file of arrays of numbers: write one with numpy.savez(FILE, inputs=…, targets=…)") from None


def _numbers(name: str, array: np.ndarray) -> np.ndarray:
    """The array as int32, from 0 on, or as finite floats."""
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"has an array {name!r} of shape {list(array.shape)}: it needs a row for each example")
    if np.issubdtype(array.dtype, np.floating):
        wrong, rule = ~np.isfinite(array), "it must be finite"
    elif np.issubdtype(array.dtype, np.integer) or array.dtype == bool:
        wrong, rule = (array < 0) | (array > np.iinfo(np.int32).max), f"{INTEGERS} are tokens or labels, from 0 on; save numbers as floats"
    else:
        raise ValueError(f"has an array {name!r} of {array.dtype}: it must hold integers or floats")
    if np.any(wrong):
        place = tuple(np.argwhere(wrong)[0])
        raise ValueError(f"has {array[place]} in row {place[0]} of {name!r}: {rule}")
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.int32)


def _alone(inputs: np.ndarray) -> np.ndarray:
    """Tokens [n, k], or floats: a number is a vector of one, and an image without channels has one."""
    inputs = inputs[:, None] if inputs.ndim == 1 else inputs
    if inputs.dtype == np.int32 and inputs.ndim != 2:
        raise ValueError(
            f"has integer inputs of shape {list(inputs.shape)}: tokens are [n, k]; save numbers as floats: inputs.astype('float32')"
        )
    return inputs[..., None] if inputs.ndim == 3 else inputs


def _targets(array: np.ndarray) -> np.ndarray:
    targets = _numbers("targets", array)
    if targets.ndim > (1 if targets.dtype == np.int32 else 2):
        raise ValueError(
            f"has {targets.dtype} targets of shape {list(targets.shape)}: labels are integers [n], values floats [n] or [n, outputs]"
        )
    return targets if targets.dtype == np.int32 or targets.ndim == 2 else targets[:, None]
