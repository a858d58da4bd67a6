"""Networks written down by formula, in NumPy float64: what several claims are checked on.

Outputs, norms, margins and the tangent kernel repeat product code on purpose: claims measure it by another route.
"""

import itertools
import math
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int

Matrix = Float[np.ndarray, "_ _"]
Blocks = Float[np.ndarray, "k p h"]
Tuples = Int[np.ndarray, "n k"]
Points = Int[np.ndarray, "n m"]  # tuples (a_1, …, a_k, c)
Layers = tuple[Blocks, Matrix]  # (W, V)

# Appendix F of Mohamadi et al. 2024, one neuron per line: what it applies to a, to b, and how much of it goes to answer q.
NEURONS = (
    ("+cos", "+cos", "+cos"),
    ("+cos", "-cos", "-cos"),
    ("+sin", "+sin", "-cos"),
    ("+sin", "-sin", "+cos"),
    ("+sin", "+cos", "+sin"),
    ("+sin", "-cos", "-sin"),
    ("+cos", "+sin", "+sin"),
    ("-cos", "+sin", "-sin"),
)


def outputs(W: Blocks, V: Matrix, inputs: Tuples) -> Matrix:
    """V (W x)^k for tuples [n, k]: float64 [n, p] (eq. 2.1 of Mohamadi et al. 2024, z^k for k summands).

    In blocks of tuples, so that no more than 2^23 hidden values are held at once.
    """
    k, block = len(W), max(1, 2**23 // max(1, W.shape[2]))
    found = [sum(W[i, part[:, i]] for i in range(k)) ** k @ V for part in np.split(inputs, range(block, len(inputs), block))]
    return np.concatenate(found)


def all_tuples(p: int, k: int) -> Tuples:
    """All p^k tuples in lexicographic order."""
    return np.stack(np.meshgrid(*[np.arange(p)] * k, indexing="ij"), -1).reshape(-1, k)


def answers(inputs: Tuples, p: int) -> Matrix:
    """1[Σ a_i ≡ q]: float64 [n, p]."""
    return np.eye(p)[inputs.sum(axis=1) % p]


def deviation(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two arrays; NaN where one is NaN."""
    return float(np.abs(found - expected).max())


def fourier_network(p: int, frequencies: Iterable[int] | None = None) -> Layers:
    """(W [2, p, h], V [h, p]) of appendix F: the eight `NEURONS` of each frequency; by default f = 0 … p − 1."""
    rows: list[list[np.ndarray]] = [[], [], []]
    for f in range(p) if frequencies is None else frequencies:
        waves = _waves(f, p)
        for neuron in NEURONS:
            for row, word in zip(rows, neuron, strict=True):
                row.append((-1.0 if word[0] == "-" else 1.0) * waves[word[1:]])
    Q, R, V = (np.array(row) for row in rows)
    return np.stack([Q.T, R.T]), V


def summand_network(p: int, k: int, frequencies: Iterable[int] | None = None) -> Layers:
    """(W [k, p, h], V [h, p]) for k summands by polarization: 2^(2k−1) neurons per frequency, for odd and even p.

    A neuron for every choice of cos or sin for each summand and every sign of all summands but the first. Not in the
    paper; for k = 2 it is appendix F.
    """
    rows: list[list[np.ndarray]] = [[] for _ in range(k + 1)]
    for f in range(p) if frequencies is None else frequencies:
        waves = _waves(f, p)
        for choice in itertools.product(("cos", "sin"), repeat=k):
            for signs in itertools.product((1, -1), repeat=k - 1):
                for i, (word, sign) in enumerate(zip(choice, (1, *signs), strict=True)):
                    rows[i].append(sign * waves[word])
                rows[k].append(math.prod(signs) * output_wave(choice.count("sin"), waves))
    *blocks, V = (np.array(row) for row in rows)
    return np.stack([block.T for block in blocks]), V


def output_wave(sines: int, waves: dict[str, np.ndarray]) -> np.ndarray:
    """What a neuron with this many sines adds to each answer: (−1)^(s/2) cos(wq), or (−1)^((s−1)/2) sin(wq) for odd s."""
    return (-1) ** (sines // 2) * waves["sin" if sines % 2 else "cos"]


def largest_entry(W: Blocks, V: Matrix) -> float:
    """‖θ‖_∞; 0 without neurons, NaN where a weight is NaN (Python's max would pass it over)."""
    return float(np.max([np.abs(W).max(initial=0), np.abs(V).max(initial=0)]))


def group_norm(W: Blocks, V: Matrix) -> float:
    """‖θ‖_{2,k+1}: the (k+1)-norm over neurons of the 2-norm of all that belongs to one (Morwani et al. 2024)."""
    k = len(W)
    squares = (W**2).sum(axis=(0, 1)) + (V**2).sum(axis=1)
    return float((squares ** ((k + 1) / 2)).sum() ** (1 / (k + 1)))


def margins(outputs: Matrix, labels: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """f_y − max_{y'≠y} f_y' of each example."""
    right = np.take_along_axis(outputs, labels[:, None], axis=1)[:, 0]
    wrong = outputs.copy()
    np.put_along_axis(wrong, labels[:, None], -np.inf, axis=1)
    return right - wrong.max(axis=1)


def smallest_margin(outputs: Matrix, labels: Int[np.ndarray, " n"]) -> float:
    """The smallest value, over examples, of the right output minus the best wrong one."""
    return float(margins(outputs, labels).min())


def tangent_kernel(W: Blocks, V: Matrix, points: Points) -> Float[np.ndarray, "n n"]:
    """The tangent kernel of f_c: Θ(x, x') = 1[c=c'] Σ_j z_j^k z'_j^k + k² s(x, x') Σ_j V_cj V_c'j z_j^{k−1} z'_j^{k−1}.

    W [k, p, h], V [h, p]; z_j = Σ_i W_{i, a_i, j}; s counts the summands shared. For k = 2 this is (B.2) of Mohamadi et al. 2024.
    """
    inputs, c = points[:, :-1], points[:, -1]
    k = len(W)
    z = sum(W[i, inputs[:, i]] for i in range(k))
    first, second = z**k, k * z ** (k - 1) * V.T[c]
    shared = (inputs[:, None] == inputs[None]).sum(axis=2)
    return (c[:, None] == c) * (first @ first.T) + shared * (second @ second.T)


def _waves(f: int, p: int) -> dict[str, np.ndarray]:
    angle = 2 * np.pi * (f * np.arange(p) % p) / p
    return {"cos": np.cos(angle), "sin": np.sin(angle)}
