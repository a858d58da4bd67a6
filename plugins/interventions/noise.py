"""Gaussian noise on parameters."""

from dataclasses import dataclass, replace

import jax
import numpy as np

from framework import Intervention, Setting, Training, field, register
from framework.interfaces import Values, chosen, replaced


@register("noise")
@dataclass(frozen=True, kw_only=True)
class Noise(Intervention):
    """θ ← θ + σ ε, ε ~ N(0, 1) for each entry: how far a network is from where it was, once it has gone on training.

    With relative noise σ is a share of the root mean square of each matrix. ε follows from the run's seed, the name of the
    intervention, the step and the place of the parameter. Source: perturbed restarts, as in Ash and Adams 2020 (arXiv 1910.08475).

    Example: whygrok run --config=quickstart --config.interventions.x.name=noise --config.interventions.x.schedule="at 500"
    --config.interventions.x.std=0.1 --config.interventions.x.relative=true
    """

    std: float = field(0.1, "σ, the standard deviation of the noise", at_least=0)
    relative: bool = field(False, "σ is a share of the root mean square of the parameter's entries")
    leaves: tuple[str, ...] = field((), 'dotted names of parameters, with * for any letters, such as "W"; empty: all')

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Draws and adds."""
        new = {}
        for number, (name, leaf) in enumerate(chosen("leaves", self.leaves, training.params).items()):
            drawn = np.asarray(jax.random.normal(jax.random.fold_in(context.key, number), leaf.shape, leaf.dtype))
            size = self.std * float(np.sqrt(np.mean(np.square(leaf)))) if self.relative else self.std
            new[name] = leaf + size * drawn
        return replace(training, params=replaced(training.params, new)), {}
