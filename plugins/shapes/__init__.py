"""What the figures have in common: curves read from runs, and the shapes that are looked for in them. Nothing here is registered."""

from plugins.shapes.curves import accuracies, generalizes, losses, several
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
from plugins.shapes.seeds import Series, band, by_setting, median, over_seeds, seed
from plugins.shapes.sizes import APART, collapse_of, collapses, size_curves, sizes_panel

__all__ = [
    "APART",
    "COSINE",
    "DRIFT",
    "FLAT",
    "LINEARIZED",
    "RELATIVE",
    "Fit",
    "Series",
    "accuracies",
    "area",
    "band",
    "by_setting",
    "collapse_of",
    "collapses",
    "final_norms",
    "flat",
    "gap_closes",
    "generalizes",
    "kernel_at",
    "kernel_changes",
    "kernel_goes_on",
    "kernel_regime",
    "kernel_waits",
    "losses",
    "median",
    "method",
    "modulus",
    "over_seeds",
    "scale",
    "seed",
    "setting",
    "several",
    "size",
    "size_curves",
    "sizes_panel",
    "slower_when_small",
]
