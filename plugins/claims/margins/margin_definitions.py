"""Margins as section 4.2 defines them, and the inequality that is printed the wrong way round."""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from plugins.networks.written_down import all_tuples, fourier_network, largest_entry, margins, outputs, smallest_margin


@register("margin_definitions")
@dataclass(frozen=True, kw_only=True)
class MarginDefinitions(Claim):
    """q = f_y − max_{y'≠y} f_y'; divided by ‖θ‖_∞³ no scaling of θ changes it; L_γ counts margins ≤ γ (section 4.2, Mohamadi et al. 2024).

    On the network of appendix F, whose margins are all 4p, with noise of standard deviation 1 in its weights, and with −V,
    which answers everything wrong. The control is (4.3) as printed.
    """

    p: int = field(7, "modulus, odd", at_least=3)
    scale: float = field(1.7, "factor of all parameters", above=0)

    tags = ("margin",)
    scales = {"laptop": {"p": 23}, "full": {"p": 47}}
    note = (
        "(4.3) as printed counts margins ≥ γ: a network that answers everything wrong has margin loss 0, below its error 1, and one that "
        "answers everything right has margin loss 1. The bound L_0 ≤ L_γ needs the count of margins ≤ γ."
    )

    def check(self, seed: int) -> list[Row]:
        """The normalized margin under scaling, and the margin loss both ways."""
        inputs = all_tuples(self.p, 2)
        labels = inputs.sum(axis=1) % self.p
        W, V = fourier_network(self.p)
        normal, scaled = (
            smallest_margin(outputs(c * W, c * V, inputs), labels) / largest_entry(c * W, c * V) ** 3 for c in (1.0, self.scale)
        )
        generator = np.random.default_rng(seed)
        noisy = outputs(W + generator.normal(0, 1, W.shape), V + generator.normal(0, 1, V.shape), inputs)
        error = float(np.mean(noisy.argmax(axis=1) != labels))
        q, exact = margins(noisy, labels), margins(outputs(W, V, inputs), labels)
        all_wrong = margins(outputs(W, -V, inputs), labels)
        return [
            Row("normalized margin of scaled parameters", normal, scaled, 1e-9 * normal),
            Row("with noise: share of margins ≤ 0, beside the error", error, float(np.mean(q <= 0))),
            Row("with noise: share of margins ≤ p, beside the error", error, float(np.mean(q <= self.p)), relation=">="),
            Row("without: share of margins ≤ 2p", 0, float(np.mean(exact <= 2 * self.p))),
            Row("without: share of margins ≤ 4p (1 + 1e-9)", 1, float(np.mean(exact <= 4 * self.p * (1 + 1e-9)))),
            Row("−V: margin loss at γ = 0, beside the error 1", 1, float(np.mean(all_wrong <= 0)), relation=">="),
            Row("−V: the same as printed", 1, float(np.mean(all_wrong >= 0)), relation=">=", expected_to_hold=False),
        ]
