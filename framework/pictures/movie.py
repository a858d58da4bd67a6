"""Films as a GIF that plays: a picture per step, with the step above."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from framework.pictures.film import Film
from framework.pictures.style import INK, drawable, new_figure, plain_style

DOTS = 100  # per inch
LAST = 2.0  # seconds for which the last picture stands


@plain_style()
def gif_of(films: Sequence[Film], steps: Sequence[int], title: str, seconds: float) -> bytes:
    """The films below one another at the steps, which all of them have: the same bytes for the same films. seconds: until the last step."""
    from PIL import Image

    figure, images = _first(films, steps[0])
    pictures = []
    for step in steps:
        figure.suptitle(f"step {step:,}\n{title}", fontsize=9, color=INK, x=0.02, ha="left")
        for film, image in zip(films, images, strict=True):
            image.set_data(_scaled(film, step))
        with drawable(figure):
            figure.canvas.draw()
        pictures.append(Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()).quantize(256))
    each = round(1000 * seconds / max(len(steps) - 1, 1))
    durations = [max(each, 20)] * (len(steps) - 1) + [round(1000 * LAST)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=False)
    return buffer.getvalue()


def _first(films: Sequence[Film], step: int) -> tuple[Any, list[Any]]:
    """A figure with the first picture of each film, and these pictures, whose numbers then change."""
    figure = new_figure()
    figure.set_size_inches(6.4, 0.7 + 3.1 * len(films))
    figure.set_dpi(DOTS)
    images = []
    for axes, film in zip(figure.subplots(len(films), 1, squeeze=False)[:, 0], films, strict=True):
        high = 1.0 if film.bound is None else film.bound
        looks: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -high} if film.signed else {"cmap": "magma_r", "vmin": 0}
        images.append(axes.imshow(_scaled(film, step), aspect="auto", interpolation="nearest", vmax=high, **looks))
        axes.set_title(film.title, fontsize=9, color=INK, loc="left")
        axes.set_xlabel(film.x_label)
        axes.set_ylabel(film.y_label)
        axes.set_xticks([])
        axes.set_yticks([])
        figure.colorbar(images[-1], ax=axes, label=film.value_label)
    return figure, images


def _scaled(film: Film, step: int) -> np.ndarray:
    """A frame; without a bound, divided by its largest entry."""
    frame = np.asarray(film.frames[step], float)
    return frame if film.bound is not None else frame / (float(np.max(np.abs(frame), initial=0.0)) or 1.0)
