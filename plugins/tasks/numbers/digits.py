"""Handwritten digits: small real images, for which a network need not be large."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from framework import Sizes, Split, Task, field, register
from framework.errors import UserError


@register("digits")
@dataclass(frozen=True, kw_only=True)
class Digits(Task):
    """The 1,797 handwritten digits of 8 × 8 pixels that scikit-learn brings (Alpaydin and Kaynak 1998, UCI), pixels in [0, 1].

    Inputs float [n, 8, 8, 1], targets int32 [n]. Liu et al. 2022 (arXiv 2210.01117) grok MNIST with 1,000 training images, the
    square loss on one-hot labels and large initial weights; this is a smaller sibling. Raises UserError where scikit-learn is
    missing: pip install 'whygrok[digits]'.
    """

    train_size: str = field("1000", "training points: a number, a share of the population, or a formula", expression=True)

    @property
    def sizes(self) -> Sizes:
        """One channel, ten digits."""
        return Sizes(shape=(8, 8, 1), outputs=10)

    def population(self) -> Split:
        """All images in the order of scikit-learn."""
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise UserError("task.name = 'digits': needs scikit-learn, which brings the images: pip install 'whygrok[digits]'") from None
        images, labels = load_digits(return_X_y=True)
        return Split(jnp.asarray(images.reshape(-1, 8, 8, 1) / 16), jnp.asarray(labels.astype(np.int32)))
