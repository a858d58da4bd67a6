"""A scaling collapse: curves of several sizes over x, and over x / size^e with the exponent e at which they are most nearly one."""

from pathlib import Path

import numpy as np

from framework.errors import UserError, one_of
from framework.pictures import LEVELS, Curve, Numbers, Panel, collapse_exponent, draw, new_figure, plain_style
from framework.records.names import unnamed
from framework.records.pictures.points import Points, count_of, grouped, number, save, scale_of
from framework.records.table import Table

DRAWS = 1_000  # of the bootstrap

Seeds = list[dict[float, float]]  # x → value, of each seed
Sizes = dict[float, Seeds]
Means = dict[float, tuple[list[float], list[float]]]  # size → (x ascending, values)


@plain_style()
def draw_collapse(table: Table, x: str, value: str, size: str, output: Path, paper: float | None = None) -> list[Path]:
    """Draws the mean over seeds of a value against x and against x / size^e, one curve per size; returns picture and data.

    e has an interval from a bootstrap over seeds. Raises UserError where the runs differ in more than x, size and seed, where these are
    words, and where no two curves can be compared.
    """
    points = Points.of(table, value, [x, size], [x, size, value])
    if points.others:
        raise UserError(
            f"the runs also differ in {', '.join(points.others)}: a collapse needs runs that differ in {x}, {size} and seed only"
        )
    sizes = _sizes(points, x, value, size)
    rising, levels = _rising(sizes)
    found = collapse_exponent(_means(sizes, rising), levels)
    if not np.isfinite(found):
        raise UserError(f"no level of {value} is crossed by the curves of two values of {size}: there is no exponent to find")
    ends = bootstrap(sizes, rising, levels)
    seeds = count_of(grouped(points.rows, [x, size]).values(), "seed")
    said = f"95 % interval {ends[0]:.3g} … {ends[1]:.3g}, bootstrap over {seeds}" if ends else "one seed: no interval"
    name = points.label(size).partition(" (")[0]
    means = _means(sizes, 1.0)
    panels = [
        _panel("; ".join(filter(None, [points.about, points.left_out])), points.label(x), points.label(value), name, means, 0.0),
        _panel(f"e = {found:.3g}; {said}", f"{points.label(x)} / {name}^{found:.3g}", points.label(value), name, means, found),
    ]
    figure = new_figure()
    draw(figure, [panels], size=(5.6, 4.4))
    lines = [[p, n, n / p**found, y] for p, (places, values) in means.items() for n, y in zip(places, values, strict=True)]
    about = {"picture": "collapse", "x": x, "value": value, "size": size, "exponent": found, "interval": ends, "runs": len(points.rows)}
    return save(figure, output, [size, x, f"{x} / {size}^e", f"mean {value}"], lines, about, paper)


def size_of(table: Table, x: str) -> str:
    """The one field in numbers, besides x, in which the runs differ. Raises UserError where there are none or several."""
    silent = unnamed()
    fields = [name for name in table.fields if name not in silent and name != x and all(number(row.get(name)) is not None for row in table)]
    if len(fields) != 1:
        raise UserError(f"--collapse=SIZE: which size? Besides {x}, the runs differ in these numbers: {one_of(fields)}")
    return fields[0]


def bootstrap(sizes: Sizes, rising: float, levels: Numbers) -> list[float] | None:
    """[low, high] of the middle 95 % of exponents, each with the seeds of every size drawn anew, with replacement; None for one seed."""
    if min(len(seeds) for seeds in sizes.values()) < 2:
        return None
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        again = {p: [seeds[i] for i in generator.integers(len(seeds), size=len(seeds))] for p, seeds in sizes.items()}
        drawn.append(collapse_exponent(_means(again, rising), levels))
    return [float(end) for end in np.nanquantile(drawn, [0.025, 0.975])]


def _sizes(points: Points, x: str, value: str, size: str) -> Sizes:
    found: Sizes = {}
    for (_, _), runs in grouped(points.rows, [size, "seed"]).items():
        curve = {points.number(run, x): points.number(run, value) for run in runs}
        found.setdefault(points.number(runs[0], size), []).append(curve)
    if len(found) < 2:
        raise UserError(f"all runs have {size} = {next(iter(found)):g}: a collapse compares several sizes")
    return dict(sorted(found.items()))


def _means(sizes: Sizes, sign: float) -> Means:
    """The means over seeds, with a sign."""
    found: Means = {}
    for p, seeds in sizes.items():
        places = sorted({place for curve in seeds for place in curve})
        values = [sign * float(np.mean([curve[place] for curve in seeds if place in curve])) for place in places]
        found[p] = (places, values)
    return found


def _rising(sizes: Sizes) -> tuple[float, Numbers]:
    """(1, or −1 where the value falls with x; levels at which the rising curves are compared, within what all of them reach)."""
    means = _means(sizes, 1.0)
    sign = 1.0 if sum(values[-1] - values[0] for _, values in means.values()) >= 0 else -1.0
    lowest = max(min(sign * y for y in values) for _, values in means.values())
    highest = min(max(sign * y for y in values) for _, values in means.values())
    return sign, lowest + (highest - lowest) * np.array(LEVELS)


def _panel(title: str, x_label: str, y_label: str, name: str, means: Means, power: float) -> Panel:
    curves = [Curve(f"{name} = {p:g}", np.array(x) / p**power, y, "o-", i) for i, (p, (x, y)) in enumerate(means.items())]
    return Panel(title, x_label, y_label, curves, scale_of(place for curve in curves for place in curve.x))
