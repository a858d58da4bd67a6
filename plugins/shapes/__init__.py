"""What the figures have in common: curves read from runs, and the shapes that are looked for in them. Nothing here is registered."""

from plugins.shapes.curves import accuracies, generalizes, losses, quantity, several
from plugins.shapes.gaps import area, gap_closes, slower_when_small
from plugins.shapes.kernels import (
    COSINE,
    DRIFT,
    LINEARIZED,
    RELATIVE,
    Fit,
    kernel_at,
    kernel_changes,
    kernel_goes_on,
    kernel_regime,
    kernel_waits,
)
from plugins.shapes.norms import FLAT, final_norms, flat
from plugins.shapes.runs import method, modulus, scale, setting, size
from plugins.shapes.seeds import Series, across, band, by_setting, median, over_seeds, seed
from plugins.shapes.sizes import APART, LAWS, REACH, exponent_is, growth, law_holds, reach, samples_of, sizes_panel, thresholds_panels
from plugins.shapes.triples import TRIPLES, has_triples, triples_wait

__all__ = [
    "APART",
    "COSINE",
    "DRIFT",
    "FLAT",
    "LAWS",
    "REACH",
    "LINEARIZED",
    "RELATIVE",
    "TRIPLES",
    "Fit",
    "Series",
    "accuracies",
    "across",
    "area",
    "band",
    "by_setting",
    "exponent_is",
    "final_norms",
    "final_accuracy",
    "flat",
    "gap_closes",
    "generalizes",
    "growth",
    "has_triples",
    "kernel_at",
    "kernel_changes",
    "kernel_goes_on",
    "kernel_regime",
    "kernel_waits",
    "law_holds",
    "losses",
    "median",
    "method",
    "modulus",
    "over_seeds",
    "quantity",
    "reach",
    "samples_of",
    "scale",
    "seed",
    "setting",
    "several",
    "size",
    "sizes_panel",
    "slower_when_small",
    "thresholds_panels",
    "triples_wait",
]
