"""How wide a quadratic network must be for its tangent kernel to fit any targets."""

import math
from dataclasses import dataclass

import numpy as np

from framework import Claim, Panel, Row, field, register
from framework.errors import FieldError
from plugins.networks.written_down import Blocks, Layers, Matrix, Points, all_tuples, tangent_kernel

LARGEST = 7  # modulus up to which all triples are taken
SECOND_LAYERS = {"uniform": 1.0, "zero": 0.0}  # V's entries are U(−1, 1) times this


@register("ntk_width")
@dataclass(frozen=True, kw_only=True)
class NTKWidth(Claim):
    """Kernel regression with the eNTK at initialization, W ~ U(−s, s), fits any targets at n distinct (a, b, c) where h is large enough.

    Thm 3.1 of Mohamadi et al. 2024, with ρ_c the count of the most frequent c: the kernel is positive definite with probability
    ≥ 1 − δ for h > 36 ρ_c log(n/δ) (Prop. B.4), for every V; it has rank ≤ 3ph, so that it is singular for h < n/(3p) (Prop. B.6).

    Derived here: each neuron has two directions along which no output moves, (W_j, V_j) → (e^t W_j, e^{−2t} V_j) and
    (Q_j, R_j) → (Q_j + t, R_j − t), so that the rank is at most (3p − 2) h, and no width below n/(3p − 2) will do. On the whole
    population, all p³ triples, the rank is min(p³, (3p − 2) h), for V in general position; in a sample it may be less, where a
    value of a or b is rare. With V = 0 it is Σ_c min(ρ_c, h) in any sample, so that fitting begins at ρ_c ≈ n/p.

    Thm 3.1 lets triples repeat if their targets agree. Its converse, "if h < n/(3p)", needs n to count distinct triples: with
    repeats n may exceed 3ph where the kernel of the distinct ones is definite.
    """

    p: int = field(5, "modulus", at_least=2)
    points: int = field(40, "n, distinct triples", at_least=1)
    delta: float = field(0.1, "δ", above=0, below=1)
    draws: int = field(5, "number of networks of each kind", at_least=1)

    tags = ("kernel", "width")
    note = (
        "the converse in Theorem 3.1 is true if n counts distinct triples. As printed, for samples that may repeat, it is not: all p³ "
        "triples and enough repeats have n > 3ph at a width at which all p³ targets can be fitted."
    )
    scales = {"laptop": {"p": 11, "points": 300}, "full": {"p": 23, "points": 1000, "draws": 20}}

    def __post_init__(self) -> None:
        """Also checks that there are so many triples, and a width below n/(3p)."""
        super().__post_init__()
        if not 3 * self.p < self.points <= self.p**3:
            rule = f"must be above 3p = {3 * self.p}, so that a width is below n/(3p), and at most p³ = {self.p**3}, all distinct triples"
            raise FieldError("points", self.points, rule)

    def check(self, seed: int) -> list[Row]:
        """For V uniform and V = 0: rank, singular and definite kernels, and the width from which they are definite."""
        generator = np.random.default_rng(seed)
        points, rho = self._points(generator)
        n, p = self.points, self.p
        few, many = max(1, -(-n // (3 * p)) - 1), int(36 * rho.max() * np.log(n / self.delta)) + 1
        rows = []
        for name, size in SECOND_LAYERS.items():
            narrow = [rank(spectrum(*draw_network(generator, p, few, size), points)) for _ in range(self.draws)]
            wide = [rank(spectrum(*draw_network(generator, p, many, size), points)) for _ in range(self.draws)]
            width = self._smallest_width(*draw_network(generator, p, 2 * int(rho.max()), size), points)
            rows += [
                Row(f"V {name}, h = {few}: largest rank, at most 3ph", 3 * p * few, np.max(narrow).item(), relation="<="),
                Row(f"V {name}, h = {few}: share of singular kernels", 1, float(np.mean([x < n for x in narrow]))),
                Row(
                    f"V {name}, h above 36 ρ_c log(n/δ): share of definite kernels",
                    1 - self.delta,
                    float(np.mean([x == n for x in wide])),
                    relation=">=",
                ),
                Row(f"V {name}: smallest width of a definite kernel, beside n/(3p)", n / (3 * p), width, relation=">="),
            ]
            if size:
                rows += [
                    Row(f"V {name}, h = {few}: largest rank, at most (3p − 2) h", (3 * p - 2) * few, np.max(narrow).item(), relation="<="),
                    Row(f"V {name}: the same, beside n/(3p − 2)", n / (3 * p - 2), width, relation=">="),
                ]
            else:
                rows += [
                    Row(f"V {name}, h = {few}: smallest rank, exactly", int(np.minimum(rho, few).sum()), np.min(narrow).item()),
                    Row(f"V {name}: smallest width of a definite kernel, exactly", int(rho.max()), width),
                ]
        rows += self._population(generator)
        return [*rows, *self._fits(generator, points, few, many), *self._repeats(generator)]

    def _population(self, generator: np.random.Generator) -> list[Row]:
        """The rank on all p³ triples, one neuron below the width at which it is full, and at that width."""
        p = min(self.p, LARGEST)
        every, first = all_tuples(p, 3), -(-(p**3) // (3 * p - 2))
        rows = []
        for h in sorted({1, first - 1, first}):
            found = rank(spectrum(*draw_network(generator, p, h, 1.0), every))
            rows.append(Row(f"all {p**3} triples, h = {h}: rank", min(p**3, (3 * p - 2) * h), found))
        return rows

    def _repeats(self, generator: np.random.Generator) -> list[Row]:
        """All p³ triples, and more of them again, in a network with h < n/(3p): fitted where the targets agree."""
        p = min(self.p, LARGEST)
        every, h = all_tuples(p, 3), -(-(p**3) // (3 * p - 2))
        n = 3 * p * h + 1
        sample = np.concatenate([np.arange(p**3), generator.integers(p**3, size=n - p**3)])
        W, V = draw_network(generator, p, h, 1.0)
        error = training_error(tangent_kernel(W, V, every[sample]), generator.normal(size=p**3)[sample])
        alone = training_error(tangent_kernel(W[..., :-1], V[:-1], every), null_vector(tangent_kernel(W[..., :-1], V[:-1], every)))
        said = f"{n} triples, {p**3} distinct, h = {h} < n/(3p): targets that cannot be fitted, "
        unfitted = p**3 - rank(spectrum(W, V, every))
        few = (p**3 - 1) // (3 * p)
        short = p**3 - rank(spectrum(W[..., :few], V[:few], every))
        return [
            Row(said + "at least 1 as printed", 1, unfitted, relation=">=", expected_to_hold=False),
            Row(f"{p**3} distinct triples, h = {few} < n/(3p): targets that cannot be fitted, at least 1", 1, short, relation=">="),
            Row(f"{n} triples with repeats, h = {h}: training error on targets that agree", 0, error, 1e-8),
            Row(f"{p**3} distinct triples, h = {h - 1}: training error on the worst targets", 1, alone, 1e-6),
        ]

    def charts(self, seed: int) -> list[Panel]:
        """Width against the smallest eigenvalue as a share of the largest, for V uniform and V = 0, and the thresholds."""
        generator = np.random.default_rng(seed)
        points, rho = self._points(generator)
        n, p = self.points, self.p
        sufficient = 36 * rho.max() * np.log(n / self.delta)
        widths = np.unique(np.geomspace(1, 1.5 * sufficient, 40).astype(int))
        lines = {}
        for name, size in SECOND_LAYERS.items():
            W, V = draw_network(generator, p, int(widths[-1]), size)
            spectra = [spectrum(W[..., :h], V[:h], points) for h in widths]
            lines[f"V {name}"] = np.array([x[0] / x[-1] if rank(x) == n else np.nan for x in spectra])
        marks = {"n/(3p)": n / (3 * p), "n/p": n / p, "36 ρ_c log(n/δ)": sufficient}
        title = f"Tangent kernel of {n} triples, p = {p}: no line where it is singular"
        return [Panel.of_lines(title, "width h", "smallest eigenvalue / largest", widths, lines, marks=marks, log="xy")]

    def _points(self, generator: np.random.Generator) -> tuple[Points, np.ndarray]:
        """(n distinct triples, how often each c is among them)."""
        every = all_tuples(self.p, 3)
        points = every[generator.choice(len(every), self.points, replace=False)]
        return points, np.bincount(points[:, 2], minlength=self.p)

    def _smallest_width(self, W: Blocks, V: Matrix, points: Points) -> int:
        """The fewest of these neurons with which the kernel is definite, by bisection: one more neuron never lowers the rank."""
        low, high = 0, W.shape[2]
        while high - low > 1:
            middle = (low + high) // 2
            definite = rank(spectrum(W[..., :middle], V[:middle], points)) == len(points)
            low, high = (low, middle) if definite else (middle, high)
        return high

    def _fits(self, generator: np.random.Generator, points: Points, few: int, many: int) -> list[Row]:
        """Lemmas B.1 and B.2: random targets with a wide network, and with a narrow one those in the kernel's null space."""
        wide = tangent_kernel(*draw_network(generator, self.p, many, 0.0), points)
        narrow = tangent_kernel(*draw_network(generator, self.p, few, 1.0), points)
        return [
            Row("the same h: training error on random targets", 0, training_error(wide, generator.normal(size=self.points)), 1e-12),
            Row(f"h = {few}: training error on the worst targets", 1, training_error(narrow, null_vector(narrow)), 1e-6),
        ]


def draw_network(generator: np.random.Generator, p: int, h: int, size: float) -> Layers:
    """(W [2, p, h], V [h, p]), W's entries U(−1, 1) and V's that times `size`: s only scales the kernel's parts."""
    return generator.uniform(-1, 1, (2, p, h)), size * generator.uniform(-1, 1, (h, p))


def spectrum(W: Blocks, V: Matrix, points: Points) -> np.ndarray:
    """Eigenvalues of the tangent kernel at the points, ascending."""
    return np.linalg.eigvalsh(tangent_kernel(W, V, points))


def null_vector(kernel: np.ndarray) -> np.ndarray:
    """The eigenvector of the smallest eigenvalue."""
    return np.linalg.eigh(kernel)[1][:, 0]


def rank(eigenvalues: np.ndarray) -> int | float:
    """How many eigenvalues are above rounding, n · 2⁻⁵² times the largest; NaN where one is NaN."""
    if np.isnan(eigenvalues).any():
        return math.nan
    return int(np.sum(eigenvalues > len(eigenvalues) * np.finfo(float).eps * eigenvalues[-1]))


def training_error(kernel: np.ndarray, targets: np.ndarray) -> float:
    """‖K K† y − y‖² / ‖y‖²."""
    fitted = kernel @ (np.linalg.pinv(kernel, rcond=1e-10, hermitian=True) @ targets)
    return float(np.sum((fitted - targets) ** 2) / np.sum(targets**2))
