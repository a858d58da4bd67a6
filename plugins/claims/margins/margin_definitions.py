"""Margins as section 4.2 defines them, and the inequality that is printed the wrong way round."""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Row, field, register
from plugins.networks.written_down import all_tuples, fourier_network, largest_entry, margins, outputs, smallest_margin


@register("margin_definitions")
@dataclass(frozen=True, kw_only=True)
class MarginDefinitions(Claim):
    """q = f_y − max_{y'≠y} f_y'; divided by ‖θ‖_∞³ no scaling of θ changes it; L_γ = Pr[q ≤ γ] (section 4.2, Mohamadi et al. 2024).

    On the network of appendix F, whose margins are all 4p, with noise of standard deviation 1 in its weights, and with −V,
    which answers everything wrong. The controls are the same statements with Pr[q > γ], as (4.3) prints L_γ.
    """

    p: int = field(7, "modulus", at_least=2)
    scale: float = field(1.7, "factor of all parameters", above=0)

    tags = ("margin",)
    scales = {"laptop": {"p": 23}, "full": {"p": 47}}
    note = (
        "(4.3) prints L_γ = Pr[q > γ]. The sentence before it says what is meant: an answer counts as right if its margin is at least γ. "
        "Then L_γ = Pr[q < γ], or Pr[q ≤ γ] as in Neyshabur et al. 2018, L_0 is the share of wrong answers, and L_γ grows with γ, as "
        "Theorem 4.6 needs. As printed, L_0 is the share of right answers, and L_γ falls with γ."
    )

    def check(self, seed: int) -> list[Row]:
        """The normalized margin under scaling, then the margin loss as it is meant and as it is printed."""
        inputs = all_tuples(self.p, 2)
        labels = inputs.sum(axis=1) % self.p
        W, V = fourier_network(self.p)
        normal, scaled = (
            smallest_margin(outputs(c * W, c * V, inputs), labels) / largest_entry(c * W, c * V) ** 3 for c in (1.0, self.scale)
        )
        generator = np.random.default_rng(seed)
        noisy = W + generator.normal(0, 1, W.shape), V + generator.normal(0, 1, V.shape)
        rows = [
            Row("normalized margin of scaled parameters", normal, scaled, 1e-9 * normal),
            Row("normalized margin of appendix F ÷ p", 4, normal / self.p, 1e-9),
        ]
        for name, network in {"appendix F": (W, V), "with −V": (W, -V), "with noise": noisy}.items():
            found = outputs(*network, inputs)
            error, q = float(np.mean(found.argmax(axis=1) != labels)), margins(found, labels)
            printed = float(np.mean(q > 0))
            rows.append(Row(f"{name}: L_0 = Pr[q ≤ 0], the share of wrong answers", error, float(np.mean(q <= 0))))
            rows.append(Row(f"{name}: Pr[q > 0], as (4.3) prints L_0", error, printed, expected_to_hold=bool(2 * np.sum(q <= 0) == len(q))))
        for name, network in {"appendix F": (W, V), "with noise": noisy}.items():
            q = margins(outputs(*network, inputs), labels)
            gamma = 2 * float(np.abs(q).max())  # above all margins
            rows.append(
                Row(f"{name}: L_γ = Pr[q ≤ γ] at a γ above all margins, beside L_0", float(np.mean(q <= 0)), _within(q, gamma), 0, ">=")
            )
            right = float(np.mean(q > 0))
            said = f"{name}: Pr[q > γ] there, beside Pr[q > 0]"
            rows.append(Row(said, right, 1 - _within(q, gamma), 0, ">=", expected_to_hold=right == 0))
        return rows


def _within(q: np.ndarray, gamma: float) -> float:
    """Pr[q ≤ γ]."""
    return float(np.mean(q <= gamma))
