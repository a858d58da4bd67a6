"""Kernel regression commutes with a group of transformations where its kernel is invariant under it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from framework import Claim, Row, field, register
from plugins.claims.kernel_lower_bounds import kernels
from plugins.claims.networks import all_tuples


@register("kernel_equivariance")
@dataclass(frozen=True, kw_only=True)
class KernelEquivariance(Claim):
    """Trained on permuted points, K invariant ⇒ predictions at permuted points are those before (Thm 2.4, Mohamadi et al. 2024).

    Ridge regression with a small ridge at n random points, values of each variable permuted. Controls: a kernel of
    residues as numbers, and one that prefers a residue. The converse as printed, "only if", fails without a ridge: a
    diagonal kernel with unequal entries is not invariant, and answers what it was taught at its points, 0 elsewhere.
    """

    p: int = field(5, "values of a variable", at_least=3)
    m: int = field(3, "variables", at_least=2)
    points: int = field(30, "n", at_least=2)
    ridge: float = field(1e-3, "added to the diagonal", above=0)

    tags: ClassVar[tuple[str, ...]] = ("kernel", "equivariance")
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {"laptop": {"p": 11, "points": 300}, "full": {"p": 13, "points": 600}}

    def check(self, seed: int) -> list[Row]:
        """For each kernel, how far predictions on permuted data are from permuted predictions."""
        generator = np.random.default_rng(seed)
        inputs = all_tuples(self.p, self.m)
        chosen = generator.choice(len(inputs), self.points, replace=False)
        targets = generator.normal(size=self.points)
        permuted = np.stack([generator.permutation(self.p)[inputs[:, i]] for i in range(self.m)], axis=1)
        where = np.ravel_multi_index(tuple(permuted.T), (self.p,) * self.m)  # the number of the tuple that x becomes

        def rows_of(name: str, kernel: np.ndarray, ridge: float, commutes: bool, invariant: bool) -> list[Row]:
            before, after = predictions(kernel, chosen, targets, ridge), predictions(kernel, where[chosen], targets, ridge)[where]
            miss = float(np.abs(after - before).max() / np.abs(before).max())
            change = float(np.abs(kernel[np.ix_(where, where)] - kernel).max() / np.abs(kernel).max())
            return [
                Row(f"deviation of {name} regression", 0, miss, 1e-9, expected_to_hold=commutes),
                Row(f"change of the {name} kernel", 0, change, 1e-12, expected_to_hold=invariant),
            ]

        rows = [row for name, kernel in kernels(inputs).items() for row in rows_of(name, kernel, self.ridge, True, True)]
        for name, kernel in preferring_kernels(inputs).items():
            rows += rows_of(name, kernel, self.ridge, False, False)
        diagonal = np.diag(1 + generator.uniform(size=len(inputs)))
        return rows + rows_of("diagonal, ridgeless", diagonal, 0.0, True, False)


def predictions(kernel: np.ndarray, chosen: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    """What regression at the chosen points answers at all points."""
    gram = kernel[np.ix_(chosen, chosen)] + ridge * np.eye(len(chosen))
    return kernel[:, chosen] @ np.linalg.solve(gram, targets)


def preferring_kernels(inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Two kernels to which residues are not all alike."""
    distances = np.abs(inputs[:, None, :] - inputs[None, :, :]).sum(axis=2)
    zeros = (inputs == 0).sum(axis=1).astype(float)
    same = kernels(inputs)["gaussian"]
    return {"residues as numbers": np.exp(-distances / 2), "preferring 0": same + np.outer(zeros, zeros)}
