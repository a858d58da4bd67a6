"""A quadratic neuron is a sum of cubes of linear forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from framework import Claim, Row, field, register

SIGNS = ((1, 1, 1), (-1, 1, -1), (-1, -1, 1), (1, -1, -1))  # of a cube, and of y and z in it
NEURON = ((1, 1, 1), (-1, 1, -1), (-2, 0, 1))  # factor of a cube, and of x and z in it


@register("quadratic_as_cubes")
@dataclass(frozen=True, kw_only=True)
class QuadraticAsCubes(Claim):
    """24 xyz = (x+y+z)³ − (x+y−z)³ − (x−y+z)³ + (x−y−z)³, so that v (u·x)² is a sum of 4 cubes (Lemma E.1, Mohamadi et al. 2024).

    For a quadratic neuron, x = y, three do: 6 x²z = (x+z)³ − (x−z)³ − 2z³ (not in the paper). Checked in integers, exactly,
    at random points. The control leaves the last of the four out.
    """

    points: int = field(10_000, "random integer triples", at_least=1)
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {"laptop": {"points": 1_000_000}, "full": {"points": 10_000_000}}
    tags: ClassVar[tuple[str, ...]] = ("generalization", "appendix E")

    def check(self, seed: int) -> list[Row]:
        """How many of the points differ."""
        x, y, z = np.random.default_rng(seed).integers(-1000, 1000, (3, self.points))
        terms = [sign * (x + s * y + t * z) ** 3 for sign, s, t in SIGNS]
        four, without_last = (int(np.sum(24 * x * y * z != sum(part))) for part in (terms, terms[:3]))
        neuron = int(np.sum(6 * x**2 * z != sum(sign * (a * x + b * z) ** 3 for sign, a, b in NEURON)))
        return [
            Row("points that differ, 4 cubes", 0, four),
            Row("points that differ, 3 cubes for x²z", 0, neuron),
            Row("points that differ, without the last cube", 0, without_last, expected_to_hold=False),
        ]
