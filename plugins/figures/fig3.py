"""Figure 3: regression for several p: how many samples generalize, and ‖θ‖_∞ after that."""

from collections.abc import Sequence
from dataclasses import dataclass

from framework import Figure, Panel, Picture, Run, Verdict, register
from plugins import shapes

PRINTED = 2.0  # the caption's exponent: generalization with more than Ω(p²) samples
MEMORIZED = 2.5  # below √2 (p−1) p^1.5 samples the network of least norm memorizes: see the claim memorizing_network
RIVALS = ("p²/log p", "p^2.25", "p^2.5", "p³")


@register("fig3")
@dataclass(frozen=True, kw_only=True)
class Figure3(Figure):
    """Regression for several p: how many samples generalize, and ‖θ‖_∞ after that (figure 3 of Mohamadi et al. 2024)."""

    config = "paper/fig3"

    def picture(self, runs: Sequence[Run]) -> Picture:
        """One row per penalty: test accuracy against n / p², the n at accuracy ½, and ‖θ‖_∞ at the most samples. Last: as printed, by p."""
        printed = [run for run in runs if shapes.method(run) == "as printed"]
        rows: list[list[Panel]] = []
        verdicts: list[Verdict] = []
        for said in dict.fromkeys(shapes.method(run) for run in runs if run not in printed):
            members = [run for run in runs if shapes.method(run) == said and run not in printed]
            moduli = sorted(set(map(shapes.modulus, members)))
            most = {p: max(shapes.size(run) for run in members if shapes.modulus(run) == p) for p in moduli}
            largest = [run for run in members if shapes.size(run) == most[shapes.modulus(run)]]
            rows.append(
                [
                    shapes.sizes_panel(members, 2.0, "p²", said),
                    *shapes.thresholds_panels(members, ("p²", "p^2.25", "p^2.5"), f"samples needed, {said}"),
                    shapes.final_norms(largest, f"{said}, most samples"),
                ]
            )
            verdicts += [
                suffices(members, said),
                shapes.law_holds(members, "p²", RIVALS, said),
                shapes.generalizes(largest, f"{said}, most samples"),
                shapes.flat(largest, f"{said}, most samples", grokked=True),
            ]
        ordered = sorted(printed, key=shapes.modulus)
        rows.append([shapes.several(ordered, shapes.modulus, "p", "as printed"), shapes.final_norms(ordered, "as printed")])
        verdicts += [*(shapes.generalizes(seeds, shapes.setting(seeds[0])) for seeds in shapes.by_setting(ordered))]
        return Picture(rows, [*verdicts, shapes.flat(ordered, "as printed")])


def suffices(runs: Sequence[Run], setting: str) -> Verdict:
    """The caption's sentence: generalization with more than Ω(p²) samples, that is, a constant times p² is enough for every p.

    So the exponent of the samples needed must be at most 2. Our rule: it is, up to the interval over seeds and two standard errors
    over p, which must be less than ⅓ wide to either side. A larger exponent means that no constant is enough for all p.
    """
    measured = shapes.growth(runs)
    low, high = shapes.reach(measured)
    seen = low <= PRINTED and high - low < 2 * shapes.APART
    expected = f"exponent ≤ {PRINTED:g}, by {shapes.REACH}, these less than {2 * shapes.APART:.2g} apart"
    return Verdict(f"{setting}: n > Ω(p²) samples suffice", measured, expected, seen)
