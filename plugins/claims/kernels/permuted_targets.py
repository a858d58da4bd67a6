"""How a function without slice sums meets a target whose values are permuted: Lemmas D.9 to D.11."""

import itertools
from dataclasses import dataclass
from math import comb, exp

import numpy as np
from jaxtyping import Float

from framework import Claim, Row, field, register
from plugins.claims.kernels.kernel_lower_bounds import all_targets
from plugins.mathematics.hamming import chance_of_both
from plugins.networks.written_down import all_tuples, deviation

Tensor = Float[np.ndarray, "..."]  # m axes of length p
ROUNDING = 1e-12


@register("permuted_targets")
@dataclass(frozen=True, kw_only=True)
class PermutedTargets(Claim):
    """S_d(v) = Σ v(x) v(x') over pairs that differ in d places, and E ⟨Ψ_σ, v⟩², for v ⊥ V_s (D.9–D.11 of Mohamadi et al. 2024).

    Printed for every unit v whose slices sum to 0: S_d(v) = (−1)^d (m choose d) (D.11), from which (D.13) has
    E ⟨Ψ_σ, v⟩² = (1/p)(1 + 1/(p−1))^(m−1). The proof of D.11 takes the sum along one coordinate for 0, and v ⊥ V_s gives sums over
    m − 1 coordinates only: the two are the same for m = 2, and for m ≥ 3 both equations fail, as at u ⊗ u ⊗ 1.

    Derived here: let v_J be the part of v that depends on the coordinates in J and has mean 0 in each. Then
    S_d(v) = Σ_j K_d(j) Σ_(|J|=j) ‖v_J‖² with the Krawtchouk numbers K_d, and E ⟨Ψ_σ, v⟩² = (1/p)(1 + 1/(p−1))^(m−1) ‖v_(1…m)‖² for
    v ⊥ V_s. As K_1(j) = (m−j)(p−1) − j, D.11 holds exactly for v = v_(1…m); and D.9, a bound, holds for all v ⊥ V_s.
    """

    p: int = field(4, "values of a variable", at_least=2, at_most=7)
    m: int = field(4, "number of variables of the random functions", at_least=2, at_most=4)

    tags = ("kernel", "lower bound")
    scales = {"laptop": {"p": 5}, "full": {"p": 7}}
    note = (
        "Lemma D.11 is true for m = 2 and false for m ≥ 3, and the equality in (D.13) with it; the bound of Lemma D.9, which the "
        "theorems use, is true: the mean over permutations has the eigenvalue (1/p)(1 + 1/(p−1))^(m−1) and 0 on v ⊥ V_s."
    )

    def check(self, seed: int) -> list[Row]:
        """The counterexample place by place, functions for which D.11 holds, and random ones of every size."""
        generator = np.random.default_rng(seed)
        u, one = np.array([1.0, -1.0, 0.0]) / np.sqrt(2), np.ones(3) / np.sqrt(3)
        every = np.stack(all_targets(3, 3))
        rows = sums_rows("m = 3, u ⊗ u ⊗ 1", outer(u, u, one), holds=False)
        rows += sums_rows("m = 3, u ⊗ u ⊗ u", outer(u, u, u), holds=True)
        for name, v, holds in (("u ⊗ u ⊗ 1", outer(u, u, one), False), ("u ⊗ u ⊗ u", outer(u, u, u), True)):
            rows += mean_rows(f"p = 3, m = 3, {name}", v, float(np.mean((every @ v.ravel()) ** 2)), holds)
        rows += sums_rows(f"p = {self.p}, m = 2, random", unit(without_slices(generator.normal(size=(self.p,) * 2))), holds=True)
        if self.m > 2:
            rows += self._random(generator)
        return [*rows, *self._largest(), *letter_rows(3, 3)]

    def _random(self, generator: np.random.Generator) -> list[Row]:
        """A function in general position among those without slice sums: neither equation, the mended ones, and the bound."""
        p, m, said = self.p, self.m, f"p = {self.p}, m = {self.m}, random: "
        v = unit(without_slices(generator.normal(size=(p,) * m)))
        sizes = part_sizes(v)
        mended = [sum(krawtchouk(p, m, d, j) * size for j, size in enumerate(sizes)) for d in range(m + 1)]
        found = pair_sums(v)
        printed = [(-1) ** d * comb(m, d) for d in range(m + 1)]
        return [
            Row(said + "largest deviation of D.11", 0, deviation(found, np.array(printed)), ROUNDING, expected_to_hold=False),
            Row(said + "largest deviation of Σ_j K_d(j) ‖v_j‖²", 0, deviation(found, np.array(mended)), 1e-10),
            *mean_rows(said[:-2], v, mean_square(p, m, v), holds=False),
            Row(said + "E ⟨Ψ, v⟩², the share in all variables", top(p, m) * sizes[-1], mean_square(p, m, v), ROUNDING),
        ]

    def _largest(self) -> list[Row]:
        """The largest mean over unit v ⊥ V_s, an eigenvalue: what D.9 bounds."""
        p, m = min(self.p, 5), min(self.m, 3)
        matrix = mean_matrix(p, m)
        basis = np.stack([without_slices(e.reshape((p,) * m)).ravel() for e in np.eye(p**m)])
        found = float(np.linalg.eigvalsh(basis @ matrix @ basis.T)[-1])
        said = f"p = {p}, m = {m}: largest E ⟨Ψ, v⟩² over v ⊥ V_s"
        return [
            Row(said, top(p, m), found, ROUNDING),
            Row(said + ", at most that of D.9", exp((m - 1) / (p - 1)) / p, found, relation="<="),
        ]


