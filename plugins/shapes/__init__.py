"""What the figures have in common: curves read from runs, and the shapes that are looked for in them. Nothing here is registered."""

from plugins.shapes.curves import accuracies, generalizes, losses, several
from plugins.shapes.gaps import area, gap_closes, slower_when_small
from plugins.shapes.kernels import DRIFT, kernel_at, kernel_change, kernel_goes_on, kernel_waits
from plugins.shapes.norms import FLAT, final_norms, flat
from plugins.shapes.runs import method, modulus, scale, setting, size
from plugins.shapes.sizes import APART, collapse_of, collapses, size_curves, sizes_panel

__all__ = [
    "APART",
    "DRIFT",
    "FLAT",
    "accuracies",
    "area",
    "collapse_of",
    "collapses",
    "final_norms",
    "flat",
    "gap_closes",
    "generalizes",
    "kernel_at",
    "kernel_change",
    "kernel_goes_on",
    "kernel_waits",
    "losses",
    "method",
    "modulus",
    "scale",
    "setting",
    "several",
    "size",
    "size_curves",
    "sizes_panel",
    "slower_when_small",
]
