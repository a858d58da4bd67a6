"""Was it lazy? Width × α: how far the kernel had moved when the network fitted, and when it groks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framework import Figure, Panel, Picture, Run, Verdict, register
from framework.pictures import Axis, HeatMap
from framework.reading import grokked_step
from plugins import shapes
from plugins.networks.layers import hidden_neurons

MOVED, SHARE, TURNED = "change when fitted ÷ ‖Θ_0‖", "change when fitted ÷ change at the end", "1 − cosine with Θ_0 when fitted"


@dataclass(frozen=True)
class Cell:
    """The seeds of one width and one α."""

    width: int
    scale: float
    runs: Sequence[Run]
    fits: Sequence[shapes.Fit]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> "Cell":
        """What the seeds of one setting recorded."""
        width = hidden_neurons(runs[0].config.model.width, runs[0].experiment.task.sizes)
        return cls(width, shapes.scale(runs[0]), runs, list(map(shapes.Fit.of, runs)))

    @property
    def name(self) -> str:
        """'h = 92, α = 4'."""
        return f"h = {self.width}, α = {self.scale:g}"

    @property
    def moved(self) -> float:
        """The kernel's change when fitted, of ‖Θ_0‖: the median."""
        return shapes.median(fit.relative for fit in self.fits)

    @property
    def lazy(self) -> bool:
        """Whether every seed is in the kernel regime when it has fitted."""
        return all(fit.lazy for fit in self.fits)

    @property
    def groks(self) -> bool:
        """Whether every seed groks, after it has fitted."""
        both = [(grokked_step(run), fit.step) for run, fit in zip(self.runs, self.fits, strict=True)]
        return all(grokked is not None and fitted is not None and grokked > fitted for grokked, fitted in both)

    @property
    def waits(self) -> bool:
        """Whether every seed's kernel changes by orders of magnitude more after it has fitted."""
        return all(fit.waits for fit in self.fits)


@register("laziness")
@dataclass(frozen=True, kw_only=True)
class LazinessDiagram(Figure):
    """Width × α: how far the eNTK had moved when the network fitted, and when it groks (not a figure of Mohamadi et al. 2024)."""

    config = "paper/laziness"

    def picture(self, runs: Sequence[Run]) -> Picture:
        """Four heat maps: the three numbers by which laziness is judged, and the step of grokking. Below: two of the settings."""
        cells = [Cell.of(seeds) for seeds in shapes.by_setting(runs)]
        setting = f"as printed but η = {runs[0].config.optimizer.learning_rate:g}, p = {shapes.modulus(runs[0])}"
        laziest = min(cells, key=lambda cell: (not (cell.lazy and cell.groks), not cell.groks, cell.moved))
        usual = min((cell for cell in cells if cell.scale == 1), key=lambda cell: cell.width)
        usual = next((cell for cell in cells if cell.scale == 1 and cell.groks), usual)
        rows: list[list[Panel | HeatMap]] = [
            [
                heat_map(cells, MOVED, [cell.moved for cell in cells]),
                heat_map(cells, TURNED, [1 - shapes.median(fit.cosine for fit in cell.fits) for cell in cells]),
            ],
            [heat_map(cells, SHARE, [shapes.median(fit.share for fit in cell.fits) for cell in cells]), steps_map(cells)],
            [curves(laziest, "the laziest that groks"), curves(usual, "the usual α")],
        ]
        return Picture(rows, [found(cells, setting), all_of_it(cells, setting), at_one(cells, setting), wider(cells, setting)])


def found(cells: Sequence[Cell], setting: str) -> Verdict:
    """Whether some setting fits in its kernel regime and groks later: the numbers of each that does."""
    both = [cell for cell in cells if cell.lazy and cell.groks]
    measured = _counts(cells) | _numbers(both)
    expected = f"change when fitted ÷ ‖Θ_0‖ ≤ {shapes.NEAR} for every seed, which all grok"
    return Verdict(f"{setting}: at some width and α the network fits in its kernel regime and groks later", measured, expected, bool(both))


def all_of_it(cells: Sequence[Cell], setting: str) -> Verdict:
    """Whether the kernel of such a setting moreover changes by orders of magnitude more until it has grokked; the nearest, if none does."""
    whole = [cell for cell in cells if cell.lazy and cell.groks and cell.waits]
    partly = [cell for cell in cells if cell.groks and (cell.lazy or cell.waits)]
    claim = f"{setting}: and there the eNTK's change is orders of magnitude larger when it has grokked"
    expected = f"the same, and {SHARE} ≤ {shapes.ORDERS}"
    return Verdict(claim, {"settings with all of it": len(whole)} | _numbers(whole or partly), expected, bool(whole))