def sums_rows(what: str, v: Tensor, holds: bool) -> list[Row]:
    """Slice sums, and S_d for d = 0 … m beside D.11. S_0 is the norm, which D.11 has right for every v."""
    m = v.ndim
    slices = [np.abs(v.sum(axis=tuple(j for j in range(m) if j != i))).max() for i in range(m)]
    rows = [Row(f"{what}: largest slice sum", 0, float(np.max(slices)), ROUNDING)]
    for d, found in enumerate(pair_sums(v)):
        said = f"{what}: D.11 at d = {d}"
        rows.append(Row(said, (-1) ** d * comb(m, d), float(found), ROUNDING, expected_to_hold=holds or d == 0))
    return rows


def mean_rows(what: str, v: Tensor, measured: float, holds: bool) -> list[Row]:
    """E ⟨Ψ_σ, v⟩² beside the equality of (D.13), and the bound of D.9."""
    p, m = v.shape[0], v.ndim
    return [
        Row(f"{what}: E ⟨Ψ, v⟩² as (D.13) has it", top(p, m), measured, ROUNDING, expected_to_hold=holds),
        Row(f"{what}: E ⟨Ψ, v⟩², at most that of D.9", exp((m - 1) / (p - 1)) / p, measured, relation="<="),
    ]


def letter_rows(p: int, m: int) -> list[Row]:
    """D.10 for pairs in X_d: the text has d = dist(x, x'), the definition of X_d and Δ on page 28 counts equal places."""
    every = np.stack(all_targets(p, m))
    mean, inputs = every.T @ every / len(every), all_tuples(p, m)
    different = (inputs[:, None] != inputs[None]).sum(axis=2)
    rows = []
    for name, d, holds in (("different", different, True), ("equal", m - different, False)):
        miss = deviation(mean, (1 - (1.0 - p) ** (1.0 - d)) / p**2)
        rows.append(Row(f"p = {p}, m = {m}: deviation from D.10, d = number of {name} places", 0, miss, ROUNDING, expected_to_hold=holds))
    return rows


def top(p: int, m: int) -> float:
    """(1/p)(1 + 1/(p−1))^(m−1), the last line but one of (D.13)."""
    return (1 + 1 / (p - 1)) ** (m - 1) / p


def outer(*factors: np.ndarray) -> Tensor:
    """v(x) = Π_i factor_i(x_i)."""
    found = np.ones(())
    for factor in factors:
        found = np.multiply.outer(found, factor)
    return found


def unit(v: Tensor) -> Tensor:
    """v / ‖v‖."""
    return v / np.linalg.norm(v)


def part(v: Tensor, J: tuple[int, ...]) -> Tensor:
    """The part of v that depends on the coordinates in J and has mean 0 in each: means over the others are taken."""
    for i in range(v.ndim):
        mean = v.mean(axis=i, keepdims=True)
        v = v - mean if i in J else np.broadcast_to(mean, v.shape)
    return v


def subsets(m: int, size: int) -> list[tuple[int, ...]]:
    """All sets of so many of m coordinates."""
    return list(itertools.combinations(range(m), size))


def without_slices(v: Tensor) -> Tensor:
    """The projection on V_s^⊥: v less its parts in at most one coordinate."""
    return v - sum(part(v, J) for size in (0, 1) for J in subsets(v.ndim, size))


def part_sizes(v: Tensor) -> list[float]:
    """Σ ‖v_J‖² over the sets J of 0, 1, … m coordinates."""
    return [float(sum(np.sum(part(v, J) ** 2) for J in subsets(v.ndim, size))) for size in range(v.ndim + 1)]


def pair_sums(v: Tensor) -> np.ndarray:
    """S_d for d = 0 … m, pair by pair."""
    inputs, values = all_tuples(v.shape[0], v.ndim), v.ravel()
    different = (inputs[:, None] != inputs[None]).sum(axis=2)
    return np.bincount(different.ravel(), weights=np.multiply.outer(values, values).ravel(), minlength=v.ndim + 1)


def krawtchouk(p: int, m: int, d: int, j: int) -> int:
    """K_d(j) = Σ_i (−1)^i (p−1)^(d−i) (j choose i) (m−j choose d−i)."""
    return sum((-1) ** i * (p - 1) ** (d - i) * comb(j, i) * comb(m - j, d - i) for i in range(d + 1))


def mean_matrix(p: int, m: int) -> np.ndarray:
    """E Ψ_σ Ψ_σᵀ, [p^m, p^m], from chances that are counted."""
    inputs = all_tuples(p, m)
    chances = np.array([float(chance_of_both(p, d)) for d in range(m + 1)])
    return chances[(inputs[:, None] != inputs[None]).sum(axis=2)]


def mean_square(p: int, m: int, v: Tensor) -> float:
    """E ⟨Ψ_σ, v⟩²."""
    return float(v.ravel() @ mean_matrix(p, m) @ v.ravel())
