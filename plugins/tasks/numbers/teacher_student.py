"""A network learns from another one, which nobody can see into."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from framework import Regression, Sizes, Split, field, register
from plugins.vectors.drawn import DrawnTask


@register("teacher_student")
@dataclass(frozen=True, kw_only=True)
class TeacherStudent(Regression, DrawnTask):
    """The outputs of a random network with tanh, at inputs from N(0, 1): the toy of Liu et al. 2022 (arXiv 2210.01117, figure 2).

    The teacher has `teacher_depth` hidden layers of `teacher_width` neurons, with weights and biases of torch.nn.Linear,
    U(±1/√fan_in). Defaults are theirs: 5-100-100-5, 100 points to train on and 100 to test on; their student is mlp with depth 2,
    width 100, activation tanh and a large init_scale. Inputs float [n, dimension], targets float [n, outputs].
    """

    points: int = field(200, "number of examples, those to train on and those to test on together", at_least=2, at_most=2**20)
    dimension: int = field(5, "numbers in an input", at_least=1)
    outputs: int = field(5, "numbers in an answer", at_least=1)
    teacher_depth: int = field(2, "hidden layers of the teacher", at_least=1, at_most=64)
    teacher_width: int = field(100, "neurons in each of them", at_least=1)

    @property
    def sizes(self) -> Sizes:
        """Vectors in, vectors out."""
        return Sizes(shape=(self.dimension,), outputs=self.outputs)

    def drawn(self, generator: np.random.Generator) -> Split:
        """Inputs, and what a teacher says of them."""
        inputs = generator.normal(size=(self.points, self.dimension))
        widths = [self.dimension, *[self.teacher_width] * self.teacher_depth, self.outputs]
        layers = [linear_layer(generator, *pair) for pair in zip(widths, widths[1:], strict=False)]
        return Split(jnp.asarray(inputs), jnp.asarray(teach(inputs, layers)))


Layer = tuple[np.ndarray, np.ndarray]  # weights [fan_in, out] and bias [out]


def linear_layer(generator: np.random.Generator, fan_in: int, out: int) -> Layer:
    """(weights [fan_in, out], bias [out]), all from U(±1/√fan_in)."""
    numbers = generator.uniform(-1, 1, (fan_in + 1, out)) / fan_in**0.5
    return numbers[:-1], numbers[-1]


def teach(inputs: Float[np.ndarray, "n d"], layers: list[Layer]) -> Float[np.ndarray, "n q"]:
    """The outputs of a network with tanh between its layers."""
    *hidden, (weights, bias) = layers
    for weight, shift in hidden:
        inputs = np.tanh(inputs @ weight + shift)
    return inputs @ weights + bias
