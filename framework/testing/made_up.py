"""Small tasks whose inputs are numbers: what a plugin that takes no tokens is checked on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from framework import seeds
from framework.fields import field
from framework.interfaces import KINDS, Sizes, Split, Task
from framework.interfaces.data import ARRAYS, IMAGES, VALUES, Shape

COUNT, CLASSES = 12, 3
SHAPES: dict[str, Shape | Mapping[str, Shape]] = {VALUES: (6,), IMAGES: (8, 8, 1), ARRAYS: {"image": (8, 8, 1), "place": (2,)}}


@dataclass(frozen=True, kw_only=True)
class MadeUp(Task):
    """Twelve inputs of normal numbers, of three classes in turn. Source: whygrok."""

    kind: str = field(VALUES, "what the inputs are", choices=KINDS[1:])

    @property
    def sizes(self) -> Sizes:
        """Shapes that a small network can read."""
        return Sizes(shape=SHAPES[self.kind], outputs=CLASSES)

    def population(self) -> Split:
        """The same ones whatever the seed."""
        generator = seeds.host_generator(0, "made up")

        def drawn(shape: Shape) -> Any:
            return jnp.asarray(generator.normal(size=(COUNT, *shape)))

        shape = SHAPES[self.kind]
        inputs = {name: drawn(one) for name, one in shape.items()} if isinstance(shape, Mapping) else drawn(shape)
        return Split(inputs, jnp.arange(COUNT, dtype=jnp.int32) % CLASSES)
