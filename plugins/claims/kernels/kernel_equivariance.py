"""Kernel regression and transformations of its points: when do they commute?"""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from plugins.claims.kernels.kernel_lower_bounds import KernelMatrix, kernels, predict
from plugins.networks.written_down import Tuples, all_tuples


@register("kernel_equivariance")
@dataclass(frozen=True, kw_only=True)
class KernelEquivariance(Claim):
    """Trained on permuted points, K invariant ⇒ predictions at permuted points are those before (Thm 2.4, Mohamadi et al. 2024).

    Ridgeless regression, as in Definition 2.3, at n random points; values of each variable are permuted. Controls: a
    kernel of residues as numbers, and one that prefers a residue. "Only if" has exceptions, of which one is shown.
    """

    p: int = field(5, "values of a variable", at_least=3)
    m: int = field(3, "number of variables", at_least=2)
    points: int = field(30, "n", at_least=2)

    tags = ("kernel", "equivariance")
    scales = {"laptop": {"p": 11, "points": 300}, "full": {"p": 13, "points": 600}}
    note = (
        "the proof shows that an invariant kernel suffices. It is not needed: a diagonal kernel K(x, x') = d(x) 1[x=x'] answers y_i at "
        "x_i and 0 elsewhere whatever d is, so that ridgeless regression with it commutes with every permutation, and d may be anything."
    )

    def check(self, seed: int) -> list[Row]:
        """For each kernel, how far predictions on permuted data are from permuted predictions."""
        generator = np.random.default_rng(seed)
        inputs = all_tuples(self.p, self.m)
        chosen = generator.choice(len(inputs), self.points, replace=False)
        targets = generator.normal(size=self.points)
        permuted = np.stack([generator.permutation(self.p)[inputs[:, i]] for i in range(self.m)], axis=1)
        where = np.ravel_multi_index(tuple(permuted.T), (self.p,) * self.m)  # the number of the tuple that x becomes

        def row(what: str, name: str, before: np.ndarray, after: np.ndarray, holds: bool, tolerance: float) -> Row:
            return Row(f"{what} {name}", 0, float(np.abs(after - before).max() / np.abs(before).max()), tolerance, expected_to_hold=holds)

        rows, invariant = [], kernels(inputs)
        diagonal = {"unequal diagonal": np.diag(generator.uniform(1, 2, len(inputs)))}
        for name, kernel in (invariant | preferring_kernels(inputs) | diagonal).items():
            before, after = predict(kernel, chosen, targets), predict(kernel, where[chosen], targets)[where]
            moved = kernel[np.ix_(where, where)]
            rows.append(row("change of the kernel:", name, kernel, moved, name in invariant, 1e-12))
            rows.append(row("deviation of the regression:", name, before, after, name in invariant or name in diagonal, 1e-8))
        return rows


def preferring_kernels(inputs: Tuples) -> dict[str, KernelMatrix]:
    """Two kernels to which residues are not all alike."""
    distances = np.abs(inputs[:, None, :] - inputs[None, :, :]).sum(axis=2)
    zeros = (inputs == 0).sum(axis=1).astype(float)
    same = kernels(inputs)["gaussian"]
    return {"residues as numbers": np.exp(-distances / 2), "preferring 0": same + np.outer(zeros, zeros)}
