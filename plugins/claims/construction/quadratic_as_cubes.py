"""A quadratic neuron is a sum of cubes of linear forms."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from framework import Claim, Row, field, register
from plugins.networks.written_down import all_tuples

# (N, cubes) such that N u²v is the sum of weight · (s u + t v)³ over the cubes (weight, s, t), in integers with w = 2u.
PROOF = (18, ((1, 2, 1), (-1, 2, -1), (-1, 1, 1), (1, 1, -1)))
PRINTED = (18, ((1, 2, 1), (1, -2, 1), (1, -1, 1), (1, 1, -1)))
MENDED = (18, ((1, 2, 1), (1, -2, 1), (1, -1, -1), (1, 1, -1)))  # with −V in Q_3
TWICE = (81, PROOF[1])  # 2/9 of cubes that have the factor 2/9 already
THREE = (24, ((1, 2, 1), (1, -2, 1), (-2, 0, 1)))


@register("quadratic_as_cubes")
@dataclass(frozen=True, kw_only=True)
class QuadraticAsCubes(Claim):
    """w²v = 2/9 ((w+v)³ − (w−v)³ − (w/2+v)³ + (w/2−v)³), so that a neuron is 4 cubes (Lemma E.1, Mohamadi et al. 2024).

    w = Q_a + R_b and v = V_c of random neurons with integer weights, at all p³ triples, without rounding. Derived here:
    three cubes do, 6 w²v = (v+w)³ + (v−w)³ − 2v³. Two do not: the one quadratic operator that annihilates w²v is ∂²/∂v²,
    and it would need two different roots (Sylvester 1851). The controls are (E.4) and (E.5) as printed.
    """

    p: int = field(5, "modulus", at_least=2)
    neurons: int = field(50, "number of random neurons", at_least=1)

    scales = {"laptop": {"p": 23, "neurons": 200}, "full": {"p": 47, "neurons": 500}}
    tags = ("generalization", "appendix E")
    note = (
        "One sign of (E.4) is misprinted: Q_3 = (−W/2; V) must be (−W/2; −V), or its third and fourth cube cancel. The third line of "
        "(E.5) is right; the second has the factor 2/9 before cubes of U, which carries it already. The largest weight is (2/9)^(1/3) "
        "= 0.61 of the neuron's, not equal to it; the lemma needs at most."
    )

    def check(self, seed: int) -> list[Row]:
        """How many outputs differ for each of the sums of cubes, and how large the weights are."""
        generator, inputs = np.random.default_rng(seed), all_tuples(self.p, 3)
        sums = PROOF, PRINTED, MENDED, TWICE, THREE
        wrong, largest = np.zeros(len(sums), int), 0.0
        for _ in range(self.neurons):
            neuron = generator.integers(-1000, 1000, (3, self.p))
            wrong += [differences(neuron, inputs, *cubes) for cubes in sums]
            largest = max(largest, largest_weight(neuron, *PROOF) / max(np.abs(2 * neuron[:2]).max(), np.abs(neuron[2]).max()))
        return [
            Row("outputs that differ, 4 cubes as in the third line of (E.5)", 0, int(wrong[0])),
            Row("outputs that differ, 4 cubes as in its second line", 0, int(wrong[3]), expected_to_hold=False),
            Row("outputs that differ, 4 cubes as in (E.4)", 0, int(wrong[1]), expected_to_hold=False),
            Row("outputs that differ, (E.4) with −V in Q_3", 0, int(wrong[2])),
            Row("outputs that differ, 3 cubes", 0, int(wrong[4])),
            Row("largest weight of the cubes / of the neuron", 1, largest, relation="<="),
            Row("largest weight of the cubes, equal as printed", 1, largest, 1e-9, expected_to_hold=False),
        ]


def differences(neuron: Int[np.ndarray, "3 p"], inputs: Int[np.ndarray, "n 3"], times: int, cubes: tuple) -> int:
    """At how many triples (a, b, c) `times` · u²v is not the sum of the cubes, u = Q_a + R_b and v = V_c; int64."""
    u, v = neuron[0, inputs[:, 0]] + neuron[1, inputs[:, 1]], neuron[2, inputs[:, 2]]
    return int(np.sum(times * u**2 * v != sum(weight * (s * u + t * v) ** 3 for weight, s, t in cubes)))


def largest_weight(neuron: Int[np.ndarray, "3 p"], times: int, cubes: tuple) -> float:
    """The largest entry of the linear forms whose cubes, their factors drawn in, add up to (2u)² v."""
    u, v = np.abs(neuron[:2]).max(), np.abs(neuron[2]).max()
    sizes = [abs(4 * weight / times) ** (1 / 3) * max(abs(s) * u, abs(t) * v) for weight, s, t in cubes]
    return float(max(sizes))
