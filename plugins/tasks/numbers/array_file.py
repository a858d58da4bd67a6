"""The user's own data, read from a file."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from framework import Loss, Sizes, Split, Splits, Task, field, part, register
from framework.errors import FieldError, unreadable
from framework.interfaces.tasks.regression import is_near
from plugins.vectors.arrays import Arrays, read_arrays


@register("array_file")
@dataclass(frozen=True, kw_only=True)
class ArrayFile(Task):
    """The arrays `inputs` and `targets` of an .npz file, one row an example: numpy.savez("data.npz", inputs=…, targets=…).

    Integer targets [n] are labels 0, 1, …: classification. Float targets [n] or [n, outputs] are values: regression with the
    square loss, in which an answer counts as right within `tolerance`. Integer inputs [n, k] are tokens; floats [n, d] are
    vectors, [n, height, width] or [n, height, width, channels] images; arrays called inputs.NAME are a dict. All rows are the
    population, of which `train_size` are trained on. A run that is resumed compares the data's checksum. Source: the user's.
    """

    file: str = field("", "the .npz file: a path, absolute or from the folder in which the command is given")
    loss: Loss = part("by_targets", "loss of one example; by_targets: the cross-entropy for labels, the square loss for values")
    tolerance: float = field(0.1, "of values: an answer this near its target is right, in standard deviations of all targets", above=0)

    def __post_init__(self) -> None:
        """Also reads the file."""
        super().__post_init__()
        _ = self.arrays

    @cached_property
    def arrays(self) -> Arrays:
        """What the file holds."""
        if not self.file:
            raise FieldError("file", self.file, "must be the path of an .npz file, such as data.npz")
        try:
            return read_arrays(Path(self.file).expanduser())
        except OSError as error:
            raise unreadable("file", self.file, error) from None
        except (ValueError, RuntimeError) as error:  # a file of something else, or ~NOBODY
            raise FieldError("file", self.file, str(error)) from None

    @property
    def sizes(self) -> Sizes:
        """As many token values and classes as the file's largest numbers say; outputs as targets have, where they are values."""
        arrays, targets = self.arrays, self.arrays.targets
        outputs = int(targets.max()) + 1 if arrays.has_labels else targets.shape[1]
        if arrays.is_tokens:
            return Sizes(tokens=arrays.inputs.shape[1], values=arrays.largest + 1, outputs=outputs)
        return Sizes(shape=jax.tree.map(lambda array: array.shape[1:], arrays.inputs), values=arrays.largest + 1, outputs=outputs)

    def population(self) -> Split:
        """All rows in the order of the file."""
        return Split(jax.tree.map(_placed, self.arrays.inputs), _placed(self.arrays.targets))

    def right(self, outputs: Float[Array, "n p"], targets: Any, splits: Splits) -> Bool[Array, " n"]:
        """Whether the largest output is that of the label; of values, whether all outputs together are near the target."""
        if splits.population.has_labels:
            return super().right(outputs, targets, splits)
        return is_near(outputs, targets, splits.population.targets, self.tolerance)


def _placed(array: np.ndarray) -> Array:
    """Integers as int32, and floats in the precision of the run."""
    return jnp.asarray(array, None if array.dtype == np.int32 else jnp.result_type(float))
