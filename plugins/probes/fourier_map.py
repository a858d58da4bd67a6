"""The picture of the fourier probe: its curves, and power by frequency and neuron at three moments."""

from typing import Any

import numpy as np

from framework.reading.probe_pictures import draw_lines, finish, moments
from framework.run.loading import Run

CURVES = {
    "frequencies": "frequencies in use",
    "ipr": "IPR of neurons",
    "phase_deviation": "|phase deviation|",
    "explained": "explained by answer − c",
}


def draw_map(figure: Any, run: Run, name: str) -> None:
    """Curves above; below, a column a neuron and a row a frequency, neurons in the order of their last frequency."""
    recorded = run.metrics()
    curves = {quantity: label for quantity, label in CURVES.items() if f"{name}/{quantity}" in recorded}
    maps = run.arrays(f"{name}/power")
    if not curves:
        return
    figure.set_size_inches(11, 7.4 if maps else 3)
    above, *below = figure.subfigures(2, 1, height_ratios=(1, 1.5)) if maps else [figure]
    for axes, (quantity, label) in zip(above.subplots(1, len(curves), squeeze=False)[0], curves.items(), strict=True):
        columns = [f"{name}/{quantity}"]
        if quantity == "frequencies":
            columns.append(f"{name}/output_frequencies")
        draw_lines(axes, run, columns)
        if quantity == "frequencies":
            for line, label_of_line in zip(axes.lines, ("of neurons", "of outputs, effective"), strict=True):
                line.set_label(label_of_line)
        axes.set_title(label, fontsize=9)
        axes.set_ylim(bottom=0, top=1.04 if quantity in ("ipr", "explained") else None)
        axes.set_xlabel("step")
        finish(axes, run)
        _thin_ticks(axes)
    if below:
        _draw_powers(below[0], maps, moments(run, sorted(maps), 3))


def _draw_powers(figure: Any, maps: dict[int, np.ndarray], steps: list[int]) -> None:
    last = maps[steps[-1]]
    size = last.sum(axis=1)
    order = np.lexsort((-size, np.argmax(last[:, 1:], axis=1)))
    axes = figure.subplots(1, len(steps), sharey=True, squeeze=False)[0]
    for panel, step in zip(axes, steps, strict=True):
        power = maps[step][order]
        share = power / np.maximum(power.sum(axis=1, keepdims=True), np.finfo(power.dtype).tiny)
        image = panel.imshow(share.T, aspect="auto", origin="lower", cmap="magma_r", vmin=0, vmax=1, interpolation="nearest")
        panel.set_title(f"step {step:,}", fontsize=9)
        panel.set_xlabel("neuron, by last frequency")
    axes[0].set_ylabel("frequency f")
    figure.colorbar(image, ax=list(axes), label="share of the neuron's power", shrink=0.85)


def _thin_ticks(axes: Any) -> None:
    """Every second decade: four panels side by side are narrow."""
    high = axes.get_xlim()[1]
    axes.set_xticks([0.5, *(10.0**i for i in range(1, int(np.log10(max(high, 1))) + 1, 2))])
