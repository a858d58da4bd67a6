"""What no permutation-equivariant kernel method can do with n points: the printed bound and the exact one."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from framework import Claim, Panel, Row, field, register
from framework.errors import FieldError
from framework.registry import build
from plugins.mathematics.hamming import tail
from plugins.networks.trajectories import initial, square_loss, trajectories
from plugins.networks.written_down import Tuples, all_tuples, outputs, tangent_kernel

KernelMatrix = Float[np.ndarray, "N N"]
SMALL = ((2, 2), (3, 2), (4, 2), (2, 3), (3, 3))  # (p, m) for which all permutations are gone through
STEPS = 3000  # of the training of networks for the chart
ATTAINED = ((3, 2, 1), (3, 2, 3), (3, 2, 5), (4, 2, 6), (2, 3, 2), (3, 3, 5))  # (p, m, n)
LARGE = ((23, 3, 2_000), (47, 3, 11_600), (97, 3, 59_000), (11, 4, 3_000))  # (p, m, n): the figures' sizes, and k = 3


@register("kernel_lower_bounds")
@dataclass(frozen=True, kw_only=True)
class KernelLowerBounds(Claim):
    """Population square loss of an n-point equivariant kernel method on 1[Σ σ_i(x_i) ≡ 0], divided by that of the zero predictor.

    Printed (Thm 3.4/D.1, 3.5/D.8, 4.3/D.2 of Mohamadi et al. 2024): at least 1 − 1/p − (n/p^m) e^{(m−1)/(p−1)}. Exact (not in
    the paper): (1 − 1/p)(1 − (n−1)/(p−1)^m), since E[Ψ_σ Ψ_σᵀ] has the eigenvalue p^(m−2) once, p^(m−2)/(p−1)^(m−1) with
    multiplicity (p−1)^m, and 0. Both are of the mean over permutations σ, for kernels chosen without knowing σ, and for
    the best combination of the kernel's columns; in classification (m = 3), n pairs are np points.
    """

    p: int = field(5, "values of a variable", at_least=3)
    m: int = field(3, "number of variables: summands + 1 in regression", at_least=2)
    points: int = field(20, "n, at most (p−1)^m", at_least=1)
    permutations: int = field(200, "number of random σ over which the loss is averaged", at_least=2)

    tags = ("kernel", "lower bound")
    scales = {"laptop": {"p": 11, "points": 300, "permutations": 500}, "full": {"p": 13, "points": 1000, "permutations": 1000}}

    def __post_init__(self) -> None:
        """Also checks that the bound says something for so many points."""
        super().__post_init__()
        if self.points > (self.p - 1) ** self.m:
            rule = f"must be at most (p−1)^m = {(self.p - 1) ** self.m}: the exact bound is 0 beyond, and every loss is above it"
            raise FieldError("points", self.points, rule)

    def check(self, seed: int) -> list[Row]:
        """The spectrum for small (p, m), the bound for large ones, losses of kernels beside it, and a kernel that attains it."""
        generator = np.random.default_rng(seed)
        inputs = all_tuples(self.p, self.m)
        chosen = generator.choice(len(inputs), self.points, replace=False)
        pairs = generator.choice(self.p ** (self.m - 1), -(-self.points // self.p), replace=False)
        samples = {f"n = {self.points}": chosen, f"{len(pairs)} groups": (pairs[:, None] * self.p + np.arange(self.p)).ravel()}
        targets = self._targets(generator, inputs)
        rows = [*(row for p, m in SMALL for row in spectrum_rows(p, m)), *(row for sizes in LARGE for row in bound_rows(*sizes))]
        for name, kernel in (kernels(inputs) | drawn_kernels(generator, inputs)).items():
            for which, sample in samples.items():
                rows += self._losses(f"{which}, {name}", kernel, sample, targets)
        knows = permuted_target(inputs, [np.arange(self.p)] * self.m)[:, None]
        cheat = regression_losses(knows @ knows.T + 1e-9 * np.eye(len(inputs)), np.flatnonzero(knows[:, 0])[: self.points], knows)
        exact = exact_bound(self.p, self.m, self.points)
        zero = self.p ** (self.m - 1)
        rows.append(Row("a kernel that knows σ", exact, float(cheat.mean()) / zero, relation=">=", expected_to_hold=False))
        return [*rows, *map(attained, ATTAINED), *self._three_summands(generator)]

    def _three_summands(self, generator: np.random.Generator) -> list[Row]:
        """Regression in four variables, p = 3."""
        small, inputs = dataclasses.replace(self, p=3, m=4, points=8), all_tuples(3, 4)
        sample = generator.choice(
            len(inputs), small.points, replace=False
        )  # with 17, all of the targets' span could be had: the bound is 0
        targets, said = small._targets(generator, inputs), f"p = 3, m = 4, n = {len(sample)}"
        return [row for name, kernel in kernels(inputs).items() for row in small._losses(f"{said}, {name}", kernel, sample, targets)]

    def charts(self, seed: int) -> list[Panel]:
        """n against both bounds, the mean loss of regression with each kernel, and the loss of trained networks."""
        generator = np.random.default_rng(seed)
        inputs = all_tuples(self.p, self.m)
        order, targets = generator.permutation(len(inputs)), self._targets(generator, inputs)
        counts = np.linspace(1, (self.p - 1) ** self.m, 15).astype(int)
        losses = {
            name: np.array([regression_losses(kernel, order[:n], targets).mean() for n in counts]) / self.p ** (self.m - 1)
            for name, kernel in (kernels(inputs) | drawn_kernels(generator, inputs)).items()
        }
        trained = {int(n): self._trained_loss(order[:n]) for n in counts[1::2]}
        losses["trained network"] = np.array([trained.get(int(n), np.nan) for n in counts])
        bounds = {"printed bound": printed_bound, "exact bound": exact_bound}
        predicted = {name: np.array([bound(self.p, self.m, int(n)) for n in counts]) for name, bound in bounds.items()}
        title = f"Population loss after n examples, p = {self.p}, m = {self.m}"
        return [Panel.of_lines(title, "n", "loss / that of the zero predictor", counts, losses, predicted, log="y")]

    def _trained_loss(self, sample: np.ndarray) -> float:
        """The loss of a quadratic network that AdamW trained on these examples, relative to the zero predictor's."""
        p, k, h = self.p, self.m - 1, 4 * self.p
        every, start = all_tuples(p, self.m), initial(np.random.default_rng(0), p, k, h)
        answer = p * (every[:, :-1].sum(axis=1) % p == every[:, -1])
        adamw = build("optimizer", "adamw", learning_rate=0.01, weight_decay=0.3)
        ((path,),) = trajectories(square_loss, (adamw,), [start], [(every[sample], answer[sample].astype(float))], STEPS, seed=0)
        found = outputs(path["W"][-1], path["V"][-1], all_tuples(p, k)).ravel()
        return float(np.mean((found - answer) ** 2)) / p

    def _targets(self, generator: np.random.Generator, inputs: Tuples) -> Float[np.ndarray, "N s"]:
        return np.stack([permuted_target(inputs, draw(generator, self.p, self.m)) for _ in range(self.permutations)], axis=1)

    def _losses(self, what: str, kernel: KernelMatrix, sample: np.ndarray, targets: np.ndarray) -> list[Row]:
        """Rows for ridgeless regression, and for the combination of the sample's columns that is best for each target."""
        bound = exact_bound(self.p, self.m, len(sample))
        rows = []
        for method, losses_of in (("regression", regression_losses), ("best combination", least_losses)):
            losses = losses_of(kernel, sample, targets) / self.p ** (self.m - 1)
            error = 5 * float(losses.std() / np.sqrt(len(losses))) + 1e-12  # rounding, where the bound is 0
            rows.append(Row(f"{what}: {method}", bound, float(losses.mean()), error, relation=">="))
        return rows


