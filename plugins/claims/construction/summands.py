"""The construction for k summands, and how few neurons per frequency suffice."""

import functools
import itertools
from dataclasses import dataclass
from math import factorial

import numpy as np

from framework import Claim, Row, field, register
from plugins.networks.few_neurons import fourteen_neurons, largest_miss, network_of, summed_sizes
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
    integers u, by search for k = 2 and 3. With other phases and sizes 14 neurons do for k = 3, in closed form (`fourteen_neurons`,
    derived here) and checked to 60 digits at all angles; that fewer are impossible is not shown. They are few but large: added
    up without their signs, they are 55 times what is left, those of 32 or 18 neurons 36 times.
    """

    p: tuple[int, ...] = field((5, 4), "moduli, odd and even", at_least=2)
    most: int = field(5, "the largest k", at_least=2, at_most=6)

    tags = ("construction", "k summands")
    scales = {"laptop": {"p": (7, 6)}, "full": {"p": (11, 8)}}

    def check(self, seed: int) -> list[Row]:
        """The rows of each pair (p, k), what leaving out one frequency does, and fewer neurons for k = 3."""
        rows = []
        for p in self.p:
            for k in range(2, self.most + 1):
                rows += self._of(p, k)
        return rows + (self._of_fourteen() if self.most >= 3 else [])

    def _of_fourteen(self) -> list[Row]:
        """That they add up, at all angles and for each p, and how large they are."""
        neurons = fourteen_neurons()
        rows = [
            Row("k = 3: neurons per frequency, unequal phases", 14, len(neurons)),
            Row("k = 3: miss of 14 neurons at all angles, in 60 digits", 0, largest_miss(neurons), 1e-55),
            Row("k = 3: sizes of 14 neurons / output, beside those of 32", 32 * 3**3 / 24, summed_sizes(neurons), relation=">="),
        ]
        for p in self.p:
            W, V = network_of(neurons, p, range(p))
            miss = deviation(outputs(W, V, all_tuples(p, 3)), p * answers(all_tuples(p, 3), p))
            rows += [
                Row(f"p = {p}, k = 3: deviation, 14 neurons per frequency", 0, miss, 1e-10 * p),
                Row(f"p = {p}, k = 3: their largest weight, beside that of 32", 24 ** (-1 / 4), largest_balanced(W, V), relation=">="),
            ]
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


def largest_balanced(W: np.ndarray, V: np.ndarray) -> float:
    """‖θ‖_∞ when each neuron has (W, V) multiplied by (s, s^(−k)) so that its largest entries of both are equal."""
    return float((np.abs(W).max(axis=(0, 1)) ** len(W) * np.abs(V).max(axis=1)).max() ** (1 / (len(W) + 1)))


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
