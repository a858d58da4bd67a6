"""What no permutation-equivariant kernel method can do with n points: the printed bound and the exact one."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from framework import Claim, Row, field, register
from plugins.claims.networks import all_tuples

Kernel = Float[np.ndarray, "N N"]
SMALL = ((2, 2), (3, 2), (2, 3), (3, 3))  # (p, m) for which all permutations are gone through


@register("kernel_lower_bounds")
@dataclass(frozen=True, kw_only=True)
class KernelLowerBounds(Claim):
    """Population square loss of an n-point equivariant kernel method on 1[Σ σ_i(x_i) ≡ 0], divided by that of the zero predictor.

    Printed (Thm 3.4/D.1, 3.5/D.8, 4.3/D.2 of Mohamadi et al. 2024): at least 1 − 1/p − (n/p^m) e^{(m−1)/(p−1)}. Exact (not in
    the paper): (1 − 1/p)(1 − (n−1)/(p−1)^m), since E[Ψ_σ Ψ_σᵀ] has the eigenvalue p^(m−2) once, p^(m−2)/(p−1)^(m−1) with
    multiplicity (p−1)^m, and 0. Both are of the mean over permutations σ. Measured: the spectrum over all permutations, the
    loss of kernel regressions at n random points, and that of a kernel which attains the exact bound.
    """

    p: int = field(5, "values of a variable", at_least=3)
    m: int = field(3, "variables: summands + 1 in regression", at_least=2)
    points: int = field(20, "n", at_least=1)
    permutations: int = field(200, "random σ over which the loss is averaged", at_least=2)

    tags: ClassVar[tuple[str, ...]] = ("kernel", "lower bound")
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "laptop": {"p": 11, "points": 300, "permutations": 500},
        "full": {"p": 13, "points": 1000, "permutations": 1000},
    }

    def check(self, seed: int) -> list[Row]:
        """The spectrum for small (p, m), and the losses of four kernels beside both bounds."""
        rows = [row for p, m in SMALL for row in self._spectrum(p, m)]
        generator = np.random.default_rng(seed)
        inputs, zero = all_tuples(self.p, self.m), self.p ** (self.m - 1)
        chosen = generator.choice(len(inputs), self.points, replace=False)
        targets = np.stack([permuted_target(inputs, draw(generator, self.p, self.m)) for _ in range(self.permutations)], axis=1)
        exact, printed = exact_bound(self.p, self.m, self.points), printed_bound(self.p, self.m, self.points)
        rows.append(Row("printed bound", exact, printed, 1e-12, relation="<="))
        for name, kernel in kernels(inputs).items():
            losses = regression_losses(kernel, chosen, targets) / zero
            error = 5 * float(losses.std() / np.sqrt(len(losses)))
            rows.append(Row(f"loss of {name} regression", exact, float(losses.mean()), error, relation=">="))
        shown = inputs[chosen] if self.points < len(inputs) else inputs
        knows = permuted_target(inputs, [np.arange(self.p)] * self.m)[:, None]
        cheat = regression_losses(knows @ knows.T + 1e-9 * np.eye(len(inputs)), np.flatnonzero(knows[:, 0])[: len(shown)], knows) / zero
        rows.append(Row("loss of a kernel that knows σ", exact, float(cheat.mean()), 0, relation=">=", expected_to_hold=False))
        return [*rows, self._attained()]

    def _spectrum(self, p: int, m: int) -> list[Row]:
        inputs = all_tuples(p, m)
        every = list(itertools.product(map(np.array, itertools.permutations(range(p))), repeat=m))
        mean = sum(np.outer(target, target) for target in (permuted_target(inputs, s) for s in every)) / len(every)
        found = np.sort(np.linalg.eigvalsh(mean))[::-1]
        first, second, count = float(p) ** (m - 2), p ** (m - 2) / (p - 1) ** (m - 1), (p - 1) ** m
        expected = np.sort(np.array([first, *[second] * count, *[0.0] * (len(inputs) - 1 - count)]))[::-1]
        return [Row(f"p = {p}, m = {m}: deviation of the spectrum", 0, float(np.abs(found - expected).max()), 1e-12)]

    def _attained(self) -> Row:
        """The best predictor in the span of n columns of a kernel that has the constant, and one eigenspace, and nothing else."""
        p, m, n = 3, 2, 3
        inputs = all_tuples(p, m)
        every = [permuted_target(inputs, s) for s in itertools.product(map(np.array, itertools.permutations(range(p))), repeat=m)]
        basis, _ = np.linalg.qr(top_kernel(inputs, p, 1e7)[:, :n])
        losses = [float(np.sum((target - basis @ (basis.T @ target)) ** 2)) for target in every]
        return Row(
            f"p = {p}, m = {m}, n = {n}: loss of the kernel of the leading eigenspaces",
            exact_bound(p, m, n),
            float(np.mean(losses)) / p ** (m - 1),
            1e-5,
        )


def printed_bound(p: int, m: int, n: int) -> float:
    """1 − 1/p − (n/p^m) e^{(m−1)/(p−1)} (Corollaries D.6 and D.8 of Mohamadi et al. 2024)."""
    return float(1 - 1 / p - n / p**m * np.exp((m - 1) / (p - 1)))


def exact_bound(p: int, m: int, n: int) -> float:
    """(1 − 1/p)(1 − (n−1)/(p−1)^m), 1 ≤ n ≤ 1 + (p−1)^m."""
    return (1 - 1 / p) * (1 - (n - 1) / (p - 1) ** m)


def draw(generator: np.random.Generator, p: int, m: int) -> list[np.ndarray]:
    """One random permutation a variable."""
    return [generator.permutation(p) for _ in range(m)]


def permuted_target(inputs: np.ndarray, permutations: Iterable[np.ndarray]) -> Float[np.ndarray, " N"]:
    """1[Σ σ_i(x_i) ≡ 0] at every tuple."""
    sums = sum(permutation[inputs[:, i]] for i, permutation in enumerate(permutations))
    return (sums % (inputs.max() + 1) == 0).astype(float)


def kernels(inputs: np.ndarray) -> dict[str, Kernel]:
    """Kernels that no permutation of values changes, on all tuples: functions of which entries are equal."""
    agree = sum((inputs[:, i, None] == inputs[None, :, i]).astype(float) for i in range(inputs.shape[1]))
    p, m = int(inputs.max()) + 1, inputs.shape[1]
    forms: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "gaussian": lambda a: np.exp(-(m - a)),
        "polynomial": lambda a: (1 + a) ** 3,
        "expected tangent": lambda a: expected_tangent_kernel(inputs),
    }
    return {name: form(agree) for name, form in forms.items()} | {"eigenspace": top_kernel(inputs, p, 1.0)}


def expected_tangent_kernel(inputs: np.ndarray) -> Kernel:
    """1[c=c'] (4 + 4/5·1[a=a'] + 4/5·1[b=b'] + 4·1[a=a', b=b']) + 4 (1[a=a'] + 1[b=b']) 1[c=c'], Prop. B.3 with σ = 1."""
    *summands, c = ((inputs[:, i, None] == inputs[None, :, i]).astype(float) for i in range(inputs.shape[1]))
    return c * (4 + 0.8 * sum(summands) + 4 * np.prod(summands, axis=0) + 4 * sum(summands))


def top_kernel(inputs: np.ndarray, p: int, constant: float) -> Kernel:
    """constant/N + the projection on functions with mean 0 in every variable: Π_i (1[x_i=x_i'] − 1/p)."""
    factors = [(inputs[:, i, None] == inputs[None, :, i]) - 1 / p for i in range(inputs.shape[1])]
    return constant / len(inputs) + np.prod(factors, axis=0)


def regression_losses(kernel: Kernel, chosen: np.ndarray, targets: Float[np.ndarray, "N s"]) -> Float[np.ndarray, " s"]:
    """Σ over the population of (prediction − target)², for each target, of ridgeless regression at the chosen points."""
    weights = np.linalg.pinv(kernel[np.ix_(chosen, chosen)], rcond=1e-10, hermitian=True) @ targets[chosen]
    return np.sum((kernel[:, chosen] @ weights - targets) ** 2, axis=0)