def printed_bound(p: int, m: int, n: int) -> float:
    """1 − 1/p − (n/p^m) e^{(m−1)/(p−1)} (Corollary D.8 of Mohamadi et al. 2024)."""
    return float(1 - 1 / p - n / p**m * np.exp((m - 1) / (p - 1)))


def exact_bound(p: int, m: int, n: int) -> float:
    """(1 − 1/p)(1 − (n−1)/(p−1)^m), 1 ≤ n ≤ 1 + (p−1)^m; 0 beyond."""
    return max(0.0, (1 - 1 / p) * (1 - (n - 1) / (p - 1) ** m))


def spectrum_rows(p: int, m: int) -> list[Row]:
    """E[Ψ_σ Ψ_σᵀ] over all permutations: its entries as a function of the Hamming distance, and its eigenvalues."""
    inputs = all_tuples(p, m)
    every = np.stack(all_targets(p, m))
    mean = every.T @ every / len(every)
    distance = (inputs[:, None] != inputs[None]).sum(axis=2)
    entries = (1 + (p - 1) * (1.0 - p) ** -distance) / p**2
    first, second, count = float(p) ** (m - 2), p ** (m - 2) / (p - 1) ** (m - 1), (p - 1) ** m
    expected = np.sort([first, *[second] * count, *[0.0] * (len(inputs) - 1 - count)])
    deviations = {"entries": np.abs(mean - entries), "spectrum": np.abs(np.linalg.eigvalsh(mean) - expected)}
    return [Row(f"p = {p}, m = {m}: deviation of the {name}", 0, float(x.max()), 1e-13) for name, x in deviations.items()]


def bound_rows(p: int, m: int, n: int) -> list[Row]:
    """Both bounds beside all but the n largest eigenvalues, counted in rationals."""
    counted = float(tail(p, m, n))
    return [
        Row(f"p = {p}, m = {m}, n = {n}: exact bound", exact_bound(p, m, n), counted, 1e-14),
        Row(f"p = {p}, m = {m}, n = {n}: printed bound", printed_bound(p, m, n), counted, relation=">="),
    ]


