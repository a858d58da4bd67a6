"""Three summands with 14 neurons per frequency instead of 32, written down by formula and evaluated in 60 digits."""

import functools
import itertools
from collections.abc import Iterable
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np

from plugins.networks.written_down import Layers

DIGITS = 60
SINGLE, OUTWARD = Fraction(5, 16), Fraction(7, 12)  # in half turns: the angles ψ and τ of the two neurons that see one summand
Wave = tuple[Decimal, Fraction]  # size r and angle φ in half turns: r cos(x + πφ)
Neuron = tuple[Wave, Wave, Wave, Wave]  # of the three summands, and of the output as r e^{iπφ}


def fourteen_neurons() -> list[Neuron]:
    """Neurons z³ whose outputs add up to e^{i(A+B+C)} at all angles A, B, C of the three summands.

    Four neurons (x + b cos(B − jπ/2 + δ) + c cos(C + jπ/2))³, j = 0 … 3, have the mean x³ + 3x ((b² + c²)/2 + bc cos(B + C + δ)).
    So three such groups make a complex number times a complex number out of three real products, x cos(B + C + δ) at the angles
    δ = 0 and ±π/4 with x turned alike, and leave four terms in A alone, cos and sin of A and of 3A with two outputs each.
    Two neurons cos(A ± ψ)³ e^{∓iτ} take these away, if sizes are as below and 3π/2 − 3ψ < τ < π − ψ, π/4 < ψ < π/3.
    """
    with localcontext(prec=DIGITS):
        root = Decimal(2).sqrt()
        least = (cosine(OUTWARD - SINGLE) - cosine(OUTWARD + 3 * SINGLE)) / 2  # b² + c² of the first group, over `size`
        size = 2 / least  # the least that leaves b² + c² ≥ 2 bc = 2, which is then b = c = 1 in the first group
        first = (size * cosine(OUTWARD + 3 * SINGLE)).sqrt()
        other = (root * size * sine(OUTWARD) * sine(3 * SINGLE)).sqrt()
        squares = size * sine(OUTWARD) * (sine(SINGLE) - sine(3 * SINGLE)) / root  # b² + c² of the others
        b = ((squares + (squares**2 - 4).sqrt()) / 2).sqrt()
        quarter, none = Fraction(1, 4), (Decimal(0), Fraction(0))
        groups = [
            (first, Decimal(1), Fraction(0), 2 / (12 * first), Fraction(0)),
            (other, b, quarter, root / (12 * other), quarter + 1),
            (other, b, -quarter, root / (12 * other), 1 - quarter),
        ]
        found: list[Neuron] = []
        for x, b, angle, output, turn in groups:
            for j in range(4):
                found.append(((x, angle), (b, angle - Fraction(j, 2)), (1 / b, Fraction(j, 2)), (output, turn)))
        for sign in (1, -1):
            found.append(((Decimal(1), sign * SINGLE), none, none, (size / 3, 1 - sign * OUTWARD)))
        return found


def largest_miss(neurons: list[Neuron], p: int = 7) -> float:
    """|Σ β z³ − e^{i(A+B+C)}|, the larger part of it, at the p³ angles that are multiples of 2π/p; 60 digits.

    Trigonometric polynomials of degree 3 in each angle are settled by 7 values of each: at p = 7, what is 0 here is 0 everywhere.
    """
    with localcontext(prec=DIGITS):
        waves = [[[r * cosine(Fraction(2 * a, p) + turn) for a in range(p)] for r, turn in neuron[:3]] for neuron in neurons]
        outputs = [(r * cosine(turn), r * sine(turn)) for *_, (r, turn) in neurons]
        worst = Decimal(0)
        for a, b, c in itertools.product(range(p), repeat=3):
            cubes = [(A[a] + B[b] + C[c]) ** 3 for A, B, C in waves]
            whole = Fraction(2 * (a + b + c), p)
            for part, expected in enumerate((cosine(whole), sine(whole))):
                worst = max(worst, abs(sum((z * out[part] for z, out in zip(cubes, outputs, strict=True)), -expected)))
        return float(worst)


def network_of(neurons: list[Neuron], p: int, frequencies: Iterable[int]) -> Layers:
    """(W [3, p, h], V [h, p]) with these neurons at each frequency: outputs Σ_f cos(2πf(Σ a_i − q)/p)."""
    sizes = np.array([[float(r) for r, _ in neuron] for neuron in neurons]).T[:, :, None]
    turns = np.pi * np.array([[float(turn % 2) for _, turn in neuron] for neuron in neurons]).T[:, :, None]
    rows = []
    for f in frequencies:
        angle = 2 * np.pi * (f * np.arange(p) % p) / p
        rows.append(np.concatenate([sizes[:3] * np.cos(angle + turns[:3]), sizes[3:] * np.cos(angle - turns[3:])]))
    every = np.concatenate(rows, axis=1)  # [4, h, p]
    return every[:-1].transpose(0, 2, 1), every[-1]


def summed_sizes(neurons: list[Neuron]) -> float:
    """Σ |β| max |z|³: how large neurons become in all, where their sum has the size 1."""
    return float(sum(output[0] * (A[0] + B[0] + C[0]) ** 3 for A, B, C, output in neurons))


def sine(turn: Fraction) -> Decimal:
    """sin(π turn)."""
    return cosine(turn - Fraction(1, 2))


@functools.cache
def cosine(turn: Fraction) -> Decimal:
    """cos(π turn) by its power series, to about 60 digits."""
    with localcontext(prec=DIGITS + 10):
        turn = abs((turn + 1) % 2 - 1)
        square = (_pi() * turn.numerator / turn.denominator) ** 2
        term = total = Decimal(1)
        n = 0
        while abs(term) > Decimal(10) ** -(DIGITS + 5):
            n += 2
            term *= -square / (n * (n - 1))
            total += term
        return total


@functools.cache
def _pi() -> Decimal:
    """π = 16 arctan(1/5) − 4 arctan(1/239) (Machin 1706)."""

    def arctan(inverse: int) -> Decimal:
        return sum((Decimal((-1) ** n) / ((2 * n + 1) * inverse ** (2 * n + 1)) for n in range(60)), Decimal(0))

    with localcontext(prec=DIGITS + 10):
        return 16 * arctan(5) - 4 * arctan(239)
