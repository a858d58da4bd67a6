"""Small sweeps that the engine `batch` trains, and how close a member must come to a run of its own."""

import json
from pathlib import Path

import numpy as np

from framework.config import members, select
from framework.run import complete_steps, read_leaves
from tests.helpers import arrays, rows, tiny

ENGINE = "batch:size=4"
NAMES = [f"seed={seed},optimizer.learning_rate={rate}" for seed, rate in enumerate((0.01, 0.02, 0.03, 0.04, 0.05))]
TOLERANCE = {"float32": 1e-4, "float64": 1e-11}  # relative; XLA may add up in another order where there is an axis of members


def swept(count=5, base=None, **changes):
    """Members that differ in their seeds and rates: four of them fill a program, the fifth has one for itself."""
    changed = [{"seed": seed, "optimizer.learning_rate": 0.01 * (seed + 1)} for seed in range(count)]
    return members(base or tiny(**changes), changed)


def adamw(rate):
    return select("adamw", learning_rate=rate)


def assert_close(path: Path, alone: Path, precision: str = "float32") -> None:
    """Rows, arrays and checkpoints have the same names, shapes and dtypes, and equal numbers to the tolerance."""
    tolerance = TOLERANCE[precision]
    found, expected = ([json.loads(line) for line in rows(folder)] for folder in (path, alone))
    assert [list(row) for row in found] == [list(row) for row in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(list(one.values()), list(other.values()), rtol=tolerance, atol=tolerance / 100)
    kind = np.dtype(precision)
    assert arrays(path).keys() == arrays(alone).keys()
    for name, stored in arrays(path).items():
        one, other = np.frombuffer(stored, kind), np.frombuffer(arrays(alone)[name], kind)
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance / 100)
    steps = complete_steps(path / "checkpoints")
    assert sorted(steps) == sorted(complete_steps(alone / "checkpoints")) and steps
    for step in steps:
        mine, its = (read_leaves(folder / "checkpoints" / str(step)) for folder in (path, alone))
        assert {name: (leaf.shape, leaf.dtype) for name, leaf in mine.items()} == {n: (leaf.shape, leaf.dtype) for n, leaf in its.items()}
        for name, leaf in mine.items():
            np.testing.assert_allclose(leaf, its[name], rtol=tolerance, atol=tolerance / 100, err_msg=name)
