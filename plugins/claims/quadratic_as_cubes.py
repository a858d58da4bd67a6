"""A quadratic neuron is a sum of cubes of linear forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from framework import Claim, Row, field, register

SIGNS = ((1, 1, 1), (-1, 1, -1), (-1, -1, 1), (1, -1, -1))  # of a cube, and of y and z in it


@register("quadratic_as_cubes")
@dataclass(frozen=True, kw_only=True)
class QuadraticAsCubes(Claim):
    """24 xyz = (x+y+z)³ − (x+y−z)³ − (x−y+z)³ + (x−y−z)³, so that v (u·x)² is a sum of 4 cubes (Lemma E.1, Mohamadi et al. 2024).

    Checked in integers, exactly, at random points; three cubes do not do.
    """

    points: int = field(10_000, "random integer triples", at_least=1)
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {"laptop": {"points": 1_000_000}, "full": {"points": 10_000_000}}
    tags: ClassVar[tuple[str, ...]] = ("generalization", "appendix E")

    def check(self, seed: int) -> list[Row]:
        """How many of the points differ, with four cubes and with three."""
        x, y, z = np.random.default_rng(seed).integers(-1000, 1000, (3, self.points))
        terms = [sign * (x + s * y + t * z) ** 3 for sign, s, t in SIGNS]
        differ = [int(np.sum(24 * x * y * z != sum(part))) for part in (terms, terms[:3])]
        return [Row("points that differ, 4 cubes", 0, differ[0]), Row("points that differ, 3 cubes", 0, differ[1], expected_to_hold=False)]