def at_one(cells: Sequence[Cell], setting: str) -> Verdict:
    """Whether a width brings the usual initialization, α = 1, into the kernel regime."""
    ones = [cell for cell in cells if cell.scale == 1]
    claim = f"{setting}: at α = 1 some width fits in its kernel regime"
    numbers = {f"{cell.name}: {name}": value for cell in ones for name, value in shapes.numbers(cell.fits).items()}
    return Verdict(claim, numbers, f"{MOVED} ≤ {shapes.NEAR}", any(cell.lazy for cell in ones))


def wider(cells: Sequence[Cell], setting: str) -> Verdict:
    """Whether at every α a wider network has moved its kernel less, of ‖Θ_0‖, when it has fitted."""
    scales = sorted({cell.scale for cell in cells})
    moved = {scale: [cell.moved for cell in sorted(cells, key=lambda cell: cell.width) if cell.scale == scale] for scale in scales}
    falls = [all(a > b for a, b in zip(line, line[1:], strict=False)) and len(line) > 1 for line in moved.values()]
    measured = {f"{MOVED}, α = {scale:g}, widest ÷ narrowest": line[-1] / line[0] for scale, line in moved.items()}
    return Verdict(
        f"{setting}: the wider, the less the eNTK has moved when fitted", measured, "falls with the width at every α", all(falls)
    )


def heat_map(cells: Sequence[Cell], label: str, values: Sequence[float], words: Sequence[str] = ()) -> HeatMap:
    """A quantity over width and α, its number in each cell; hatched where there is none."""
    widths, scales = sorted({cell.width for cell in cells}), sorted({cell.scale for cell in cells})
    grid, said = np.full((len(scales), len(widths)), np.nan), [[""] * len(widths) for _ in scales]
    for i, cell in enumerate(cells):
        row, column = scales.index(cell.scale), widths.index(cell.width)
        grid[row, column] = values[i] if values[i] > 0 else np.nan
        said[row][column] = words[i] if words else f"{values[i]:.2g}"
    hatched = np.isnan(grid) & np.array([[bool(word) for word in line] for line in said])
    title = label[0].upper() + label[1:]
    return HeatMap(title, Axis("width h", widths), Axis("α", scales), grid, label, hatched, said, log=bool(np.isfinite(grid).any()))


def steps_map(cells: Sequence[Cell]) -> HeatMap:
    """The step of grokking, where every seed does; elsewhere the test accuracy at the end."""
    steps = [shapes.median(map(grokked_step, cell.runs)) if cell.groks else float("nan") for cell in cells]
    ends = [shapes.median(map(shapes.final_accuracy, cell.runs)) for cell in cells]
    words = [f"{step:,.0f}" if step == step else f"test {end:.2f}" for step, end in zip(steps, ends, strict=True)]
    return heat_map(cells, "step of grokking", steps, words)


def curves(cell: Cell, said: str) -> Panel:
    """Accuracies and the kernel's change, of ‖Θ_0‖, of one setting."""
    drawn = [*shapes.accuracies(cell.runs, "", 0), *shapes.quantity(cell.runs, shapes.RELATIVE, "eNTK change ÷ ‖Θ_0‖", ":", 1, second=True)]
    return Panel(f"{said}: {cell.name}", "step", "accuracy", drawn, second_label="eNTK change ÷ ‖Θ_0‖")


def _counts(cells: Sequence[Cell]) -> dict[str, int | float | None]:
    return {
        "settings": len(cells),
        "that grok": sum(cell.groks for cell in cells),
        "that fit in the kernel regime": sum(cell.lazy for cell in cells),
        "that do both": sum(cell.lazy and cell.groks for cell in cells),
    }


def _numbers(cells: Sequence[Cell]) -> dict[str, int | float | None]:
    """The numbers of each of these settings: of its fit, its linearized network, its step of grokking."""
    measured: dict[str, int | float | None] = {}
    for cell in cells:
        errors = [shapes.value_at(run, fit.step, shapes.LINEARIZED) for run, fit in zip(cell.runs, cell.fits, strict=True)]
        found = shapes.numbers(cell.fits) | shapes.over_seeds(
            {"error of the linearized network when fitted": errors, "step grokked": map(grokked_step, cell.runs)}
        )
        measured |= {f"{cell.name}: {name}": value for name, value in found.items()}
    return measured
