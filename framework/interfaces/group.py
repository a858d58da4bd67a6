"""Group: what a task multiplies in, so that probes read a network in frequencies that mean something to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, eq=False)
class Group:
    """A finite group whose elements 0 … m−1 are written as tokens and as answers; its representations are the frequencies.

    elements int [m]: the token of each element, which is its output as well; another token stands for none. Without a table
    the group is cyclic: element x is the x-th power of a generator, and frequency f the waves cos 2πfx/m, sin 2πfx/m.
    table int [m, m]: the number of x y. representations: name → real orthogonal matrices [m, d, d] of an irreducible
    representation, the trivial one first. Words for axes: quotient, the answer over the output c; coordinate, what x is
    called where it is not the token itself.
    """

    elements: Int[np.ndarray, " m"]
    table: Int[np.ndarray, "m m"] | None = None
    representations: Mapping[str, Float[np.ndarray, "m _ _"]] = field(default_factory=dict)
    quotient: str = "answer − c"
    coordinate: str = ""
