"""Whether examples are what their task says: checked once, on the host, as JAX would go on with what is wrong."""

import hashlib
from typing import Any

import jax
import numpy as np

from framework.errors import UserError
from framework.interfaces import Split, Splits, Task
from framework.interfaces.data import TOKENS


def check_splits(splits: Splits, task: Task) -> None:
    """Raises UserError naming split, row and value if a token or a label is outside its range, or a number is not finite.

    JAX clamps or wraps an index that is out of range without a word.
    """
    for name, examples in splits:
        if isinstance(examples, Split) and len(examples):
            _check_shapes(name, examples, task)
            for path, array in _named(examples.inputs):
                is_token = task.sizes.kind == TOKENS or np.issubdtype(array.dtype, np.integer)
                _check(name, f"{'token' if is_token else 'input'}{path}", array, task.sizes.values if is_token else 0)
            for path, array in _named(examples.targets):
                _check(name, f"target{path}", array, task.sizes.outputs if examples.has_labels else 0)


def digest(splits: Splits) -> str:
    """SHA-256 of all examples: what tells a resumed run that a file behind its task has changed."""
    found = hashlib.sha256()
    for leaf in jax.device_get(jax.tree.leaves(splits)):
        found.update(f"{leaf.dtype}{leaf.shape}".encode() + np.ascontiguousarray(leaf).tobytes())
    return found.hexdigest()


def _check_shapes(name: str, examples: Split, task: Task) -> None:
    """Numbers must be shaped as the sizes say, and each array must have a row for each example."""
    for what in ("inputs", "targets"):
        for path, array in _named(getattr(examples, what)):
            if array.shape[:1] != (len(examples),):
                raise UserError(f"task: {what}{path} of the {name} split are {list(array.shape)}; it has {len(examples)} examples")
    if task.sizes.shape:
        found = jax.tree.map(lambda array: tuple(array.shape[1:]), examples.inputs)
        if found != (wanted := task.sizes.shape):
            raise UserError(f"task: an input of the {name} split has the shape {found}; its sizes say {wanted}")


def _check(name: str, what: str, array: np.ndarray, limit: int) -> None:
    """Each number must be in 0 … limit − 1, or finite where there is no limit."""
    wrong = np.argwhere((array < 0) | (array >= limit) if limit else ~np.isfinite(array))
    if len(wrong):
        row, value = wrong[0][0], array[tuple(wrong[0])]
        said = f"is outside 0 … {limit - 1}" if limit else "is not finite"
        raise UserError(f"task: {what} {value} in row {row} of the {name} split {said}")


def _named(tree: Any) -> list[tuple[str, np.ndarray]]:
    """The arrays on the host, each with a blank and its name where there are several."""
    found = jax.tree_util.tree_leaves_with_path(tree)
    return [(f" {jax.tree_util.keystr(path, simple=True, separator='.')}" if path else "", np.asarray(leaf)) for path, leaf in found]
