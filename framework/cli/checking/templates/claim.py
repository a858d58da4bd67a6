"""The claim my_claim: say in one line what should hold."""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register


@register("my_claim")
@dataclass(frozen=True, kw_only=True)
class MyClaim(Claim):
    """Σ_n cos(2πfn/p)² = p/2 for 0 < f < p/2. Source: the paper, its theorem and year.

    Measure by another route than the prediction's formula; a row that should fail has expected_to_hold=False.
    """

    p: int = field(11, "modulus", at_least=3)

    scales = {"laptop": {"p": 97}, "full": {"p": 997}}

    def check(self, seed):
        """One row per frequency drawn with the seed, and a control that must not hold."""
        frequency = int(np.random.default_rng(seed).integers(1, (self.p + 1) // 2))
        power = [float(np.sum(np.cos(2 * np.pi * f * np.arange(self.p) / self.p) ** 2)) for f in (frequency, 0)]
        return [
            Row(f"power at frequency {frequency}", self.p / 2, power[0], 1e-9),
            Row("power at frequency 0", self.p / 2, power[1], 1e-9, expected_to_hold=False),
        ]
