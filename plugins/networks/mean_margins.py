"""Why no network has a larger margin: a mean of margins over wrong answers, and the neuron that makes the most of it.

The least margin of a network is at most Σ_c λ(x, c) f_c(x) in the mean over inputs x, where λ is 1 at the right answer and the
wrong ones have weights ≤ 0 that sum to −1. That is a sum over neurons, so that at ‖θ‖_{2,k+1} = 1 it is at most what the best
single neuron has (the argument of Morwani et al. 2024).
"""

import numpy as np
from jaxtyping import Float

from plugins.networks.written_down import Blocks, Layers, Matrix, Tuples, group_norm, outputs

AnswerWeights = Float[np.ndarray, "n q"]


def mean_margin(W: Blocks, V: Matrix, inputs: Tuples, weights: AnswerWeights) -> float:
    """The mean over inputs of Σ_c λ(x, c) f_c(x), divided by the norm to the power k + 1."""
    return float(np.mean(np.sum(weights * outputs(W, V, inputs), axis=1))) / group_norm(W, V) ** (len(W) + 1)


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
