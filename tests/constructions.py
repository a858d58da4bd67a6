"""Networks that add exactly, written down from the literature in NumPy: expected values of the tests of probes."""

import itertools

import numpy as np


def appendix_f(p):
    """(W [2, p, 8p], V [8p, p]): the eight neurons per frequency of appendix F, Mohamadi et al. 2024, f = 0 … p − 1."""
    Q, R, V = [], [], []
    n = np.arange(p)
    for f in range(p):
        w = 2 * np.pi * f / p
        c, s = np.cos(w * n), np.sin(w * n)
        Q += [c, c, s, s, s, s, c, -c]
        R += [c, -c, s, -s, c, -c, s, s]
        V += [c, -c, -c, c, s, -s, s, -s]
    return np.stack([np.array(Q).T, np.array(R).T]), np.array(V)


def summands(p, k, frequencies):
    """(W [k, p, h], V [h, p]): the construction for k summands, after appendix F; 2^(2k−1) neurons per frequency."""
    rows, outputs = [[] for _ in range(k)], []
    n = np.arange(p)
    for f in frequencies:
        c, s = np.cos(2 * np.pi * f * n / p), np.sin(2 * np.pi * f * n / p)
        for sines in itertools.product((0, 1), repeat=k):
            count = sum(sines)
            out = (-1) ** (count // 2) * (s if count % 2 else c)
            for signs in itertools.product((1, -1), repeat=k - 1):
                for i, (is_sine, sign) in enumerate(zip(sines, (1, *signs), strict=True)):
                    rows[i].append(sign * (s if is_sine else c))
                outputs.append(np.prod(signs) * out)
    return np.stack([np.array(block).T for block in rows]), np.array(outputs)


def outputs(W, V, inputs):
    """V (W x)^k by NumPy."""
    k = W.shape[0]
    return sum(W[i, inputs[:, i]] for i in range(k)) ** k @ V


def all_inputs(p, k):
    """All p^k tuples and their sums."""
    inputs = np.array(list(itertools.product(range(p), repeat=k)))
    return inputs, inputs.sum(axis=1) % p
