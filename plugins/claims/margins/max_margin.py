"""The largest margin that any network of the group norm 1 can have, a network that has it, and networks that learn to."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from framework import Claim, Panel, Row, field, register
from framework.registry import build
from plugins.networks.mean_margins import balanced_weights, best_neuron, bound_of_neurons, margin_network, mean_margin
from plugins.networks.mean_margins import largest_margin as largest
from plugins.networks.trajectories import cross_entropy, initial, trajectories
from plugins.networks.written_down import all_tuples, answers, group_norm, outputs, smallest_margin

PENALTY = 1e-4  # of ‖θ‖^(k+1): the smaller, the nearer to the largest margin, and the later
ENOUGH = 0.9  # of γ*, at the end of training; for even p, wrong answers that differ keep a penalized network below γ*


@register("max_margin")
@dataclass(frozen=True, kw_only=True)
class MaxMargin(Claim):
    """γ* = 2 k! / ((2k+2)^((k+1)/2) (p−1) p^((k−1)/2)) on the whole population, at ‖θ‖_{2,k+1} = 1, for odd p.

    Morwani et al. 2024 (arXiv 2311.07568; general k: arXiv 2402.09469) for p > 2 prime, with 2^(2k−2) (p−1) neurons; that primes are
    not needed, and even p, where p − 2 + 2^(−(k−1)/2) stands in place of p − 1, are derived here. Attained by the construction
    for k summands. No network has more: no single neuron has a larger mean margin over wrong answers, by the bound that
    `bound_of_neurons` computes from the Fourier transform of their weights; ascent finds a neuron that has as much. Networks trained
    on the whole population with Adam, on cross-entropy + 1e-4 ‖θ‖_{2,k+1}^(k+1), approach it from below.
    """

    p: int = field(5, "modulus", at_least=3)
    most: int = field(4, "the largest k", at_least=2, at_most=5)
    steps: int = field(3000, "steps of training", at_least=1)

    tags = ("margin", "k summands")
    scales = {"laptop": {"p": 7, "steps": 5000}, "full": {"p": 11, "steps": 20_000}}

    def check(self, seed: int) -> list[Row]:
        """For each k: neurons and margin of the construction, the most that a neuron can have and has; then trained networks."""
        rows, generator = [], np.random.default_rng(seed)
        for k in range(2, self.most + 1):
            rows += self._of(k, generator)
        for k in (2, 3):
            _, shares = self._trained(generator, k)
            rows += [
                Row(f"k = {k}: margin / γ* of a trained network, at most", 1, float(np.max(shares)), 1e-9, relation="<="),
                Row(f"k = {k}: margin / γ* of a trained network, at the end", ENOUGH, float(shares[-1]), relation=">="),
            ]
        return rows

    def _of(self, k: int, generator: np.random.Generator) -> list[Row]:
        inputs, best = all_tuples(self.p, k), largest(self.p, k)
        (W, V), weights = margin_network(self.p, k), balanced_weights(self.p, k)
        right = answers(inputs, self.p) == 1
        neuron = mean_margin(*best_neuron(inputs, weights, generator), inputs, weights)
        count = 2 ** (2 * k - 2) * (self.p - 1) if self.p % 2 else 2 ** (2 * k - 2) * (self.p - 2) + 2 ** (k - 1)
        return [
            Row(f"k = {k}: neurons", count, V.shape[0]),
            Row(f"k = {k}: margin of the construction", best, self._margin(W, V), 1e-12),
            Row(f"k = {k}: mean margin that no neuron exceeds", best, bound_of_neurons(weights, self.p, k), 1e-9 * best),
            Row(f"k = {k}: largest mean margin of a neuron, by ascent", best, neuron, 1e-6 * best),
            Row(f"k = {k}: weight of the right answer in that mean, less those of the wrong", 2, weighing(weights, right), 1e-9),
        ]

    def charts(self, seed: int) -> list[Panel]:
        """Steps of training against the margin as a share of γ*."""
        generator, lines = np.random.default_rng(seed), {}
        for k in (2, 3):
            steps, shares = self._trained(generator, k)
            lines[f"k = {k}"] = np.where(shares > 0, shares, np.nan)
        title = f"Margin of networks trained on the whole population, p = {self.p}"
        return [Panel.of_lines(title, "step", "margin / γ*", steps, lines, {"γ*": np.ones(len(steps))}, log="x")]

    def _trained(self, generator: np.random.Generator, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(steps, margin / γ* there) of a network that is twice as wide as the construction."""
        inputs, adam = all_tuples(self.p, k), build("optimizer", "adam", learning_rate=0.01)
        start = initial(generator, self.p, k, 2 ** (2 * k - 1) * (self.p - 1))
        data = (inputs, inputs.sum(axis=1) % self.p)
        ((path,),) = trajectories(penalized, (adam,), [start], [data], self.steps, seed=0)
        steps = np.unique(np.geomspace(1, self.steps, 40).astype(int))
        return steps, np.array([self._margin(path["W"][t], path["V"][t]) / largest(self.p, k) for t in steps])

    def _margin(self, W: np.ndarray, V: np.ndarray) -> float:
        """The smallest margin over all inputs, divided by the norm to the power k + 1."""
        inputs = all_tuples(self.p, len(W))
        return smallest_margin(outputs(W, V, inputs), inputs.sum(axis=1) % self.p) / group_norm(W, V) ** (len(W) + 1)


def weighing(weights: np.ndarray, right: np.ndarray) -> float:
    """The smallest λ at a right answer, and Σ |λ| over the wrong or −Σ λ, whichever is smaller: 2 in all where both are 1."""
    wrong = np.where(right, 0, weights)
    return float(weights[right].min() + min(np.abs(wrong).sum(axis=1).min(), -wrong.sum(axis=1).max()))


def penalized(params: Any, data: Any) -> Float[Array, ""]:
    """Mean cross-entropy + 1e-4 ‖θ‖_{2,k+1}^(k+1)."""
    return cross_entropy(params, data) + PENALTY * group_power(params)


def group_power(params: Any) -> Float[Array, ""]:
    """‖θ‖_{2,k+1}^(k+1)."""
    squares = jnp.sum(params["W"] ** 2, axis=(0, 1)) + jnp.sum(params["V"] ** 2, axis=1)
    return jnp.sum(squares ** ((len(params["W"]) + 1) / 2))
