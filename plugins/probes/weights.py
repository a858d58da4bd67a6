"""Keeps parameters and hidden activations as arrays, for pictures and for looking at them later."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from framework import Context, Group, field, register
from framework.errors import UserError, one_of
from framework.pictures import NARROW, Film, by_frequency
from framework.reading import moments
from framework.training import leaf_name
from plugins.mathematics.harmonics import harmonics_of
from plugins.mathematics.points import ProbeAtPoints, inputs_at
from plugins.networks.parameters import two_layer

Films = dict[str, dict[int, np.ndarray]]  # label → step → array


@register("weights")
@dataclass(frozen=True, kw_only=True)
class Weights(ProbeAtPoints):
    """Arrays by the names of the parameters, as W and V; and, for modules with a method hidden(inputs), the activations.

    An event costs as much disk as a checkpoint without optimizer state, hence the sparser schedule. No state.
    Source: the weights are periodic once a network has generalized (Gromov 2023, figure 2).
    """

    schedule: str = field("log 4", 'when to save: "log", "log 40", "every 500", "at 1 10 100", "last", joined by +')
    leaves: tuple[str, ...] = field((), "names of parameters, such as W; empty: all")
    hidden: bool = field(False, "also save the hidden activations [n, h] at `points`, as the array hidden")
    points: str = field("train", 'where hidden activations are taken: "train", "test", "population", a number of random points')

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
            values["hidden"] = context.module(params).hidden(inputs_at(context, self.points)[0])  # type: ignore[attr-defined]
        return values, state

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """A film strip: W (its first block) and V of two layers, neurons side by side; else the largest parameter."""
        films, group = self._shown(run, name)
        if films:
            count = 3 if figure.get_figwidth() < NARROW else 5
            steps = moments(run, sorted(next(iter(films.values()))), count)
            draw_film(figure, films, steps, group, "neuron" if len(films) > 1 else "column")

    def films(self, run: Any, name: str) -> list[Film]:
        """The parameters of the picture, in the same order."""
        films, group = self._shown(run, name)
        rows, order, _ = _placed(films, group) if films else (slice(None), None, group)
        what = ("neuron" if len(films) > 1 else "column") + (", by representation" if group.representations else ", by frequency")
        made = []
        for label, film in films.items():
            frames = {step: _matrix(frame)[rows][:, order] for step, frame in sorted(film.items())}
            made.append(Film(label, frames, what, f"row of {label}", "entry / largest entry", signed=True))
        return made

    def _shown(self, run: Any, name: str) -> tuple[Films, Group]:
        """The films to look at, which share their columns, and the group that their rows stand for."""
        params = run.experiment.initial_state().params
        films = {label: run.arrays(f"{name}/{label}") for label in named_parameters(params)}
        films = {label: film for label, film in films.items() if film}
        if {"W", "V"} <= set(films) and two_layer(params):
            return {"W[0]": films["W"], "V.T": {step: V.T for step, V in films["V"].items()}}, run.experiment.task.group()
        if not films:
            return {}, Group(np.arange(1))
        largest = max(films, key=lambda label: films[label][min(films[label])].size)
        last = films[largest][max(films[largest])]
        return {largest: films[largest]}, Group(np.arange(_matrix(last).shape[0]))


def named_parameters(params: Any) -> dict[str, Any]:
    """Leaf by name, 'W' or 'block.attention.kernel'."""
    return {leaf_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}


def draw_film(figure: Any, films: Films, steps: Sequence[int], group: Group, column: str = "column") -> None:
    """The moments `steps` of arrays that share their columns, in the order of the columns' last strongest frequency.

    films: label → step → array; of a stack, the first block is drawn. Each frame is scaled by its own largest entry. group:
    rows are those of its elements, in their order, where all of them are there.
    """
    rows, order, in_group = _placed(films, group, steps[-1])
    figure.set_size_inches(11, 0.8 + 2.6 * len(films))
    grid = figure.subplots(len(films), len(steps), sharex=True, sharey="row", squeeze=False)
    for number, (label, film) in enumerate(films.items()):
        for axes, step in zip(grid[number], steps, strict=True):
            matrix = _matrix(film[step])[rows][:, order]
            bound = float(np.max(np.abs(matrix))) or 1.0
            image = axes.imshow(matrix / bound, aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
            head = "" if number else f"step {step:,}\n"
            axes.set_title(f"{head}largest {bound:.3g}", fontsize=9)
        grid[number, 0].set_ylabel(f"row of {label}" + (f"\nby {group.coordinate}" if group.coordinate else ""))
    for axes in grid[-1]:
        axes.set_xlabel(f"{column}, by {'representation' if in_group and group.representations else 'frequency'}")
    figure.colorbar(image, ax=list(grid.flat), label="entry / largest entry", shrink=0.6)


def _placed(films: Films, group: Group, last: int | None = None) -> tuple[Any, np.ndarray, bool]:
    """(rows, columns, whether the rows are those of the group's elements) in the order in which the films are shown."""
    first = next(iter(films.values()))
    last = max(first) if last is None else last
    height = min(_matrix(film[last]).shape[0] for film in films.values())
    in_group = bool(height > np.max(group.elements))
    rows = group.elements if in_group else slice(None)
    return rows, _by_frequency(_matrix(first[last])[rows], group if in_group else Group(np.arange(height))), in_group


def _by_frequency(matrix: np.ndarray, group: Group) -> np.ndarray:
    if group.representations and matrix.shape[0] > 2:
        return np.argsort(np.argmax(harmonics_of(group).power(jnp.asarray(matrix.T))[:, 1:], axis=1), kind="stable")
    return by_frequency(matrix)


def _matrix(array: np.ndarray) -> np.ndarray:
    """A matrix to look at: of a stack, the first block; of a vector, one row."""
    while array.ndim > 2:
        array = array[0]
    return np.atleast_2d(array)
