"""The network of appendix F: eight neurons per frequency that add exactly, with all weights at most 1."""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from plugins.mathematics.finite_fields import field_waves, field_with_roots
from plugins.networks import written_down
from plugins.networks.written_down import (
    Layers,
    Matrix,
    all_tuples,
    answers,
    deviation,
    fourier_network,
    largest_entry,
    outputs,
    smallest_margin,
)


@register("fourier_construction")
@dataclass(frozen=True, kw_only=True)
class FourierConstruction(Claim):
    """f_q(a, b) = 4p · 1[a + b ≡ q] with h = 8p neurons and ‖θ‖_∞ = 1 (Prop. 3.8, F.1–F.11 of Mohamadi et al. 2024).

    Over all p² pairs, in float64 and, without rounding, in a finite field with p-th roots of unity; for odd and even p. Scaled by
    4^(−1/3), of which appendix F says nothing, it has regression loss 0; repeated r times, each copy r^(−1/3) as large, it is
    the same function. Frequencies 1 … (p−1)/2 give 2p · 1[a + b ≡ q] − 2, and neuron 1 of frequency 0 with half its output
    weight adds the 2: 4p − 3 neurons interpolate, 4p − 5 for even p, where Remark F.1 has 4p for odd p.
    """

    p: int = field(7, "modulus; p + 1 is checked as well", at_least=3)
    repeats: int = field(3, "r: copies of each neuron", at_least=1)

    tags = ("construction", "appendix F")
    scales = {"laptop": {"p": 47}, "full": {"p": 97}}
    note = (
        "The sentence below (F.2) stacks the matrices W(1) … W(8) of (F.1) one after the other, all frequencies of neuron 1 first, where "
        "(F.2) slices V by frequency. Taken literally the two do not fit; (F.3), h_{8k:8(k+1)}, settles that W is ordered by frequency "
        "as well, and so ordered all is right. Outputs are then 4p, not the p of the regression task: 4^(−1/3) is missing. (F.10) prints "
        "cos cos − sin sin for cos(a − b), and that it needs odd p: it does not. (F.11) does, what Remark F.1 concludes from it does not."
    )

    def check(self, seed: int) -> list[Row]:
        """Rows of the network, of what is printed of it, of Prop. 3.8, and of half of its frequencies."""
        return [*self._of_network(), *self._as_printed(), *self._repeated(), *self._of_half()]

    def _of_network(self) -> list[Row]:
        p, inputs, small = self.p, all_tuples(self.p, 2), 1e-9 * self.p
        W, V = fourier_network(p)
        found = outputs(W, V, inputs)
        return [
            Row("neurons", 8 * p, W.shape[2]),
            Row("largest weight", 1, largest_entry(W, V), 1e-12),
            Row("deviation from 4p·1[a+b≡q]", 0, deviation(found, 4 * p * answers(inputs, p)), small),
            Row("wrong outputs in a finite field", 0, wrong_in_a_field(p)),
            Row("margin / ‖θ‖_∞³", 4 * p, smallest_margin(found, inputs.sum(axis=1) % p) / largest_entry(W, V) ** 3, small),
            *(Row(f"deviation, p = {other}", 0, off_by(fourier_network(other), 4 * other), 1e-9 * other) for other in (2, p + 1)),
        ]

    def _as_printed(self) -> list[Row]:
        p, inputs, small = self.p, all_tuples(self.p, 2), 1e-9 * self.p
        W, V = fourier_network(p)
        target = 4 * p * answers(inputs, p)
        hidden = (W[0][inputs[:, 0]] + W[1][inputs[:, 1]]) ** 2
        return [
            Row("W by frequency: deviation from h of (F.3)", 0, deviation(hidden, hidden_of_f3(p)), 1e-12),
            Row(
                "W by neuron, as in the text: deviation from h of (F.3)",
                0,
                deviation(by_neuron(hidden), hidden_of_f3(p)),
                1e-3,
                expected_to_hold=False,
            ),
            Row("deviation of outputs, W by neuron", 0, deviation(outputs(by_neuron(W), V, inputs), target), 1e-3, expected_to_hold=False),
            Row("(F.8) and (F.9): deviation", 0, misses_of_f8_and_f9(p), 1e-12),
            Row("deviation of cos cos + sin sin in (F.10)", 0, deviation(sum_of_f10(p, 1), target), small),
            Row("deviation of (F.10) as printed", 0, deviation(sum_of_f10(p, -1), target), 1e-3, expected_to_hold=False),
        ]

    def _repeated(self) -> list[Row]:
        p, small = self.p, 1e-9 * self.p
        W, V = fourier_network(p)
        idle = 8 * p - 1  # neurons that h has above a multiple of 8p, at most
        factor = (4 * self.repeats) ** (-1 / 3)
        copied = (
            np.concatenate([factor * W] * self.repeats + [0 * W[:, :, :idle]], 2),
            np.concatenate([factor * V] * self.repeats + [0 * V[:idle]]),
        )
        return [
            Row("regression loss at the scale of appendix F", 0, regression_loss(W, V), small, expected_to_hold=False),
            Row("regression loss, scaled by 4^(−1/3)", 0, regression_loss(W / 4 ** (1 / 3), V / 4 ** (1 / 3)), small),
            Row("regression loss, scaled and repeated", 0, regression_loss(*copied), small),
            Row("largest weight, scaled and repeated", factor, largest_entry(*copied), 1e-12),
            Row(
                "the same, beside ⌊h/8p⌋^(−1/3) of 3.8", (copied[1].shape[0] // (8 * p)) ** (-1 / 3), largest_entry(*copied), relation="<="
            ),
        ]

    def _of_half(self) -> list[Row]:
        odd, even = self.p | 1, self.p + self.p % 2
        half, with_0 = fourier_network(odd, range(1, (odd + 1) // 2)), fourier_network(odd, range((odd + 1) // 2))
        constant = deviation(outputs(*half, all_tuples(odd, 2)), 2 * odd * answers(all_tuples(odd, 2), odd) - 2)
        return [
            Row(f"p = {odd}: (F.11), deviation", 0, miss_of_f11(odd), 1e-9),
            Row(f"p = {even}: (F.11), deviation", 0, miss_of_f11(even), 1e-3, expected_to_hold=False),
            Row(f"p = {odd}: neurons, frequencies 1 … (p−1)/2", 4 * (odd - 1), half[1].shape[0]),
            Row(f"p = {odd}: their deviation from 2p·1[a+b≡q] − 2", 0, constant, 1e-9 * odd),
            Row(f"p = {odd}: deviation with all of frequency 0", 0, off_by(with_0, 2 * odd), 1e-3, expected_to_hold=False),
            *(row for p in (odd, even) for row in interpolating_rows(p)),
        ]


def interpolating_rows(p: int) -> list[Row]:
    """That half of the frequencies interpolate with fewer than 4p neurons, for any p."""
    W, V = halved_network(p)
    scale = 2 ** (-1 / 3)
    return [
        Row(f"p = {p}: neurons, a half of frequency 0 included", 4 * p - (3 if p % 2 else 5), V.shape[0]),
        Row(f"p = {p}: their regression loss, scaled by 2^(−1/3)", 0, regression_loss(scale * W, scale * V), 1e-9 * p),
        Row(f"p = {p}: their largest weight, scaled", scale, largest_entry(scale * W, scale * V), 1e-12),
    ]


def halved_network(p: int) -> Layers:
    """Outputs 2p · 1[a + b ≡ q]: frequencies below p/2, and half of neuron 1 of frequency 0; of frequency p/2, half of neurons 1 and 2."""
    parts = [fourier_network(p, range(1, (p + 1) // 2))]
    for f, neurons in ((0, 1), *([] if p % 2 else [(p // 2, 2)])):
        W, V = fourier_network(p, [f])
        parts.append((W[:, :, :neurons], V[:neurons] / 2))
    return np.concatenate([W for W, _ in parts], axis=2), np.concatenate([V for _, V in parts])


def off_by(layers: Layers, height: int) -> float:
    """The largest deviation of outputs from height · 1[a + b ≡ q]."""
    inputs = all_tuples(layers[0].shape[1], 2)
    return deviation(outputs(*layers, inputs), height * answers(inputs, layers[0].shape[1]))


def regression_loss(W: written_down.Blocks, V: Matrix) -> float:
    """The mean over all triples of (f_c(a, b) − p · 1[a + b ≡ c])²."""
    p = W.shape[1]
    inputs = all_tuples(p, 2)
    return float(np.mean((outputs(W, V, inputs) - p * answers(inputs, p)) ** 2))


def by_neuron(columns: np.ndarray) -> np.ndarray:
    """Columns of neurons [..., 8p] that are in order of frequency, with all frequencies of neuron 1 first, then all of neuron 2 …"""
    return columns.reshape(*columns.shape[:-1], -1, len(written_down.NEURONS)).swapaxes(-1, -2).reshape(columns.shape)


def hidden_of_f3(p: int) -> Matrix:
    """h of (F.3), [p² pairs (n, m), 8p]: entries 8k … 8k + 7 are the squares that are printed there."""
    n, m = (2 * np.pi * (np.arange(p) * x[:, None] % p) / p for x in all_tuples(p, 2).T)
    c, s, d, t = np.cos(n), np.sin(n), np.cos(m), np.sin(m)
    return np.stack([c + d, c - d, s + t, s - t, s + d, s - d, c + t, c - t], axis=2).reshape(p * p, -1) ** 2


def misses_of_f8_and_f9(p: int) -> float:
    """The largest difference of both sides, over all pairs (n, m) and all frequencies."""
    h = hidden_of_f3(p).reshape(p * p, p, 8)
    angle = 2 * np.pi * (np.arange(p) * all_tuples(p, 2).sum(axis=1)[:, None] % p) / p
    cosines = deviation(h[..., 0] - h[..., 1] - h[..., 2] + h[..., 3], 4 * np.cos(angle))
    return max(cosines, deviation(h[..., 4] - h[..., 5] + h[..., 6] - h[..., 7], 4 * np.sin(angle)))


def sum_of_f10(p: int, sign: int) -> Matrix:
    """4 Σ_k cos(wq) cos(w(n+m)) ± sin(wq) sin(w(n+m)), w = 2πk/p, at all (n, m) and q: the first line of (F.10)."""
    sums, q, k = all_tuples(p, 2).sum(axis=1)[:, None, None], np.arange(p)[:, None], np.arange(p)
    first, second = (2 * np.pi * (k * x % p) / p for x in (q, sums))
    return 4 * np.sum(np.cos(first) * np.cos(second) + sign * np.sin(first) * np.sin(second), axis=2)


def miss_of_f11(p: int) -> float:
    """Σ_k cos(2πkd/p) over k = 0 … p − 1 less 1 + 2 Σ over k = 1 … (p−1)/2, rounded down: the largest, over d."""
    waves = np.cos(2 * np.pi * (np.outer(np.arange(p), np.arange(p)) % p) / p)
    return deviation(waves.sum(axis=0), 1 + 2 * waves[1 : (p + 1) // 2].sum(axis=0))


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
