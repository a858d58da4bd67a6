"""The network of appendix F: eight neurons per frequency that add exactly, with all weights at most 1."""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from plugins.mathematics.finite_fields import field_waves, field_with_roots
from plugins.networks import written_down
from plugins.networks.written_down import all_tuples, answers, deviation, fourier_network, largest_entry, outputs, smallest_margin


@register("fourier_construction")
@dataclass(frozen=True, kw_only=True)
class FourierConstruction(Claim):
    """f_q(a, b) = 4p · 1[a + b ≡ q] with h = 8p neurons and ‖θ‖_∞ = 1 (Prop. 3.8, F.1–F.11 of Mohamadi et al. 2024).

    Over all p² pairs, in float64 and, without rounding, in a finite field with p-th roots of unity. Scaled by 4^(−1/3) it
    has regression loss 0; repeated r times, each copy r^(−1/3) as large, it is the same function. The frequencies
    1 … (p−1)/2 alone give 2p · 1[a + b ≡ q] − 2 (Remark F.1). The control is the stacking as printed.
    """

    p: int = field(7, "modulus, odd", at_least=3)
    repeats: int = field(3, "r: copies of each neuron", at_least=1)

    tags = ("construction", "appendix F")
    scales = {"laptop": {"p": 47}, "full": {"p": 97}}
    note = (
        "As printed, the first layer stacks the eight matrices one after the other, while the second layer's slices hold the eight "
        "neurons of one frequency: taken literally, rows of W and columns of V belong to different neurons. The table of neurons is right. "
        "(F.10) prints cos cos − sin sin for cos(a − b), and that it needs odd p: it does not, only Remark F.1 does."
    )

    def check(self, seed: int) -> list[Row]:
        """Rows of the whole network, of its exact twin, of the repeated, the halved and the misprinted one."""
        p, inputs, even = self.p, all_tuples(self.p, 2), all_tuples(self.p + 1, 2)
        target, labels = answers(inputs, p), inputs.sum(axis=1) % p
        W, V = fourier_network(p)
        found = outputs(W, V, inputs)
        regression = outputs(W / 4 ** (1 / 3), V / 4 ** (1 / 3), inputs)
        copied_W, copied_V = (np.concatenate([x] * self.repeats, axis) / self.repeats ** (1 / 3) for x, axis in ((W, 2), (V, 0)))
        half = outputs(*fourier_network(p, range(1, (p + 1) // 2)), inputs)
        printed = outputs(stacked_as_printed(W), V, inputs)
        small = 1e-9 * p
        return [
            Row("neurons", 8 * p, W.shape[2]),
            Row("largest weight", 1, largest_entry(W, V), 1e-12),
            Row("deviation from 4p·1[a+b≡q]", 0, deviation(found, 4 * p * target), small),
            Row("wrong outputs in a finite field", 0, wrong_in_a_field(p)),
            Row("margin / ‖θ‖_∞³", 4 * p, smallest_margin(found, labels) / largest_entry(W, V) ** 3, small),
            Row("regression loss, scaled by 4^(−1/3)", 0, float(np.mean((regression - p * target) ** 2)), small),
            Row("largest weight, repeated", self.repeats ** (-1 / 3), largest_entry(copied_W, copied_V), 1e-12),
            Row("deviation, repeated", 0, deviation(outputs(copied_W, copied_V, inputs), found), small),
            Row("neurons, frequencies 1 … (p−1)/2", 4 * (p - 1), fourier_network(p, range(1, (p + 1) // 2))[1].shape[0]),
            Row("deviation from 2p·1[a+b≡q] − 2", 0, deviation(half, 2 * p * target - 2), small),
            Row("deviation, p + 1 (even)", 0, deviation(outputs(*fourier_network(p + 1), even), 4 * (p + 1) * answers(even, p + 1)), small),
            Row("deviation of cos cos + sin sin in (F.10)", 0, deviation(sum_of_f10(p, 1), 4 * p * target), small),
            Row("deviation of (F.10) as printed", 0, deviation(sum_of_f10(p, -1), 4 * p * target), small, expected_to_hold=False),
            Row("deviation, stacked as printed", 0, deviation(printed, 4 * p * target), small, expected_to_hold=False),
        ]


def stacked_as_printed(W: written_down.Blocks) -> written_down.Blocks:
    """The first layer with all frequencies of neuron 1, then all of neuron 2 …, where V has the neurons of frequency 0 first."""
    return W.reshape(*W.shape[:2], -1, len(written_down.NEURONS)).swapaxes(2, 3).reshape(W.shape)


def sum_of_f10(p: int, sign: int) -> written_down.Matrix:
    """4 Σ_k cos(wq) cos(w(n+m)) ± sin(wq) sin(w(n+m)), w = 2πk/p, at all (n, m) and q: the middle line of (F.10)."""
    sums, q, k = all_tuples(p, 2).sum(axis=1)[:, None, None], np.arange(p)[:, None], np.arange(p)
    first, second = (2 * np.pi * (k * x % p) / p for x in (q, sums))
    return 4 * np.sum(np.cos(first) * np.cos(second) + sign * np.sin(first) * np.sin(second), axis=2)


def wrong_in_a_field(p: int) -> int:
    """How many of the p³ outputs are not 4p · 1[a + b ≡ q], in integers modulo a prime that has p-th roots of unity."""
    q, root, unit = field_with_roots(p)
    waves = field_waves(p, q, root, unit)
    total = np.zeros((p, p, p), np.int64)
    for neuron in written_down.NEURONS:
        A, B, C = ((-1 if word[0] == "-" else 1) * waves[word[1:]] for word in neuron)
        for f in range(p):
            squares = (A[f][:, None] + B[f][None, :]) ** 2 % q
            total = (total + squares[:, :, None] * C[f][None, None, :]) % q
    expected = 4 * p * answers(all_tuples(p, 2), p).reshape(p, p, p).astype(np.int64) % q
    return int(np.sum(total != expected))
