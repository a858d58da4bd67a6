"""A quadratic form with one direction in it, which must be found."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from framework import Regression, Sizes, Split, field, register
from plugins.vectors.drawn import DrawnTask


@register("polynomial_regression")
@dataclass(frozen=True, kw_only=True)
class PolynomialRegression(Regression, DrawnTask):
    """y = (β·x)² / 2 at x from N(0, I/D), with β from N(0, I): the task of Kumar et al. 2024 (arXiv 2310.06110, figure 1).

    Defaults are theirs: D = 100, 550 points to train on and 1,000 to test on; a kernel would need of the order of D² points.
    Inputs float [n, dimension], targets float [n, 1].
    """

    train_size: str = field("550", "training points: a number, a share of the population, or a formula", expression=True)
    points: int = field(1_550, "number of examples, those to train on and those to test on together", at_least=2, at_most=2**20)
    dimension: int = field(100, "D, numbers in an input", at_least=1)

    @property
    def sizes(self) -> Sizes:
        """Vectors in, a number out."""
        return Sizes(shape=(self.dimension,), outputs=1)

    def drawn(self, generator: np.random.Generator) -> Split:
        """Inputs, and half the squares of their products with β."""
        beta = generator.normal(size=self.dimension)
        inputs = generator.normal(size=(self.points, self.dimension)) / self.dimension**0.5
        return Split(jnp.asarray(inputs), jnp.asarray((inputs @ beta)[:, None] ** 2 / 2))
