"""Margins as section 4.2 defines them, and the inequality that is printed the wrong way round."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from framework import Claim, Row, field, register
from plugins.claims.networks import all_tuples, fourier_network, largest_entry, margins, outputs, smallest_margin


@register("margin_definitions")
@dataclass(frozen=True, kw_only=True)
class MarginDefinitions(Claim):
    """q = f_y − max_{y'≠y} f_y'; divided by ‖θ‖_∞³ no scaling of θ changes it; L_γ counts margins ≤ γ (section 4.2, Mohamadi et al. 2024).

    On the network of appendix F, whose margins are all 4p. The control is (4.3) as printed.
    """

    p: int = field(7, "modulus, odd", at_least=3)
    scale: float = field(1.7, "factor of all parameters", above=0)

    tags: ClassVar[tuple[str, ...]] = ("margin",)
    scales: ClassVar[Mapping[str, Mapping[str, Any]]] = {"laptop": {"p": 23}, "full": {"p": 47}}
    note: ClassVar[str] = (
        "(4.3) as printed counts margins ≥ γ: a network that answers everything right would have margin loss 1 at γ = 0, above its "
        "error 0. The bound L_0 ≤ L_γ needs the count of margins ≤ γ."
    )

    def check(self, seed: int) -> list[Row]:
        """The normalized margin under scaling, and the margin loss both ways."""
        inputs = all_tuples(self.p, 2)
        labels = inputs.sum(axis=1) % self.p
        W, V = fourier_network(self.p)
        normal, scaled = (
            smallest_margin(outputs(c * W, c * V, inputs), labels) / largest_entry(c * W, c * V) ** 3 for c in (1.0, self.scale)
        )
        found = outputs(W, V, inputs)
        error = float(np.mean(found.argmax(axis=1) != labels))
        q = margins(found, labels)
        return [
            Row("normalized margin of scaled parameters", normal, scaled, 1e-9 * normal),
            Row("error", float(np.mean(q <= 0)), error),
            Row("share of margins ≤ 2p, beside the error", error, float(np.mean(q <= 2 * self.p)), relation=">="),
            Row("share of margins ≤ 4p (1 + 1e-9)", 1, float(np.mean(q <= 4 * self.p * (1 + 1e-9)))),
            Row("margin loss at 0 as printed, beside the error", error, float(np.mean(q >= 0)), expected_to_hold=False),
        ]
