"""Panels and films as plain data for the script of a page: few digits, few points where there are many, null for what is no number."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from framework.pictures import Curve, Film, Numbers, Panel, finite, unescaped
from framework.reading import pick_events

DIGITS = 6
POINTS = 2_000  # of one curve: more than a screen has columns
FRAMES, BYTES = 40, 300_000  # of one film


def panel_data(panel: Panel) -> dict[str, Any]:
    """A panel as JSON can hold it."""
    return {
        "kind": "panel",
        "title": unescaped(panel.title),
        "x_label": unescaped(panel.x_label),
        "y_label": unescaped(panel.y_label),
        "x_axis": panel.x_axis,
        "log_y": panel.log_y,
        "marks": [[unescaped(words), float(place)] for words, place in panel.marks.items()],
        "moments": [[unescaped(name), [float(place) for place in places]] for name, places in panel.moments.items()],
        "curves": [_curve(curve) for curve in panel.curves if len(curve.x)],
    }


def film_data(film: Film) -> dict[str, Any]:
    """A film as JSON can hold it: each entry is one byte, 255 for the largest; where it is signed, 128 is 0.

    The rows and columns of large arrays are thinned out, which `thinned` says.
    """
    steps = sorted(film.frames)
    height, width = film.frames[steps[0]].shape
    every = 1 + (height * width - 1) // (BYTES // 4)  # columns: at least four frames have room
    shown = pick_events(steps, max(2, min(FRAMES, BYTES // max(1, height * -(-width // every)))))
    frames, largest = [], []
    for step in shown:
        frame = np.nan_to_num(np.asarray(film.frames[step][:, ::every], float))
        bound = film.bound or float(np.max(np.abs(frame), initial=0.0)) or 1.0
        share = np.clip(frame / bound, -1, 1)
        level = np.rint(127 * share + 128 if film.signed else 255 * np.maximum(share, 0)).astype(np.uint8)
        frames.append(base64.b64encode(level.tobytes()).decode())
        largest.append(short(bound))
    return {
        "kind": "film",
        "title": film.title,
        "x_label": film.x_label,
        "y_label": film.y_label,
        "value_label": film.value_label,
        "signed": film.signed,
        "fixed": film.bound is not None,
        "steps": shown,
        "largest": largest,
        "size": [height, -(-width // every)],
        "thinned": every,
        "frames": frames,
    }


def short(value: Any) -> Any:
    """A number with as many digits as are looked at, a whole one as such; None for what JSON cannot hold; anything else as it is."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return value
    number = float(value)
    if not np.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 1e15 else float(f"{number:.{DIGITS}g}")


def thinned(steps: Sequence[int | float], count: int) -> list[int]:
    """The places of at most `count` of the steps, evenly spaced on a logarithmic axis, the first and the last among them."""
    if len(steps) <= count:
        return list(range(len(steps)))
    place = {step: number for number, step in enumerate(steps)}
    return [place[step] for step in pick_events(list(steps), count)]  # type: ignore[arg-type]


def _curve(curve: Curve) -> dict[str, Any]:
    x = [float(one) for one in curve.x]
    there: Sequence[int] = thinned(x, POINTS) if len(set(x)) == len(x) else range(len(x))
    numbers: Mapping[str, Numbers] = {"x": curve.x, "y": finite(curve.y)}
    lists = {name: [short(values[place]) for place in there] for name, values in numbers.items()}
    return {"label": unescaped(curve.label), "style": curve.style, "colour": curve.colour, "faint": curve.faint, **lists}
