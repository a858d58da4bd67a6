"""What float32 makes of small losses and small gradients, beside the same in 60 decimal digits."""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from framework import Claim, Row, field, register
from framework.errors import FieldError
from framework.losses import cross_entropy
from framework.registry import build

DIGITS = 60
LAST_PLACE = 2.0**-23  # of float32. A log of size m is right to m of these, so that is what its exponential is off by, relatively


@register("exact_in_float32")
@dataclass(frozen=True, kw_only=True)
class ExactInFloat32(Claim):
    """Cross-entropy, its gradient and unit steps are right to rounding in float32 down to 1e-37 (not in Mohamadi et al. 2024).

    Its penalty of 1e-20 acts where the mean loss is as small: training has to get there. Logits (0, m, −3), label 1; exact
    values in decimal arithmetic. Controls: logsumexp(z) − z_y, the loss and the normalization that optax has, which add or
    subtract before they scale.
    """

    logits: tuple[float, ...] = field((5.0, 20.0, 60.0, 84.0), "m, the right logit, outside of 9 … 17", above=0, at_most=84)
    gradients: tuple[float, ...] = field((1.0, 1e-22, 1e-37), "entries of the gradient that is normalized", above=0)
    size: int = field(1000, "number of its entries", at_least=1)

    tags = ("numerics",)
    scales = {"laptop": {"size": 100_000}, "full": {"size": 1_000_000}}
    note = (
        "with logsumexp(z) − z_y the loss and its gradient in z_y are exactly 0 once the margin is above about 17; optax's normalization "
        "adds 1e-6 to the norm, so that a gradient of norm 1e-20 becomes a step of length 1e-14 and training stops without a word."
    )

    def __post_init__(self) -> None:
        """Also checks that no logit is where rounding decides what the textbook form keeps."""
        super().__post_init__()
        if any(9 < m < 17 for m in self.logits):
            rule = "each must be at most 9, where the textbook form keeps two digits, or at least 17, where it keeps none"
            raise FieldError("logits", self.logits, rule)

    def check(self, seed: int) -> list[Row]:
        """Relative deviations of losses and gradients, and lengths of steps."""
        rows = []
        for m in self.logits:
            loss, slope = exact_cross_entropy((0.0, m, -3.0), 1)
            for name, function in FORMS.items():
                found = jax.value_and_grad(lambda z, function=function: function(z)[0])(jnp.array([[0.0, m, -3.0]], jnp.float32))
                holds = name == "product" or m < 10  # a margin of 5 leaves the textbook form four digits, of 20 none
                rounding = (8 + m) * LAST_PLACE if name == "product" else 1e-2
                for what, exact, measured in (("loss", loss, found[0]), ("gradient in z_y", slope, found[1][0, 1])):
                    miss = float(abs(Decimal(float(measured)) / exact - 1))
                    rows.append(Row(f"z_y = {m:g}: {what}, {name}: deviation", 0, miss, rounding, expected_to_hold=holds))
        return rows + [row for size in self.gradients for row in self._steps(size)] + [self._at_zero()]

    def _steps(self, size: float) -> list[Row]:
        """The length of a step of normalized gradient descent with η = 1 for a gradient whose entries are `size`."""
        gradient = {"W": jnp.full(self.size, size, jnp.float32)}
        rows = []
        for name, transform in normalized().items():
            step, _ = transform.update(gradient, transform.init(gradient), gradient)
            length = float(np.linalg.norm(np.asarray(step["W"], np.float64)))
            holds = name == "product" or size * self.size**0.5 > 0.1  # optax adds 1e-6 to the norm: more than 1e-5 of smaller ones
            rows.append(Row(f"gradient of {size:g}: length of the step, {name}", 1, length, 1e-5, expected_to_hold=holds))
        return rows

    def _at_zero(self) -> Row:
        gradient = {"W": jnp.zeros(self.size, jnp.float32)}
        transform = normalized()["product"]
        step, _ = transform.update(gradient, transform.init(gradient), gradient)
        return Row("gradient of 0: largest entry of the step", 0, float(np.abs(np.asarray(step["W"])).max()))


def of_label_1(loss: Any) -> Any:
    """The loss as a function of logits [1, 3] alone."""
    return lambda z: loss(z, jnp.array([1]))


FORMS = {
    "product": of_label_1(cross_entropy),
    "logsumexp(z) − z_y": lambda z: jax.nn.logsumexp(z, axis=1) - z[:, 1],
    "optax": of_label_1(optax.softmax_cross_entropy_with_integer_labels),
}


def normalized() -> dict[str, optax.GradientTransformation]:
    """Steps of length 1 against the gradient."""
    return {
        "product": build("optimizer", "normalized_gd", learning_rate=1.0).transform(),
        "optax": optax.chain(optax.normalize_by_update_norm(), optax.scale(-1.0)),
    }


def exact_cross_entropy(logits: tuple[float, ...], label: int) -> tuple[Decimal, Decimal]:
    """(log Σ_j e^(z_j − z_y), its derivative in z_y), in 60 digits."""
    with localcontext() as context:
        context.prec = DIGITS
        right = Decimal(logits[label])
        odds = sum(((Decimal(z) - right).exp() for j, z in enumerate(logits) if j != label), Decimal(0))
        return (1 + odds).ln(), -odds / (1 + odds)
