"""Figure 3: regression for several p: how many samples generalize, and ‖θ‖_∞ after that."""

from collections.abc import Sequence
from dataclasses import dataclass

from framework import Figure, Picture, Run, Verdict, register
from framework.pictures import crossing
from plugins import shapes

POWER = 2.25  # of the printed n = 2 p^2.25
MEMORIZED = 2.5  # below √2 (p−1) p^1.5 samples the network of least norm memorizes: see the claim memorizing_network


@register("fig3")
@dataclass(frozen=True, kw_only=True)
class Figure3(Figure):
    """Regression for several p: how many samples generalize, and ‖θ‖_∞ after that (figure 3 of Mohamadi et al. 2024)."""

    config = "paper/fig3"

    def picture(self, runs: Sequence[Run]) -> Picture:
        """One row per penalty: test accuracy against n / p², and ‖θ‖_∞ at the most samples against p. Last: as printed, by p."""
        printed = [run for run in runs if shapes.method(run) == "as printed"]
        rows, verdicts = [], []
        for said in dict.fromkeys(map(shapes.method, runs)):
            members = [run for run in runs if shapes.method(run) == said and run not in printed]
            if not members:
                continue
            moduli = sorted(set(map(shapes.modulus, members)))
            largest = [max((run for run in members if shapes.modulus(run) == p), key=shapes.size) for p in moduli]
            panels = [shapes.final_norms(largest, f"{said}, most samples")]
            if len(members) > len(largest):
                panels.insert(0, shapes.sizes_panel(members, 2.0, "p²", said))
                verdicts.append(threshold(members, said))
            rows.append(panels)
            verdicts += [shapes.generalizes(largest, f"{said}, most samples"), shapes.flat(largest, f"{said}, most samples", grokked=True)]
        rows.append([shapes.several(printed, shapes.modulus, "p", "as printed"), shapes.final_norms(printed, "as printed")])
        verdicts += [*(shapes.generalizes([run], shapes.setting(run)) for run in printed), shapes.flat(printed, "as printed")]
        return Picture(rows, verdicts)


def threshold(runs: Sequence[Run], setting: str) -> Verdict:
    """Whether the samples needed grow at least like p², and the printed p^2.25 of them stay enough.

    Beside the exponent: its distance from 2, 2.25 and 2.5 in standard errors, and the n at which accuracy is 1/2.
    """
    measured: dict[str, float] = dict(shapes.collapse_of(runs))
    found, error = measured["exponent"], measured["standard error"]
    measured |= {f"errors from {power}": (found - power) / error for power in (2, POWER, MEMORIZED)}
    measured |= {f"n at accuracy 1/2, p = {p}": crossing(*curve, 0.5) for p, curve in shapes.size_curves(runs).items()}
    seen = found + 2 * error >= 2 and found - 2 * error <= POWER and 2 * error < shapes.APART
    return Verdict(f"{setting}: p^e samples generalize", measured, f"from 2 to {POWER}, within 2 errors < {shapes.APART:.2g}", seen)
