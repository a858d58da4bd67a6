"""Recognizes tasks whose answer is a weighted sum of the tokens, for probes whose theory is that of addition."""

import numpy as np
from jaxtyping import Int, Shaped


def linear_rule(inputs: Shaped[np.ndarray, "n k"], labels: Shaped[np.ndarray, " n"], p: int) -> Int[np.ndarray, " k"] | None:
    """(c_1, …, c_k) with label ≡ Σ c_i a_i mod p on all these points, else None.

    Plain sums are found on any points. Other coefficients are read off where one token is 1 and the others 0, so those
    points must be there, as they are in a population of all tuples.
    """
    n, k = inputs.shape
    size = np.sum(inputs, axis=1)
    at_ones = [int(np.argmax((size == 1) & (inputs[:, i] == 1))) for i in range(k)] if n else []
    read_off = [int(labels[i]) for i in at_ones]
    for coefficients in ([1] * k, read_off):
        total = np.zeros(n, np.int64)
        for i, coefficient in enumerate(coefficients):
            total += coefficient * inputs[:, i].astype(np.int64)
        if n and np.all((labels - total) % p == 0):
            return np.array(coefficients, np.int32)
    return None
