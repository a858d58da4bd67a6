"""The construction for k summands, and how few neurons per frequency suffice."""

import functools
import itertools
from dataclasses import dataclass
from math import factorial

import numpy as np

from framework import Claim, Row, field, register
from plugins.networks.neuron_search import network_of, searched_neurons
from plugins.networks.written_down import Layers, all_tuples, answers, deviation, largest_entry, outputs, summand_network

SEARCHED = 3  # the largest k for which all phases are tried: beyond, there are too many


@register("summands")
@dataclass(frozen=True, kw_only=True)
class Summands(Claim):
    """f_q(a_1, …, a_k) = 2^(k−1) k! p · 1[Σ a_i ≡ q] with 2^(2k−1) p neurons and ‖θ‖_∞ = 1, activation z^k.

    By polarization, for odd and even p (not in Mohamadi et al. 2024, whose appendix F it is for k = 2). Without frequency 0
    a constant is missing, and nothing else. Fewer neurons do: m equally spaced phases in place of signs and choices of cos
    and sin, W = cos(w a_i + 2πj u_i/m), V = cos(wq + 2πj Σu_i/m), where the integers u keep every product of cosines but
    the wanted one from adding up: m = 2 · 3^(k−1), u = (1, 3, …, 3^(k−2), 4 · 3^(k−2)). No smaller m does for any
    integers u, by search for k = 2 and 3. With all phases and sizes free, least squares finds 14 neurons per frequency for k = 3
    (15 sooner), and 6 again for k = 2; that fewer are impossible is not shown.
    """

    p: tuple[int, ...] = field((5, 4), "moduli, odd and even", at_least=2)
    most: int = field(5, "the largest k", at_least=2, at_most=6)

    found: tuple[int, ...] = field((6, 15), "neurons per frequency to search for, for k = 2 and 3", at_least=1)

    tags = ("construction", "k summands")
    scales = {"laptop": {"p": (7, 6), "found": (6, 14)}, "full": {"p": (11, 8), "found": (6, 14)}}

    def check(self, seed: int) -> list[Row]:
        """Four rows per pair (p, k), and what leaving out one frequency does."""
        rows = []
        for p in self.p:
            for k in range(2, self.most + 1):
                rows += self._of(p, k)
        return [*rows, *(row for k, h in zip((2, 3), self.found, strict=False) if k <= self.most for row in self._searched(k, h, seed))]

    def _searched(self, k: int, h: int, seed: int) -> list[Row]:
        """Neurons found by least squares, at every frequency of each p."""
        neurons, rows = searched_neurons(k, h, np.random.default_rng(seed)), []
        for p in self.p:
            W, V = network_of(neurons, p, range(p))
            inputs = all_tuples(p, k)
            miss = round(deviation(outputs(W, V, inputs), p * answers(inputs, p)), 9)  # what is below depends on the order of sums
            rows.append(Row(f"p = {p}, k = {k}: deviation, {h} neurons per frequency found", 0, miss, 1e-8))
        return rows

    def _of(self, p: int, k: int) -> list[Row]:
        inputs, height = all_tuples(p, k), 2 ** (k - 1) * factorial(k) * p
        target, small = answers(inputs, p), 1e-10 * height
        W, V = summand_network(p, k)
        missing = summand_network(p, k, range(1, p))
        m, u = 2 * 3 ** (k - 1), (*(3**i for i in range(k - 1)), 4 * 3 ** (k - 2))
        phases, equal = phase_network(p, u, m), m * factorial(k) / 2**k * p * target
        said = f"p = {p}, k = {k}: "
        return [
            Row(said + "neurons", 2 ** (2 * k - 1) * p, V.shape[0]),
            Row(said + "largest weight", 1, largest_entry(W, V), 1e-12),
            Row(said + "deviation", 0, deviation(outputs(W, V, inputs), height * target), small),
            Row(said + "without frequency 0", 0, deviation(outputs(*missing, inputs), height * target), small, expected_to_hold=False),
            Row(said + "without frequency 0, less a constant", 0, deviation(outputs(*missing, inputs), height * (target - 1 / p)), small),
            *([Row(said + "fewest equally spaced phases", m, fewest_phases(k)[0])] if k <= SEARCHED else []),
            Row(
                said + "deviation, equally spaced phases",
                0,
                deviation(outputs(*phases, inputs), equal),
                small,
            ),
        ]


@functools.cache
def fewest_phases(k: int) -> tuple[int, tuple[int, ...]]:
    """(m, u): the smallest number of phases, and the multiples u of 2πj/m, that leave only the product of all k cosines.

    (Σ_i cos(A_i + φ_i))^k cos(Q + Σ φ_i) has terms e^{i Σ (α_i − 1) φ_i} with Σ|α_i| ≤ k and of k's parity; all but α = 1
    must sum to 0 over j, so u·(α − 1) may not be 0 mod m.
    """
    exponents = [a for a in itertools.product(range(-k, k + 1), repeat=k) if sum(map(abs, a)) <= k and (sum(a) - k) % 2 == 0]
    unwanted = np.array([a for a in exponents if a != (1,) * k]) - 1
    m = k
    while True:
        m += 1
        us = np.array(list(itertools.combinations_with_replacement(range(m), k)))  # the summands may change places
        good = np.all(us @ unwanted.T % m != 0, axis=1)
        if good.any():
            return m, tuple(int(x) for x in us[good.argmax()])


def phase_network(p: int, u: tuple[int, ...], m: int) -> Layers:
    """(W [k, p, mp], V [mp, p]): m neurons per frequency, turned by equally spaced phases."""
    f, n, j = np.arange(p)[:, None, None], np.arange(p)[None, :, None], np.arange(m)[None, None, :]

    def turned(multiple: int) -> np.ndarray:
        return np.cos(2 * np.pi * (f * n % p / p + j * multiple % m / m)).transpose(1, 0, 2).reshape(p, p * m)

    return np.stack([turned(multiple) for multiple in u]), turned(sum(u)).T
