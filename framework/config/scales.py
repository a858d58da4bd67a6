"""How large a figure is made: the scales, and how a config is asked for one."""

from collections.abc import Mapping
from typing import TypeVar

from framework.errors import UserError, did_you_mean, one_of

SCALES = ("smoke", "laptop", "paper")  # minutes; by estimate three quarters of an hour; the published sizes

Sizes = TypeVar("Sizes")


def at_scale(arg: str, sizes: Mapping[str, Sizes]) -> tuple[Sizes, str]:
    """(the sizes of the scale that the argument of a config names, the rest of the argument).

    --config=paper/fig1:scale=laptop,optimizer=adam; without scale= the first of them. Raises UserError for another scale.
    """
    items = [item.strip() for item in arg.split(",")]
    named = [item.partition("=")[2] for item in items if item.startswith("scale=")]
    scale = named[-1] if named else next(iter(sizes))
    if scale not in sizes:
        raise UserError(f"scale = {scale!r}: there is no such scale.{did_you_mean(scale, sizes)} Scales: {one_of(sizes)}.")
    return sizes[scale], ",".join(item for item in items if not item.startswith("scale="))
