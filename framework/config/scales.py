"""How large claims and figures are: the names of the scales, and how to ask a config for one."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from framework.errors import UserError, did_you_mean, one_of

SCALES = ("smoke", "laptop", "full")  # a minute or two; a coffee to an hour; the published sizes
ALIASES = {"paper": "full"}

Size = TypeVar("Size")


def named_scale(name: str) -> str:
    """The scale of that name; "paper" means full. Raises UserError for any other name."""
    return _one_of(SCALES, name)


def at_scale(arg: str, sizes: Mapping[str, Size]) -> tuple[Size, str]:
    """(the sizes of the scale that the argument of a config names, the rest of the argument).

    --config=paper/fig1:scale=laptop,optimizer=adam; without scale= the first of them. Raises UserError for another scale.
    """
    items = [item.strip() for item in arg.split(",")]
    named = [item.partition("=")[2] for item in items if item.startswith("scale=")]
    scale = _one_of(sizes, named[-1]) if named else next(iter(sizes))
    return sizes[scale], ",".join(item for item in items if not item.startswith("scale="))


def _one_of(scales: Iterable[str], name: str) -> str:
    scale = name if name in (known := list(scales)) else ALIASES.get(name, name)
    if scale not in known:
        raise UserError(f"scale = {name!r}: there is no such scale.{did_you_mean(name, known)} Scales: {one_of(known)}.")
    return scale
