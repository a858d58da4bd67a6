"""The mean of Ψ_σ Ψ_σᵀ over permutations, from its dependence on the Hamming distance alone. Exact, in rationals."""

from fractions import Fraction
from math import comb


def chance_of_both(p: int, distance: int) -> Fraction:
    """C_d = P(Ψ_σ(x) = Ψ_σ(x') = 1) for x and x' that differ in d places, counted.

    The differences σ_i(x_i) − σ_i(x'_i) at those places are d independent nonzero residues, uniform: they must sum to 0, and
    the sum itself is then 0 with probability 1/p.
    """
    counts = [1] + [0] * (p - 1)  # by the residue of the sum
    for _ in range(distance):
        total = sum(counts)
        counts = [total - count for count in counts]  # a sum of one more: every step but 0
    return Fraction(counts[0], sum(counts) * p)


def spectrum_of_mean(p: int, m: int) -> list[tuple[Fraction, int]]:
    """(eigenvalue, multiplicity) of the p^m × p^m matrix, largest first: Σ_d C_d K_d(j), m choose j times (p−1)^j, j = 0 … m.

    K_d(j) = Σ_i (−1)^i (p−1)^(d−i) (j choose i) (m−j choose d−i), the Krawtchouk polynomials: eigenvalues of the Hamming scheme.
    """
    chances = [chance_of_both(p, d) for d in range(m + 1)]
    found = []
    for j in range(m + 1):
        krawtchouk = [
            sum((-1) ** i * (p - 1) ** (d - i) * comb(j, i) * comb(m - j, d - i) for i in range(min(d, j) + 1)) for d in range(m + 1)
        ]
        found.append((sum(c * k for c, k in zip(chances, krawtchouk, strict=True)), comb(m, j) * (p - 1) ** j))
    return sorted(found, reverse=True)  # type: ignore[return-value]


def tail(p: int, m: int, n: int) -> Fraction:
    """Sum of all but the n largest eigenvalues, divided by the trace: the least relative loss in n dimensions (Lemma D.4)."""
    left, kept = n, Fraction(0)
    spectrum = spectrum_of_mean(p, m)
    for eigenvalue, multiplicity in spectrum:
        taken = min(left, multiplicity)
        kept, left = kept + taken * eigenvalue, left - taken
    return 1 - kept / sum(eigenvalue * multiplicity for eigenvalue, multiplicity in spectrum)
