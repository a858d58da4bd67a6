"""Tangent kernels and regression losses without their large matrices, beside the large matrices."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from framework import Claim, Row, field, register
from framework.registry import build
from plugins.kernels.closed_form import QuadraticWeights
from plugins.kernels.gram_drift import squared_norms
from plugins.networks.trajectories import network
from plugins.networks.written_down import Layers, Points, all_tuples, outputs, tangent_kernel

ROUNDING = 1e-11  # relative, of sums in float64


@register("ntk_closed_forms")
@dataclass(frozen=True, kw_only=True)
class NTKClosedForms(Claim):
    """‖Θ_t − Θ_0‖_F of all p outputs from h×h Gram matrices, and the loss of n triples from p² outputs (not in Mohamadi et al. 2024).

    Beside the n p × n p kernel, entry by entry, for a sample of inputs; beside ‖Φ_tᵀΦ_0‖_F² for the part in V;
    and beside the mean over rows (a, b, c) for a sample with repeats, where the product counts triples on a grid.
    """

    p: int = field(5, "modulus", at_least=2)
    width: int = field(7, "h", at_least=1)
    k: tuple[int, ...] = field((2, 3), "numbers of summands", at_least=1, at_most=4)
    points: int = field(15, "number of inputs of the kernel", at_least=1)

    tags = ("kernel", "numerics")
    scales = {"laptop": {"p": 11, "width": 44, "points": 100}, "full": {"p": 23, "width": 92, "points": 200}}

    def check(self, seed: int) -> list[Row]:
        """Far apart, and close: where the two kernels nearly cancel."""
        generator, rows = np.random.default_rng(seed), []
        for k in self.k:
            every = all_tuples(self.p, k)
            inputs = every[generator.choice(len(every), min(self.points, len(every)), replace=False)]
            before, moved = self._draw(generator, k), self._draw(generator, k)
            for name, size in (("far apart", 1.0), ("close", 1e-3)):
                after = before[0] + size * moved[0], before[1] + size * moved[1]
                rows += self._drift(f"k = {k}, {name}: ", inputs, after, before)
        return [*rows, self._part_in_V(generator), self._loss(generator, seed)]

    def _draw(self, generator: np.random.Generator, k: int) -> Layers:
        return generator.normal(size=(k, self.p, self.width)), generator.normal(size=(self.width, self.p))

    def _drift(self, what: str, inputs: Points, after: Layers, before: Layers) -> list[Row]:
        """Rows for the change, and for the kernel after it."""
        points = np.concatenate([np.repeat(inputs, self.p, axis=0), np.tile(np.arange(self.p), len(inputs))[:, None]], axis=1)
        new, old = (tangent_kernel(*net, points) for net in (after, before))
        with jax.enable_x64(True):
            two = QuadraticWeights(*map(jnp.asarray, after)), QuadraticWeights(*map(jnp.asarray, before))
            found = np.sqrt(np.asarray(squared_norms(two, inputs, inputs.shape[1], "all")))
        expected = {"‖Θ_t − Θ_0‖_F": new - old, "‖Θ_t‖_F": new}
        sizes = {name: float(np.linalg.norm(matrix)) for name, matrix in expected.items()}
        return [Row(what + name, size, float(x), ROUNDING * size) for (name, size), x in zip(sizes.items(), found, strict=False)]

    def _part_in_V(self, generator: np.random.Generator) -> Row:
        """⟨K_V,t, K_V,0⟩ of one output, n×n, beside the h×h matrix."""
        inputs = all_tuples(self.p, 2)
        features = [(W[0, inputs[:, 0]] + W[1, inputs[:, 1]]) ** 2 for W, _ in (self._draw(generator, 2) for _ in range(2))]
        large = float(np.sum(np.prod([F @ F.T for F in features], axis=0)))
        return Row("⟨K_V,t, K_V,0⟩ = ‖Φ_tᵀΦ_0‖_F²", large, float(np.linalg.norm(features[0].T @ features[1]) ** 2), ROUNDING * large)

    def _loss(self, generator: np.random.Generator, seed: int) -> Row:
        """Mean square over the rows of a sample drawn with replacement."""
        task = build("task", "modular_addition_regression", p=self.p, train_size="2*p^2.25", replacement=True)
        sample = task.splits(seed).train
        W, V = self._draw(generator, 2)
        a, b, c = sample.inputs.T
        rows = (outputs(W, V, sample.inputs[:, :2])[np.arange(len(c)), c] - np.where((a + b) % self.p == c, self.p, 0)) ** 2
        with jax.enable_x64(True):
            found = task.mean_loss(network({"W": jnp.asarray(W), "V": jnp.asarray(V)}, 2), sample)
        return Row(f"regression loss of {len(c)} triples", float(rows.mean()), float(found), ROUNDING * float(rows.mean()))
