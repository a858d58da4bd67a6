"""Keeps parameters and hidden activations as arrays, for pictures and for looking at them later."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from framework import Context, Probe, field, register
from framework.errors import UserError, one_of
from framework.probe_plots import pick_events
from framework.state import leaf_name
from plugins.probes.points import check_points, questions_at


@register("weights")
@dataclass(frozen=True, kw_only=True)
class Weights(Probe):
    """Arrays by the names of the parameters, as W and V; and, of modules with a method hidden(inputs), the activations.

    An event costs as much disk as a checkpoint without optimizer state, hence the sparser schedule. No state.
    Source: the weights are periodic once a network has generalized (Gromov 2023, figure 2).
    """

    schedule: str = field("log 4", 'when to save: "log", "log 40", "every 500", "at 1 10 100", "last", joined by +')
    leaves: tuple[str, ...] = field((), "names of parameters, such as W; empty: all")
    hidden: bool = field(False, "also the hidden activations [n, h] at `points`, as the array hidden")
    points: str = field("train", 'where hidden activations are taken: "train", "test", "population", a number of random points')

    def __post_init__(self) -> None:
        """Also checks the points."""
        super().__post_init__()
        check_points("points", self.points)

    def init(self, params: Any, context: Context) -> tuple:
        """Checks the names. Raises UserError."""
        known = named_parameters(params)
        for name in self.leaves:
            if name not in known:
                raise UserError(f"weights: there is no parameter {name!r}; parameters: {one_of(known)}")
        if self.hidden and not hasattr(context.module(params), "hidden"):
            raise UserError("weights: hidden activations need a model whose module has a method hidden(inputs)")
        return ()

    def measure(self, params: Any, context: Context, state: tuple) -> tuple[dict, tuple]:
        """Arrays NAME, and hidden."""
        values = {name: leaf for name, leaf in named_parameters(params).items() if not self.leaves or name in self.leaves}
        if self.hidden:
            values["hidden"] = context.module(params).hidden(questions_at(context, self.points).inputs)  # type: ignore[attr-defined]
        return values, state

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """A film strip of the first parameter that was saved: one picture a moment, rows as in the parameter."""
        names = self.leaves or tuple(named_parameters(run.experiment.initial_state().params))
        film = run.arrays(f"{name}/{names[0]}")
        if film:
            draw_film(figure, film, names[0])


def named_parameters(params: Any) -> dict[str, Any]:
    """Leaf by name, 'W' or 'block.attention.kernel'."""
    return {leaf_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}


def draw_film(figure: Any, film: dict[int, np.ndarray], label: str, frames: int = 5) -> None:
    """Up to `frames` moments of an array, the first block of a stack; columns in the order of their last frequency.

    Each frame is scaled to its own largest entry, which its title gives.
    """
    steps = pick_events(sorted(film), frames)
    last = _matrix(film[steps[-1]])
    transform = np.fft.rfft(last, axis=0)[1:]
    strongest = np.argmax(np.abs(transform), axis=0)
    phase = np.angle(transform[strongest, np.arange(last.shape[1])])
    order = np.lexsort((phase, strongest))
    figure.set_size_inches(11, 3.4)
    grid = figure.subplots(1, len(steps), sharey=True, squeeze=False)[0]
    for axes, step in zip(grid, steps, strict=True):
        matrix = _matrix(film[step])[:, order]
        bound = float(np.max(np.abs(matrix))) or 1.0
        image = axes.imshow(matrix / bound, aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        axes.set_title(f"step {step:,}\nlargest {bound:.3g}", fontsize=9)
        axes.set_xlabel("neuron, by frequency")
    grid[0].set_ylabel(f"row of {label}")
    figure.colorbar(image, ax=list(grid), label="entry / largest entry", shrink=0.85)


def _matrix(array: np.ndarray) -> np.ndarray:
    """A matrix to look at: of a stack the first block, of a vector one row."""
    while array.ndim > 2:
        array = array[0]
    return np.atleast_2d(array)
