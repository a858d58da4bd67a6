"""Runs that differ in nothing but their seed: grouped, summed up by median and range, and drawn as a band with each of them behind it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from framework import Curve, Run
from framework.config import to_dict

Series = tuple[Sequence[int | float] | np.ndarray, Sequence[float] | np.ndarray]  # places in ascending order, values


def by_setting(runs: Iterable[Run]) -> list[list[Run]]:
    """The runs of each setting, in the order in which the settings come first; within one, by seed."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        fields = to_dict(run.config)
        found.setdefault(json.dumps({name: fields[name] for name in fields if name != "seed"}, sort_keys=True), []).append(run)
    return [sorted(members, key=seed) for members in found.values()]


def seed(run: Run) -> int:
    """The seed of a run: of its sample and its initialization."""
    return int(run.config.seed)


def median(values: Iterable[int | float | None]) -> float:
    """The median of the values that are there; NaN where there is none."""
    there = _there(values)
    return float(np.median(there)) if len(there) else float("nan")


def over_seeds(values: Mapping[str, Iterable[int | float | None]]) -> dict[str, int | float | None]:
    """For each quantity its median over seeds, then its least and its greatest value where seeds differ, for the table of a verdict.

    values: quantity → one value per seed, None or NaN where a seed has none: how many have none is then a number of its own.
    """
    measured: dict[str, int | float | None] = {}
    for name, given in values.items():
        every = list(given)
        there = _there(every)
        measured[name] = float(np.median(there)) if len(there) else None
        if len(there) > 1 and there.min() < there.max():
            measured |= {f"{name}, least": float(there.min()), f"{name}, greatest": float(there.max())}
        if len(there) < len(every):
            measured[f"{name}, seeds without"] = len(every) - len(there)
    return measured


def band(series: Sequence[Series], label: str, style: str = "-", colour: int | None = 0, second: bool = False) -> list[Curve]:
    """The median over seeds as a line with the range shaded, and each seed thin and pale; one series is one line.

    series: one per seed. Where one ends before another, because its run had answered, its last value goes on: leave out of the
    list what ended for another reason. Before its first place it counts for nothing.
    """
    present = [(np.asarray(x, float), np.asarray(y, float)) for x, y in series if len(x)]
    if len(present) < 2:
        return [Curve(label, x, y, style, colour, second) for x, y in present]
    places = np.unique(np.concatenate([x for x, _ in present]))
    values = np.array([_at(places, x, y) for x, y in present])
    there = np.isfinite(values).any(axis=0)
    places, values = places[there], values[:, there]
    low, middle, high = np.nanmin(values, axis=0), np.nanmedian(values, axis=0), np.nanmax(values, axis=0)
    pale: list[Any] = [Curve(f"{label}, seed {i}", x, y, style, colour, second, faint=True) for i, (x, y) in enumerate(present)]
    return [*pale, Curve(label, places, middle, style, colour, second, low, high)]


def across(points: Mapping[int | float, Sequence[float]], label: str, colour: int = 0) -> list[Curve]:
    """A number per run against a value: the median over seeds as a line through points, the range shaded, and each run thin and pale.

    points: value → one number per seed.
    """
    pairs = [(place, number) for place, numbers in points.items() for number in numbers]
    there = {place: _there(numbers) for place, numbers in points.items() if len(_there(numbers))}
    middle, low, high = ([float(of(numbers)) for numbers in there.values()] for of in (np.median, np.min, np.max))
    line = Curve(label, list(there), middle, "o-", colour, low=low, high=high)
    if len(pairs) <= len(points):
        return [Curve(label, list(there), middle, "o-", colour)]
    return [Curve(f"{label}, each seed", [x for x, _ in pairs], [y for _, y in pairs], ".", colour, faint=True), line]


def _at(places: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A series at other places: its value at the last of its own places that is not after; NaN before the first."""
    last = np.searchsorted(x, places, side="right") - 1
    return np.where(last >= 0, y[np.maximum(last, 0)], np.nan)


def _there(values: Iterable[int | float | None]) -> np.ndarray:
    every = np.array([np.nan if value is None else value for value in values], float)
    return every[~np.isnan(every)]
