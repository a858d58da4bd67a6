"""Why no network has a larger margin: a mean of margins over wrong answers, and the neuron that makes the most of it.

The least margin of a network is at most Σ_c λ(x, c) f_c(x) in the mean over inputs x, where λ is 1 at the right answer and the
wrong ones have weights ≤ 0 that sum to −1. That is a sum over neurons, so that at ‖θ‖_{2,k+1} = 1 it is at most what the best
single neuron has (the argument of Morwani et al. 2024). `bound_of_neurons` is what no neuron exceeds.
"""

import math

import numpy as np
from jaxtyping import Float

from plugins.networks.written_down import Blocks, Layers, Matrix, Tuples, all_tuples, group_norm, outputs, summand_network

AnswerWeights = Float[np.ndarray, "n q"]


def mean_margin(W: Blocks, V: Matrix, inputs: Tuples, weights: AnswerWeights) -> float:
    """The mean over inputs of Σ_c λ(x, c) f_c(x), divided by the norm to the power k + 1."""
    return float(np.mean(np.sum(weights * outputs(W, V, inputs), axis=1))) / group_norm(W, V) ** (len(W) + 1)


def balanced_weights(p: int, k: int) -> AnswerWeights:
    """λ(a, c) over all k-tuples a: Σ_f w_f cos(2πf(Σ a_i − c)/p) over f = 1 … p − 1, divided by Σ_f w_f, so that λ is 1 where Σ a_i ≡ c.

    w_f = 1, for which every wrong answer has the weight −1/(p−1), but 2^(−(k−1)/2) at f = p/2, where one wave does what takes two
    elsewhere: neurons of all frequencies then have the same mean margin.
    """
    distance = (all_tuples(p, k).sum(axis=1)[:, None] - np.arange(p)) % p
    f = np.arange(1, p)
    sizes = np.where(2 * f == p, 2 ** (-(k - 1) / 2), 1.0)
    return ((sizes @ np.cos(2 * np.pi * (np.outer(f, np.arange(p)) % p) / p)) / sizes.sum())[distance]


def bound_of_neurons(weights: AnswerWeights, p: int, k: int) -> float:
    """What the mean of Σ_c λ(a, c) f_c(a) over all k-tuples a is at most, for a neuron of norm 1.

    Infinite for λ that is no function of Σ a_i − c, or whose sum over c is not 0.

    With û = Σ_a u(a) e^{−2πifa/p}, and Λ_f what the table of λ has at the frequencies (f, …, f, −f), p^−(k+1) Σ_f Λ_f Π û_i(f) v̂(−f)
    is what the product of all k summands gives; powers of fewer summands give 0 where the sum of λ over each is 0, Λ_0 = 0.
    For real u, |û(f)|² ≤ p‖u‖²/2, or p‖u‖² at f = p/2. So k − 1 of the factors are at most that, Σ_f of the two others is at most
    p‖u‖‖v‖ (Cauchy and Schwarz), and Π of k + 1 norms with Σ of squares 1 is at most (k+1)^(−(k+1)/2).
    """
    table = np.fft.fftn(weights.reshape((p,) * (k + 1)))
    f = np.arange(1, p)
    found = table[(*[f] * k, -f % p)].copy()
    table[(*[f] * k, -f % p)] = 0
    if np.abs(table).max() > 1e-9 * np.abs(found).max():
        return math.inf
    sizes = np.where(2 * f == p, p, p / 2) ** ((k - 1) / 2)
    form = float((np.abs(found) * sizes).max()) * p / p ** (k + 1)
    return math.factorial(k) / p**k * form * (k + 1) ** (-(k + 1) / 2)


def largest_margin(p: int, k: int) -> float:
    """γ* = 2 k! / ((2k+2)^((k+1)/2) (p−1) p^((k−1)/2)) for odd p; for even p with p − 2 + 2^(−(k−1)/2) in place of p − 1.

    Morwani et al. 2024 have it for p > 2 prime; that the same holds for all odd p, and what holds for even p, is derived here.
    """
    answers = p - 1 if p % 2 else p - 2 + 2 ** (-(k - 1) / 2)
    return 2 * math.factorial(k) / ((2 * k + 2) ** ((k + 1) / 2) * answers * p ** ((k - 1) / 2))


def margin_network(p: int, k: int) -> Layers:
    """The construction with frequencies 1 … (p−1)/2, 2^(2k−2) (p−1) neurons; for even p also p/2, half as much of it, 2^(k−1) neurons."""
    W, V = summand_network(p, k, range(1, (p + 1) // 2))
    if p % 2:
        return W, V
    middle, outward = summand_network(p, k, [p // 2])
    scale, used = 2 ** (-1 / (k + 1)), slice(2 ** (k - 1))  # those of cosines only: sines are 0
    return np.concatenate([W, scale * middle[:, :, used]], axis=2), np.concatenate([V, scale * outward[used]])


def best_neuron(inputs: Tuples, weights: AnswerWeights, generator: np.random.Generator, starts: int = 20) -> Layers:
    """The neuron (W [k, p, 1], V [1, q]) with the largest mean margin that ascent over one part at a time finds.

    Each part is the best for the others where the sums of λ over the values of any one summand are 0: of (Σ_i u_i)^k only the
    product of all k then counts. All parts have norm 1.
    """
    found = [_ascend(inputs, weights, generator) for _ in range(starts)]
    return max(found, key=lambda network: mean_margin(network[0], network[1], inputs, weights))


def _ascend(inputs: Tuples, weights: AnswerWeights, generator: np.random.Generator, rounds: int = 60) -> Layers:
    p, k = int(inputs.max()) + 1, inputs.shape[1]
    parts = [generator.normal(size=p) for _ in range(k)]
    v = _unit(generator.normal(size=weights.shape[1:]))
    for _ in range(rounds):
        for i in range(k):
            others = np.prod(np.stack([parts[j][inputs[:, j]] for j in range(k) if j != i]), axis=0)
            parts[i] = _unit(np.bincount(inputs[:, i], weights=(weights @ v) * others, minlength=p))
        v = _unit(weights.T @ np.prod(np.stack([parts[j][inputs[:, j]] for j in range(k)]), axis=0))
    return np.stack(parts)[:, :, None], v[None]


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)
