"""Kernel regression with the tangent kernel of the quadratic network, in the space of its parameters: no kernel matrix is formed.

The 3ph parameters are moved by the δ of least ‖δ‖₂ among those that fit the sample best to first order: f_0 + J δ with
δ = J† (y − f_0) is f_0 + K(·, X) K(X, X)† (y − f_0), whatever the number of rows.
"""

import functools
from dataclasses import dataclass
from typing import Any

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
        return (2 * self._z * sums(W, self.pairs)) @ self.V + self._squares @ V

    def back(self, changes: Matrix) -> tuple[Blocks, Matrix]:
        """Jᵀ of changes of the outputs."""
        slope = 2 * self._z * (changes @ self.V.T)
        return np.stack([gather @ slope for gather in self._gathers]), self._squares.T @ changes

    @functools.cached_property
    def _z(self) -> Matrix:
        return sums(self.W, self.pairs)

    @functools.cached_property
    def _squares(self) -> Matrix:
        return self._z**2

    @functools.cached_property
    def _gathers(self) -> list[Any]:
        """For each summand, the matrix [p, m] that adds up the pairs with each value of it."""
        m, p = len(self.pairs), self.W.shape[1]
        return [csr_array((np.ones(m), (self.pairs[:, i], np.arange(m))), shape=(p, m)) for i in range(2)]


def sums(W: Blocks, pairs: Int[np.ndarray, "m 2"]) -> Matrix:
    """Q_a + R_b of each pair."""
    return W[0][pairs[:, 0]] + W[1][pairs[:, 1]]


@dataclass(frozen=True)
class Step:
    """A change of the parameters. residual: ‖J δ − y‖ ÷ ‖y‖; slope: ‖Jᵀ(J δ − y)‖ ÷ (‖J‖ ‖J δ − y‖), 0 where no δ is better."""

    W: Blocks
    V: Matrix
    rows: int
    iterations: int
    residual: float
    slope: float


def least_squares(tangent: Tangent, wanted: Matrix, tolerance: float, iterations: int) -> Step:
    """The shortest change of the parameters that brings the weighted outputs nearest to `wanted` [m, p], by LSMR (Fong, Saunders 2011).

    tolerance: of `slope`, or of `residual` where the fit is exact.
    """
    k, p, h = tangent.W.shape
    cut = k * p * h

    def unpacked(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return flat[:cut].reshape(k, p, h), flat[cut:].reshape(h, -1)

    def back(changes: np.ndarray) -> np.ndarray:
        W, V = tangent.back(tangent.weights * changes.reshape(wanted.shape))
        return np.concatenate([W.ravel(), V.ravel()])

    def forward(flat: np.ndarray) -> np.ndarray:
        return (tangent.weights * tangent.forward(*unpacked(flat))).ravel()

    goal = (tangent.weights * wanted).ravel()
    J = LinearOperator((goal.size, cut + tangent.V.size), matvec=forward, rmatvec=back, dtype=np.float64)
    found, _, count, miss, slope, size, *_ = lsmr(J, goal, atol=tolerance, btol=tolerance, conlim=0, maxiter=iterations)
    rows, whole = int(np.count_nonzero(tangent.weights)), float(np.linalg.norm(goal))
    relative = float(slope / (size * miss)) if miss > 0 else 0.0
    return Step(*unpacked(found), rows, int(count), float(miss / whole) if whole else 0.0, relative)
