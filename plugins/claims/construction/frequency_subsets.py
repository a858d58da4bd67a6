"""Which frequencies a network needs to add, and which it needs only to answer right."""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from framework.errors import FieldError
from plugins.networks.written_down import all_tuples, answers, outputs, summand_network


@register("frequency_subsets")
@dataclass(frozen=True, kw_only=True)
class FrequencySubsets(Claim):
    """Σ a_i in the frequencies F of the construction, one of each pair ±f: exact up to a factor and a constant only if F has them all.

    Arg max is right for every input where gcd(F, p) = 1, so that one frequency answers for a prime p, with an output margin of
    1 − cos(2π/p) of it. By brute force over all F for odd p: outputs of the network on the whole population, their best fit by
    factor · 1[Σ a_i ≡ q] + constant, and how often the right answer is the only largest. Beyond Remark F.1 it is not in
    Mohamadi et al. 2024. Raises FieldError for even p: there frequency p/2 has no partner, and half of it is needed.
    """

    p: tuple[int, ...] = field((5, 9), "moduli, odd", at_least=3)
    k: tuple[int, ...] = field((2, 3, 4), "numbers of summands", at_least=2, at_most=5)

    tags = ("construction", "k summands")
    scales = {"laptop": {"p": (7, 9), "k": (2, 3, 4, 5)}, "full": {"p": (15, 21), "k": (2, 3)}}

    def __post_init__(self) -> None:
        """Also checks that all p are odd."""
        super().__post_init__()
        for p in self.p:
            if p % 2 == 0:
                raise FieldError("p", self.p, f"must be odd, as the frequencies ±f are pairs; {p} is even, {p + 1} is the next odd number")

    def check(self, seed: int) -> list[Row]:
        """For each p and k, how many sets of frequencies are exact, and how many answer everything right."""
        return [row for p in self.p for k in self.k for row in self._of(p, k)]

    def _of(self, p: int, k: int) -> list[Row]:
        inputs = all_tuples(p, k)
        target, pairs = answers(inputs, p), range(1, (p + 1) // 2)
        alone = {f: outputs(*summand_network(p, k, [f]), inputs) for f in pairs}  # outputs of neurons add up
        sets = [chosen for size in pairs for chosen in itertools.combinations(pairs, size)]
        exact = [chosen for chosen in sets if misfit(added(alone, chosen), target) < 1e-9]
        right = sum(answers_right(added(alone, chosen), target) for chosen in sets)
        coprime = sum(math.gcd(p, *chosen) == 1 for chosen in sets)
        heights = np.sort(alone[1][0])[::-1]
        said = f"p = {p}, k = {k}: "
        return [
            Row(said + f"exact sets of {len(sets)}", 1, len(exact)),
            Row(said + "frequencies in the smallest", len(pairs), min(map(len, exact), default=0)),
            Row(said + f"sets that answer everything right, of {len(sets)}", coprime, right),
            Row(said + "margin of frequency 1 / its largest output", 1 - math.cos(2 * math.pi / p), 1 - heights[1] / heights[0], 1e-9),
        ]


def added(alone: Mapping[int, np.ndarray], chosen: Iterable[int]) -> np.ndarray:
    """Outputs of the network of these frequencies."""
    return np.sum([alone[f] for f in chosen], axis=0)


def misfit(found: np.ndarray, target: np.ndarray) -> float:
    """‖found − best factor · target − best constant‖² / ‖found − its mean‖²."""
    centered, wanted = found - found.mean(), target - target.mean()
    return float(1 - np.sum(centered * wanted) ** 2 / (np.sum(centered**2) * np.sum(wanted**2)))


def answers_right(found: np.ndarray, target: np.ndarray) -> bool:
    """Whether the right answer is above every other one by more than rounding, at every input."""
    right = np.sum(found * target, axis=1)
    wrong = np.max(np.where(target == 1, -np.inf, found), axis=1)
    return bool(np.all(right - wrong > 1e-9 * np.abs(found).max()))
