"""Figure 3: regression for several p: how many samples generalize, and ‖θ‖_∞ after that."""

from collections.abc import Sequence

from framework.figures import Picture, Verdict
from framework.runs import Run
from plugins.figures import shapes
from plugins.figures.fits import collapse

POWER = 2.25  # of the printed n = 2 p^2.25


def picture(runs: Sequence[Run]) -> Picture:
    """Test accuracy against n / p², and ‖θ‖_∞ at the most samples against p; for each penalty. Below: as printed."""
    rows, verdicts = [], []
    for optimizer, said in (("adam", "max-entry penalty"), ("adamw", "weight decay")):
        members = [run for run in runs if run.config.optimizer.name == optimizer]
        moduli = sorted(set(map(shapes.modulus, members)))
        largest = [max((run for run in members if shapes.modulus(run) == p), key=shapes.size) for p in moduli]
        rows.append([shapes.sizes_panel(members, 2.0, "p²", said), shapes.final_norms(largest, f"{said}, most samples")])
        verdicts += [threshold(members, said), shapes.generalizes(largest, f"{said}, most samples")]
        verdicts.append(shapes.flat(largest, f"{said}, most samples"))
    printed = [run for run in runs if run.config.optimizer.name == "gd"]
    rows.append([shapes.several(printed, shapes.modulus, "p", "as printed")])
    verdicts += [shapes.generalizes([run], shapes.setting(run)) for run in printed]
    return Picture(rows, verdicts)


def threshold(runs: Sequence[Run], setting: str) -> Verdict:
    """Whether the samples needed grow at least like p², and the printed p^2.25 of them stay enough."""
    found, error = collapse(shapes.size_curves(runs))
    measured = {"exponent": found, "standard error": error}
    seen = found + 2 * error >= 2 and found - 2 * error <= POWER and 2 * error < shapes.APART
    return Verdict(f"{setting}: p^e samples generalize", measured, f"from 2 to {POWER}, within 2 errors < {shapes.APART:.2g}", seen)
