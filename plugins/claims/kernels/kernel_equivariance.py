"""Kernel regression and transformations of its points: when do they commute?"""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from framework.errors import FieldError
from plugins.claims.kernels.kernel_lower_bounds import KernelMatrix, kernels, predict
from plugins.networks.written_down import Tuples, all_tuples


@register("kernel_equivariance")
@dataclass(frozen=True, kw_only=True)
class KernelEquivariance(Claim):
    """Trained on permuted points, K invariant ⇒ predictions at permuted points are those before (Thm 2.4, Mohamadi et al. 2024).

    Ridgeless regression, as in Definition 2.3, at n random points; values of each variable are permuted. Controls: a kernel
    of residues as numbers, and one that prefers a residue.

    "Only if" is printed too, without a proof. Derived here: on a finite set it holds if the points hang together by steps
    x → x' with K(x, x') ≠ 0, and K need not be invariant if they do not: blocks may have any scales. A diagonal kernel and
    one of blocks show that; the same blocks, joined by a small invariant kernel, are not equivariant any more.
    """

    p: int = field(5, "values of a variable", at_least=3)
    m: int = field(3, "number of variables", at_least=2)
    points: int = field(30, "n, fewer than p^m", at_least=2)

    tags = ("kernel", "equivariance")
    scales = {"laptop": {"p": 11, "points": 300}, "full": {"p": 13, "points": 600}}
    note = (
        "the proof of Theorem 2.4 shows that an invariant kernel suffices. On a finite set it is also necessary if its points hang "
        "together by K(x, x') ≠ 0, and not if they do not: a diagonal kernel answers y_i at x_i and 0 elsewhere, whatever its diagonal is."
    )

    def __post_init__(self) -> None:
        """Also checks that a point is left over: on all points every definite kernel gives the targets back."""
        super().__post_init__()
        if self.points >= self.p**self.m:
            rule = f"must be below p^m = {self.p**self.m}: on all points every definite kernel gives the targets back"
            raise FieldError("points", self.points, rule)

    def check(self, seed: int) -> list[Row]:
        """For each kernel, how far predictions on permuted data are from permuted predictions."""
        generator = np.random.default_rng(seed)
        inputs = all_tuples(self.p, self.m)
        chosen = generator.choice(len(inputs), self.points, replace=False)
        targets = generator.normal(size=self.points)
        permuted = np.stack([draw_telling(generator, self.p)[inputs[:, i]] for i in range(self.m)], axis=1)
        where = np.ravel_multi_index(tuple(permuted.T), (self.p,) * self.m)  # the number of the tuple that x becomes

        def row(what: str, name: str, before: np.ndarray, after: np.ndarray, holds: bool, tolerance: float) -> Row:
            return Row(f"{what} {name}", 0, float(np.abs(after - before).max() / np.abs(before).max()), tolerance, expected_to_hold=holds)

        rows, invariant, blocks = [], kernels(inputs), kernels_of_blocks(generator, inputs)
        joined = {"unequal blocks, joined": blocks["unequal blocks"] + 0.1 * invariant["gaussian"]}
        for name, kernel in (invariant | preferring_kernels(inputs) | blocks | joined).items():
            before, after = predict(kernel, chosen, targets), predict(kernel, where[chosen], targets)[where]
            moved = kernel[np.ix_(where, where)]
            rows.append(row("change of the kernel:", name, kernel, moved, name in invariant, 1e-12))
            rows.append(row("deviation of the regression:", name, before, after, name in invariant or name in blocks, 1e-8))
            if name in blocks | joined:
                parts = 1 if name in joined else self.p if name == "unequal blocks" else len(inputs)
                rows.append(Row(f"parts that do not hang together: {name}", parts, number_of_parts(kernel)))
        return rows


def number_of_parts(kernel: KernelMatrix) -> int:
    """How many sets of points K(x, x') ≠ 0 does not link."""
    from scipy.sparse import csgraph, csr_array  # here: at the top it would cost every command that lists plugins its time

    return int(csgraph.connected_components(csr_array(kernel))[0])


def draw_telling(generator: np.random.Generator, p: int) -> np.ndarray:
    """A permutation that moves 0, and not to p − 1: it is neither the identity nor the reversal, which keep distances."""
    while True:
        sigma = generator.permutation(p)
        if sigma[0] not in (0, p - 1):
            return sigma


def kernels_of_blocks(generator: np.random.Generator, inputs: Tuples) -> dict[str, KernelMatrix]:
    """Kernels that permutations change, and whose regression they do not: a diagonal, and a scale for each value of x_1."""
    p = int(inputs.max()) + 1
    scales = generator.permutation(np.linspace(1, 2, p))
    same = inputs[:, None, 0] == inputs[None, :, 0]
    return {
        "unequal diagonal": np.diag(generator.uniform(1, 2, len(inputs))),
        "unequal blocks": same * scales[inputs[:, 0]][:, None] * kernels(inputs)["gaussian"],
    }


def preferring_kernels(inputs: Tuples) -> dict[str, KernelMatrix]:
    """Two kernels to which residues are not all alike."""
    distances = np.abs(inputs[:, None, :] - inputs[None, :, :]).sum(axis=2)
    zeros = (inputs == 0).sum(axis=1).astype(float)
    same = kernels(inputs)["gaussian"]
    return {"residues as numbers": np.exp(-distances / 2), "preferring 0": same + np.outer(zeros, zeros)}
