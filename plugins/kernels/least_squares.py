"""Kernel regression with the tangent kernel of the quadratic network, in the space of its parameters: no kernel matrix is formed.

The 3ph parameters are moved by the δ of least ‖δ‖₂ among those that fit the sample best to first order: f_0 + J δ with
δ = J† (y − f_0) is f_0 + K(·, X) K(X, X)† (y − f_0), whatever the number of rows.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, lsmr

Blocks = Float[np.ndarray, "k p h"]
Matrix = Float[np.ndarray, "_ _"]


@dataclass(frozen=True)
class Tangent:
    """J at W [2, p, h], V [h, p]: how the outputs for pairs [m, 2] change with the parameters, each row times a weight [m, p]."""

    W: Blocks
    V: Matrix
    pairs: Int[np.ndarray, "m 2"]
    weights: Float[np.ndarray, "m p"]

    def forward(self, W: Blocks, V: Matrix) -> Matrix:
        """J (W, V), without the weights."""
        z = self._sums(self.W)
        return (2 * z * self._sums(W)) @ self.V + z**2 @ V

    def back(self, changes: Matrix) -> tuple[Blocks, Matrix]:
        """Jᵀ of changes of the outputs."""
        z = self._sums(self.W)
        slope = 2 * z * (changes @ self.V.T)
        m, p = len(self.pairs), self.V.shape[1]
        ones = np.ones(m)
        gathered = [csr_array((ones, (self.pairs[:, i], np.arange(m))), shape=(p, m)) @ slope for i in range(2)]
        return np.stack(gathered), (z**2).T @ changes

    def _sums(self, W: Blocks) -> Matrix:
        """Q_a + R_b of each pair."""
        return W[0][self.pairs[:, 0]] + W[1][self.pairs[:, 1]]


@dataclass(frozen=True)
class Step:
    """A change of the parameters. residual: ‖J δ − y‖ ÷ ‖y‖; slope: ‖Jᵀ(J δ − y)‖ ÷ (‖J‖ ‖J δ − y‖), 0 where no δ is better."""

    W: Blocks
    V: Matrix
    rows: int
    iterations: int
    residual: float
    slope: float


def least_squares(
    tangent: Tangent,
    wanted: Matrix,
    tolerance: float,
    iterations: int,
    free: tuple[Blocks, Matrix] | None = None,
) -> Step:
    """The shortest change of the parameters that brings the weighted outputs nearest to `wanted` [m, p], by LSMR (Fong, Saunders 2011).

    free: how freely each parameter moves: ‖δ ÷ free‖₂ is what is least; by default all alike. tolerance: of `slope`, or of
    `residual` where the fit is exact.
    """
    k, p, h = tangent.W.shape
    cut, scale = k * p * h, None if free is None else np.concatenate([free[0].ravel(), free[1].ravel()])

    def unpacked(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flat = flat if scale is None else scale * flat
        return flat[:cut].reshape(k, p, h), flat[cut:].reshape(h, -1)

    def back(changes: np.ndarray) -> np.ndarray:
        W, V = tangent.back(tangent.weights * changes.reshape(wanted.shape))
        flat = np.concatenate([W.ravel(), V.ravel()])
        return flat if scale is None else scale * flat

    def forward(flat: np.ndarray) -> np.ndarray:
        return (tangent.weights * tangent.forward(*unpacked(flat))).ravel()

    goal = (tangent.weights * wanted).ravel()
    J = LinearOperator((goal.size, cut + tangent.V.size), matvec=forward, rmatvec=back, dtype=np.float64)
    found, _, count, miss, slope, size, *_ = lsmr(J, goal, atol=tolerance, btol=tolerance, conlim=0, maxiter=iterations)
    rows, whole = int(np.count_nonzero(tangent.weights)), float(np.linalg.norm(goal))
    relative = float(slope / (size * miss)) if miss > 0 else 0.0
    return Step(*unpacked(found), rows, int(count), float(miss / whole) if whole else 0.0, relative)
