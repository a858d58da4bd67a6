"""How few neurons add k summands at one frequency: found by least squares, all phases and sizes free."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from plugins.networks.written_down import Layers

EXACT = 1e-10
Neurons = Float[np.ndarray, "_ _ 2"]  # [k + 1, h, 2], of each summand, and of the output: parts along cos and sin


def searched_neurons(k: int, h: int, generator: np.random.Generator, starts: int = 60) -> Neurons:
    """The h neurons z^k that come nearest to (cos Σ A_i, sin Σ A_i) for angles A_1 … A_k, the best of several starts.

    A neuron sees cos and sin of each angle, and adds to both outputs.
    """
    from scipy.optimize import least_squares  # here: at the top it would cost every command that lists plugins half a second

    count = 2 * h * (k + 1)  # as many as the neurons have parameters, each with two outputs
    angles = generator.uniform(0, 2 * np.pi, (count, k))
    waves = [np.stack([np.cos(A), np.sin(A)], axis=1) for A in angles.T]
    target = np.stack([np.cos(angles.sum(axis=1)), np.sin(angles.sum(axis=1))], axis=1)

    def hidden(parts: np.ndarray) -> np.ndarray:
        return sum(wave @ part.T for wave, part in zip(waves, parts[:k], strict=True))

    def misses(flat: np.ndarray) -> np.ndarray:
        parts = flat.reshape(k + 1, h, 2)
        return (hidden(parts) ** k @ parts[k] - target).ravel()

    def slopes(flat: np.ndarray) -> np.ndarray:
        parts = flat.reshape(k + 1, h, 2)
        z = hidden(parts)
        found = np.zeros((count, 2, k + 1, h, 2))
        for i, wave in enumerate(waves):
            found[:, :, i] = np.einsum("nh,hc,nd->nchd", k * z ** (k - 1), parts[k], wave)
        for c in range(2):
            found[:, c, k, :, c] = z**k
        return found.reshape(2 * count, -1)

    best: tuple[float, np.ndarray] = (np.inf, np.zeros((k + 1, h, 2)))
    for _ in range(starts):
        start = 0.5 * generator.normal(size=2 * h * (k + 1))
        fit = least_squares(misses, start, slopes, method="lm", max_nfev=400, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        best = min(best, (float(np.abs(fit.fun).max()), fit.x.reshape(k + 1, h, 2)), key=lambda pair: pair[0])
        if best[0] < EXACT:
            break
    return best[1]


def network_of(neurons: Neurons, p: int, frequencies: Iterable[int]) -> Layers:
    """(W [k, p, h'], V [h', p]) with these neurons at each frequency: outputs Σ_f cos(2πf(Σ a_i − q)/p)."""
    rows = []
    for f in frequencies:
        angle = 2 * np.pi * (f * np.arange(p) % p) / p
        rows.append(np.einsum("khd,pd->khp", neurons, np.stack([np.cos(angle), np.sin(angle)], axis=1)))
    every = np.concatenate(rows, axis=1)  # [k + 1, h', p]
    return every[:-1].transpose(0, 2, 1), every[-1]
