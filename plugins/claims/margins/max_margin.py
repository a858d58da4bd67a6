"""The largest margin that any network of the group norm 1 can have, a network that has it, and networks that learn to."""

from dataclasses import dataclass
from math import factorial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from framework import Claim, Panel, Row, field, register
from framework.registry import build
from plugins.networks.mean_margins import best_neuron, mean_margin
from plugins.networks.trajectories import cross_entropy, initial, trajectories
from plugins.networks.written_down import all_tuples, answers, group_norm, outputs, smallest_margin, summand_network

PENALTY = 1e-4  # of ‖θ‖^(k+1): the smaller, the nearer to the largest margin, and the later
ENOUGH = 0.95  # of γ*, at the end of training


@register("max_margin")
@dataclass(frozen=True, kw_only=True)
class MaxMargin(Claim):
    """γ* = 2 k! / ((2k+2)^((k+1)/2) (p−1) p^((k−1)/2)) on the whole population, at ‖θ‖_{2,k+1} = 1, p > 2 prime.

    Morwani et al. 2024 (arXiv 2311.07568; general k: arXiv 2402.09469), with 2^(2k−2) (p−1) neurons. Attained by the
    frequencies 1 … (p−1)/2 of the construction for k summands. No network has more, as no single neuron has a larger mean margin
    over all wrong answers; ascent finds what a neuron has. Networks trained on the whole population with Adam, on
    cross-entropy + 1e-4 ‖θ‖_{2,k+1}^(k+1), approach it from below.
    """

    p: int = field(5, "modulus, a prime above 2", at_least=3)
    most: int = field(4, "the largest k", at_least=2, at_most=5)
    steps: int = field(3000, "steps of training", at_least=1)

    tags = ("margin", "k summands")
    scales = {"laptop": {"p": 7, "steps": 5000}, "full": {"p": 11, "steps": 20_000}}

    def check(self, seed: int) -> list[Row]:
        """For each k: neurons and margin of the construction, and the largest that a neuron has; then trained networks."""
        rows, generator = [], np.random.default_rng(seed)
        for k in range(2, self.most + 1):
            W, V = summand_network(self.p, k, range(1, (self.p + 1) // 2))
            inputs = all_tuples(self.p, k)
            weights = (self.p * answers(inputs, self.p) - 1) / (self.p - 1)
            neuron = mean_margin(*best_neuron(inputs, weights, generator), inputs, weights)
            best = largest(self.p, k)
            rows += [
                Row(f"k = {k}: neurons", 2 ** (2 * k - 2) * (self.p - 1), V.shape[0]),
                Row(f"k = {k}: margin of the construction", best, self._margin(W, V), 1e-12),
                Row(f"k = {k}: largest mean margin of a neuron, by ascent", best, neuron, 1e-6 * best),
            ]
        for k in (2, 3):
            _, shares = self._trained(generator, k)
            rows += [
                Row(f"k = {k}: margin / γ* of a trained network, at most", 1, float(np.max(shares)), 1e-9, relation="<="),
                Row(f"k = {k}: margin / γ* of a trained network, at the end", ENOUGH, float(shares[-1]), relation=">="),
            ]
        return rows

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


def largest(p: int, k: int) -> float:
    """γ*."""
    return 2 * factorial(k) / ((2 * k + 2) ** ((k + 1) / 2) * (p - 1) * p ** ((k - 1) / 2))


def penalized(params: Any, data: Any) -> Float[Array, ""]:
    """Mean cross-entropy + 1e-4 ‖θ‖_{2,k+1}^(k+1)."""
    squares = jnp.sum(params["W"] ** 2, axis=(0, 1)) + jnp.sum(params["V"] ** 2, axis=1)
    return cross_entropy(params, data) + PENALTY * jnp.sum(squares ** ((len(params["W"]) + 1) / 2))