def attained(sizes: tuple[int, int, int]) -> Row:
    """The best combination of n columns of a kernel that has the constant, and the leading eigenspace, and nothing else."""
    p, m, n = sizes
    losses = least_losses(top_kernel(all_tuples(p, m), p, 1e7), np.arange(n), np.stack(all_targets(p, m), axis=1))
    return Row(f"p = {p}, m = {m}, n = {n}: a kernel that attains it", exact_bound(p, m, n), float(losses.mean()) / p ** (m - 1), 1e-5)


def draw(generator: np.random.Generator, p: int, m: int) -> list[np.ndarray]:
    """One random permutation per variable."""
    return [generator.permutation(p) for _ in range(m)]


def permuted_target(inputs: Tuples, permutations: Iterable[np.ndarray]) -> Float[np.ndarray, " N"]:
    """1[Σ σ_i(x_i) ≡ 0] at every tuple."""
    sums = sum(permutation[inputs[:, i]] for i, permutation in enumerate(permutations))
    return (sums % (inputs.max() + 1) == 0).astype(float)


def all_targets(p: int, m: int) -> list[Float[np.ndarray, " N"]]:
    """The targets of all (p!)^m choices of permutations."""
    every = itertools.product(map(np.array, itertools.permutations(range(p))), repeat=m)
    return [permuted_target(all_tuples(p, m), permutations) for permutations in every]


def kernels(inputs: Tuples) -> dict[str, KernelMatrix]:
    """Kernels that no permutation of values changes, on all tuples: functions of which entries are equal."""
    agree = sum((inputs[:, i, None] == inputs[None, :, i]).astype(float) for i in range(inputs.shape[1]))
    p, m = int(inputs.max()) + 1, inputs.shape[1]
    forms: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "gaussian": lambda a: np.exp(-(m - a)),
        "polynomial": lambda a: (1 + a) ** 3,
    }
    found = {name: form(agree) for name, form in forms.items()} | {"eigenspace": top_kernel(inputs, p, 1.0)}
    return found | ({"expected tangent": expected_tangent_kernel(inputs)} if m == 3 else {})


def drawn_kernels(generator: np.random.Generator, inputs: Tuples) -> dict[str, KernelMatrix]:
    """Kernels that permutations change, but not their distribution: of a network's initialization, and of random products."""
    p, m = int(inputs.max()) + 1, inputs.shape[1]
    W, V = generator.uniform(-1, 1, (m - 1, p, 4 * p)), generator.uniform(-1, 1, (4 * p, p))
    factors = generator.normal(size=(m, p, 2 * p ** (m - 1)))
    products = np.prod([factors[i, inputs[:, i]] for i in range(m)], axis=0)
    return {"tangent": tangent_kernel(W, V, inputs), "random products": products @ products.T}


def expected_tangent_kernel(inputs: Tuples) -> KernelMatrix:
    """1[c=c'] (4 + 4/5 s + 4·1[a=a', b=b'] + 4 s²), s = 1[a=a'] + 1[b=b']: the mean of the tangent kernel per neuron, k = 2.

    All entries with variance 1, W's uniform: Prop. B.3 of Mohamadi et al. 2024 with κ = 9/5, and the part in W, whose mean is
    4 s 1[c=c'] E[z z'], E[z z'] = s.
    """
    *summands, c = ((inputs[:, i, None] == inputs[None, :, i]).astype(float) for i in range(inputs.shape[1]))
    shared = sum(summands)
    return c * (4 + 0.8 * shared + 4 * np.prod(summands, axis=0) + 4 * shared**2)


def top_kernel(inputs: Tuples, p: int, constant: float) -> KernelMatrix:
    """constant/N + the projection on functions with mean 0 in every variable: Π_i (1[x_i=x_i'] − 1/p)."""
    factors = [(inputs[:, i, None] == inputs[None, :, i]) - 1 / p for i in range(inputs.shape[1])]
    return constant / len(inputs) + np.prod(factors, axis=0)


def predict(kernel: KernelMatrix, chosen: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """K(·, X) K(X, X)† y on all tuples."""
    return kernel[:, chosen] @ (np.linalg.pinv(kernel[np.ix_(chosen, chosen)], rcond=1e-10, hermitian=True) @ targets)


def regression_losses(kernel: KernelMatrix, chosen: np.ndarray, targets: Float[np.ndarray, "N s"]) -> Float[np.ndarray, " s"]:
    """Σ over the population of (prediction − target)², for each target, of ridgeless regression at the chosen points."""
    return np.sum((predict(kernel, chosen, targets[chosen]) - targets) ** 2, axis=0)


def least_losses(kernel: KernelMatrix, chosen: np.ndarray, targets: Float[np.ndarray, "N s"]) -> Float[np.ndarray, " s"]:
    """The same of the best Σ_t λ_t K(x_t, ·), which may know all of the target."""
    basis, sizes, _ = np.linalg.svd(kernel[:, chosen], full_matrices=False)
    basis = basis[:, sizes > 1e-10 * sizes[0]]
    return np.sum(targets**2, axis=0) - np.sum((basis.T @ targets) ** 2, axis=0)
