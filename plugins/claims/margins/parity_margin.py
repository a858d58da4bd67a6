"""The largest margin on the parity of a few of many signs, and a network that has it."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from framework import Claim, Row, field, register
from plugins.networks.written_down import Matrix, smallest_margin


@register("parity_margin")
@dataclass(frozen=True, kw_only=True)
class ParityMargin(Claim):
    """γ* = k! √(2 (k+1)^(−(k+1))) for the parity of k of n signs, f = V (U x)^k, ‖θ‖_{2,k+1} = 1 (Morwani et al. 2024).

    All 2^n inputs x ∈ {±1}^n, two outputs. Attained by a neuron for every choice of signs of the k bits but the first: 2^(k−1)
    of them. One neuron fewer of the construction has less.

    No network has more, as no neuron has a larger mean margin: the mean of ±(u·x)^k is k! u_1 … u_k, since every other product of
    k signs has the mean 0, and k! √2 u_1 … u_k ‖v‖ at norm 1 is largest where all k + 1 factors are equal (means of squares).
    That identity is checked at random u, as it is one of polynomials; ascent finds a neuron that has as much.
    """

    bits: int = field(6, "n", at_least=2, at_most=14)
    most: int = field(5, "the largest k", at_least=2, at_most=8)

    tags = ("margin", "parity")
    scales = {"laptop": {"bits": 10, "most": 7}, "full": {"bits": 14, "most": 8}}

    def check(self, seed: int) -> list[Row]:
        """Five rows for each k: the construction, the most that a neuron can have and has, and what one neuron fewer gives."""
        rows, generator = [], np.random.default_rng(seed)
        inputs = np.array(list(itertools.product((1.0, -1.0), repeat=self.bits)))
        for k in range(2, min(self.most, self.bits) + 1):
            labels = (inputs[:, :k].prod(axis=1) < 0).astype(int)

            def margin(U: np.ndarray, V: np.ndarray, k: int = k, labels: np.ndarray = labels) -> float:
                norm = (((U**2).sum(axis=1) + (V**2).sum(axis=1)) ** ((k + 1) / 2)).sum()
                return smallest_margin((inputs @ U.T) ** k @ V, labels) / float(norm)

            best = math.factorial(k) * math.sqrt(2 * (k + 1.0) ** -(k + 1))
            U, V = parity_network(self.bits, k)
            neuron = steepest(inputs, labels, k, generator)
            rows += [
                Row(f"k = {k}: neurons", 2 ** (k - 1), len(U)),
                Row(f"k = {k}: margin of the construction", best, margin(U, V), 1e-12),
                Row(f"k = {k}: mean margin that no neuron exceeds", best, bound_of_neurons(inputs, labels, k, generator), 1e-9 * best),
                Row(f"k = {k}: largest mean margin of a neuron, by ascent", best, margin_of_neuron(neuron, inputs, labels, k), 1e-6 * best),
                Row(f"k = {k}: margin without its last neuron", best, margin(U[:-1], V[:-1]), 1e-6, expected_to_hold=False),
            ]
        return rows


def steepest(inputs: Matrix, labels: np.ndarray, k: int, generator: np.random.Generator) -> Float[np.ndarray, " n"]:
    """The unit vector u with the largest mean of ±(u·x)^k, + for even parity, that gradient ascent finds from 10 starts."""
    signs, found = 1.0 - 2.0 * labels, []
    for _ in range(10):
        u = generator.normal(size=inputs.shape[1:])
        for _ in range(300):
            u = u / np.linalg.norm(u)
            slope = k * ((inputs @ u) ** (k - 1) * signs) @ inputs / len(inputs)
            u = u + 0.5 * slope / (np.linalg.norm(slope) + 1e-300)
        found.append(u / np.linalg.norm(u))
    return max(found, key=lambda u: float(np.mean(signs * (inputs @ u) ** k)))


def bound_of_neurons(inputs: Matrix, labels: np.ndarray, k: int, generator: np.random.Generator) -> float:
    """√2 (k+1)^(−(k+1)/2) times the mean of ±(u·x)^k over u_1 … u_k, the same at every u: the largest of 100 random ones."""
    u = generator.normal(size=(100, inputs.shape[1]))
    u /= np.abs(u).max(axis=1, keepdims=True)
    u = np.where(np.abs(u) < 0.1, 0.1, u)
    means = (1.0 - 2.0 * labels) @ (inputs @ u.T) ** k / len(inputs)
    return float(np.max(means / u[:, :k].prod(axis=1))) * math.sqrt(2) * (k + 1) ** (-(k + 1) / 2)


def margin_of_neuron(u: Float[np.ndarray, " n"], inputs: Matrix, labels: np.ndarray, k: int) -> float:
    """For the network of one neuron, √k u and outputs (1, −1)/√2: mean of f_right − f_wrong, divided by the norm^(k+1)."""
    U, V = np.sqrt(k) * u[None], np.array([[1.0, -1.0]]) / np.sqrt(2)
    found = (inputs @ U.T) ** k @ V
    right = np.take_along_axis(found, labels[:, None], axis=1)[:, 0]
    return float(np.mean(right - (found.sum(axis=1) - right))) / float(((U**2).sum() + (V**2).sum()) ** ((k + 1) / 2))


def parity_network(bits: int, k: int) -> tuple[Matrix, Float[np.ndarray, "h 2"]]:
    """(U [h, bits], V [h, 2]): Σ_ε Πε (Σ ε_i x_i)^k = 2^(k−1) k! Π x_i, for and against, and neurons of norm 1."""
    signs = np.array([(1.0, *rest) for rest in itertools.product((1.0, -1.0), repeat=k - 1)])
    U = np.zeros((len(signs), bits))
    U[:, :k] = signs / math.sqrt(k + 1)
    return U, signs.prod(axis=1)[:, None] * np.array([1.0, -1.0]) / math.sqrt(2 * (k + 1))
