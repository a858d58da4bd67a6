"""How small ‖θ‖_∞ can be at all: bounds by what one neuron with entries in [−1, 1] makes of a mean of margins.

If Σ ν(x, c) (f_y(x) − f_c(x)) ≤ B, with Σ ν = 1, for every such neuron f, then a network of width h with ‖θ‖_∞ = r has a mean, and so a
least, margin of at most h r³ B; and r ≥ (margin ÷ (h B))^(1/3). Not in Mohamadi et al. 2024.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

ALONE = 4.0  # no neuron with entries in [−1, 1] has an output above 4
ROUNDS = 300  # of balancing


def least_entry(margin: float | int, h: int, B: float | int) -> float:
    """The ‖θ‖_∞ that a network of width h needs at least for a margin."""
    return float((margin / (h * B)) ** (1 / 3))


def neuron_on_sample(labels: Int[np.ndarray, " m"], wrong: Bool[np.ndarray, "m p"]) -> float:
    """B for a mean over the answers that are wrong, and sampled with a pair: wrong [m, p].

    A neuron's output is u(x) v_c, 0 ≤ u ≤ 4. The mean is Σ (u − 2) ν (v_y − v_c) + 2 Σ ν (v_y − v_c) ≤ 2 Σ ν |v_y − v_c| + 2 Σ_c |w_c|
    with w_c how much more often c is right than wrong. The first sum is convex in v, so largest where all v_c = ±1, and is
    there vᵀ L v ≤ p λ_max(L), L the Laplacian of the graph that joins y and c by ν. The weights ν are equal, or balanced so that w
    is 0, whichever gives less. Infinite where no wrong answer is sampled.
    """
    p = wrong.shape[1]
    counts = np.zeros((p, p))
    np.add.at(counts, labels, wrong.astype(float))  # counts[y, c]
    return min((most_of(weights) for weights in (counts, balanced(counts)) if weights.sum() > 0), default=np.inf)


def balanced(counts: Float[np.ndarray, "p p"]) -> Float[np.ndarray, "p p"]:
    """d_y ÷ d_c times counts[y, c], d such that rows and columns have nearly equal sums (Osborne 1960)."""
    d = np.ones(len(counts))
    for _ in range(ROUNDS):
        weights = counts * d[:, None] / d
        rows, columns = weights.sum(axis=1), weights.sum(axis=0)
        both = (rows > 0) & (columns > 0)
        d[both] *= (columns[both] / rows[both]) ** 0.25
    return counts * d[:, None] / d


def most_of(weights: Float[np.ndarray, "p p"]) -> float:
    """The bound of `neuron_on_sample` for weights[y, c], summed over the pairs with answer y; they need no sum of 1."""
    weights = weights / weights.sum()
    joined = weights + weights.T
    laplacian = np.diag(joined.sum(axis=1)) - joined
    unbalanced = float(np.abs(weights.sum(axis=1) - weights.sum(axis=0)).sum())
    return len(weights) * float(np.linalg.eigvalsh(laplacian)[-1]) + 2 * unbalanced


def neuron_on_population(p: int) -> float:
    """B for the mean over all pairs and wrong answers: 2τ p/(p−1), τ p² a bound on Σ_ab (v_{a+b} − mean v) q_a r_b.

    The squares in (q_a + r_b)² cancel. In Fourier transforms the sum is Σ_{k≠0} conj(v_k) q_k r_k / p, by Hölder at most the largest
    Σ_{k≠0} |x_k|³ / p of a vector with entries in [−1, 1]. Its |x_k| are at most C, equal for k and −k, and Σ |x_k|² ≤ p², so that
    the sum of cubes is largest with as many pairs at C as there is room for, and one more.
    """
    return 2 * _cubes(p) * p / (p - 1)


def _cubes(p: int) -> float:
    """τ; 1 for even p, where |x_{p/2}| may be p."""
    if p % 2 == 0:
        return 1.0
    divisors = [d for d in range(1, p) if p % d == 0]
    C = max(d / np.sin(np.pi * d / (2 * p)) for d in divisors) / p  # Σ_c |cos(2πkc/p + φ)| at its largest, d = gcd(k, p)
    full = int(1 / (2 * C**2))
    left = max(0.0, 1 - 2 * full * C**2)
    return float(2 * full * C**3 + 2 * (left / 2) ** 1.5)
