"""Which parities the network's answers are made of."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from framework import Probe, field, register
from framework.errors import UserError


@register("walsh_coefficients")
@dataclass(frozen=True, kw_only=True)
class WalshCoefficients(Probe):
    """Correlation of sign(f_1 − f_0) with a parity, over all inputs (Walsh–Hadamard transform; O'Donnell 2014).

    Scalars: hidden, with the parity to be learned; largest_other, the largest in absolute value with another. No state.
    Raises UserError for a task whose tokens are no bits.
    """

    spectrum: bool = field(False, "also all 2^bits coefficients, as an array")

    def notices(self, experiment):
        """Refuses tasks that are no parity."""
        if not hasattr(experiment.task, "hidden"):
            raise UserError(f"walsh_coefficients needs the task chosen_parity, not {type(experiment.task).__name__}")
        return []

    def measure(self, params, context, state):
        """The coefficients, by a fast transform: one sum and difference along each bit."""
        outputs = context.apply(params, context.splits.population.inputs)
        values = jnp.sign(outputs[:, 1] - outputs[:, 0]).reshape((2,) * context.task.bits)
        for axis in range(context.task.bits):
            low, high = jnp.take(values, 0, axis), jnp.take(values, 1, axis)
            values = jnp.stack([low + high, low - high], axis)
        coefficients = values.reshape(-1) / 2**context.task.bits
        place = sum(2 ** (context.task.bits - 1 - bit) for bit in context.task.hidden)
        others = jnp.abs(coefficients.at[place].set(0))
        found = {"hidden": -coefficients[place], "largest_other": jnp.max(others)}
        return found | ({"spectrum": coefficients} if self.spectrum else {}), state


def parity_of(inputs, places):
    """(−1)^(sum of the bits at these places), a float64 array [n]: the slow way, for tests."""
    return (-1.0) ** np.asarray(inputs)[:, list(places)].sum(axis=1)
