"""Numbers that sum up a kernel matrix. On the host, in float64."""

import numpy as np
from jaxtyping import Float


def effective_rank(eigenvalues: Float[np.ndarray, " n"]) -> float:
    """exp(−Σ q log q) with q = λ/Σλ: n for equal eigenvalues, 1 for a single one. Negative rounding counts as 0."""
    q = np.maximum(eigenvalues, 0)
    q = q[q > 0] / q.sum()
    return float(np.exp(-np.sum(q * np.log(q)))) if len(q) else float("nan")


def participation(eigenvalues: Float[np.ndarray, " n"]) -> float:
    """(Σλ)²/Σλ²: n for equal eigenvalues, 1 for a single one; less sensitive than the effective rank to small ones."""
    scaled = eigenvalues / (np.max(np.abs(eigenvalues)) or np.nan)
    return float(np.sum(scaled) ** 2 / np.sum(scaled**2))


def alignment(K: Float[np.ndarray, "n n"], target: Float[np.ndarray, "n n"]) -> float:
    """⟨K, T⟩_F / (‖K‖_F ‖T‖_F); NaN where one of them is zero."""
    norms = np.linalg.norm(K) * np.linalg.norm(target)
    return float(np.sum(K * target) / norms) if norms > 0 else float("nan")


def centered(K: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """HKH with H = 1 − 11ᵀ/n: the kernel of features whose mean over the points is 0."""
    return K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean()
