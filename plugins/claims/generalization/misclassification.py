"""How many answers can be wrong when the square loss is small."""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from plugins.networks.written_down import all_tuples, answers, fourier_network, outputs


@register("misclassification")
@dataclass(frozen=True, kw_only=True)
class Misclassification(Claim):
    """Share of wrong answers ≤ 2 · (population square loss) / p, of the regression task (Prop. E.7, Mohamadi et al. 2024).

    A wrong answer costs at least p²/2 among the p outputs of its pair. Measured on appendix F with noise of several sizes
    in its weights, on random networks, and on outputs that are as wrong as they are cheap, where the bound is an equality.
    """

    p: int = field(7, "modulus", at_least=2)
    noises: tuple[float, ...] = field((0.0, 0.05, 0.1, 0.15), "standard deviations of the noise in all weights", at_least=0)

    tags = ("generalization", "appendix E")
    scales = {"laptop": {"p": 23}, "full": {"p": 47}}

    def check(self, seed: int) -> list[Row]:
        """One row per network."""
        generator, inputs = np.random.default_rng(seed), all_tuples(self.p, 2)
        target = self.p * answers(inputs, self.p)
        W, V = (x / 4 ** (1 / 3) for x in fourier_network(self.p))

        def noisy(size: float) -> np.ndarray:
            return outputs(W + generator.normal(0, size, W.shape), V + generator.normal(0, size, V.shape), inputs)

        found = {f"noise {size:g}": noisy(size) for size in self.noises}
        found["random weights"] = outputs(generator.uniform(-1, 1, W.shape), generator.uniform(-1, 1, V.shape), inputs)
        wrong = np.roll(target, 1, axis=1)
        found["half of it at another answer"] = (target + wrong) / 2 + 1e-9 * wrong
        rows = []
        for name, outs in found.items():
            error = float(np.mean(outs.argmax(axis=1) != target.argmax(axis=1)))
            loss = float(np.mean((outs - target) ** 2))
            rows.append(Row(f"{name}: share of wrong answers", 2 * loss / self.p, error, 1e-6, relation="<="))
        tight = rows[-1]
        return [*rows, Row("the bound is an equality there", tight.predicted, tight.measured, 1e-6)]
