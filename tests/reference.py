"""Reference values made outside this project (PyTorch and NumPy, float64)."""

from pathlib import Path
from typing import Any

import numpy as np

FOLDERS = (Path(__file__).parents[2] / "shared" / "reference", Path(__file__).parent / "data")


def load(name: str) -> dict[str, Any]:
    """The arrays of NAME.npz: from beside the checkout where they are, else from the copies in tests/data."""
    file = next(folder / f"{name}.npz" for folder in FOLDERS if (folder / f"{name}.npz").is_file())
    with np.load(file) as stored:
        return {key: stored[key] for key in stored.files}
