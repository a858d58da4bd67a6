"""Frequencies of an embedding, kept alone or taken away."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np

from framework import Intervention, Setting, Training, field, register
from framework.errors import FieldError, one_of
from framework.interfaces import Values, chosen, named, replaced
from plugins.mathematics.harmonics import Harmonics, harmonics_of

EMBEDDINGS = ("tokens.embedding", "embedding", "W")  # what reads tokens in the built-in models; the first that is there


@register("frequencies")
@dataclass(frozen=True, kw_only=True)
class Frequencies(Intervention):
    """Frequencies of the embedding, as a function of its tokens in the task's own group, kept alone or taken away.

    Over residues mod p these are the waves cos 2πfn/p and sin 2πfn/p, f = 0 … p//2; in another group f numbers its irreducible
    representations, and of products mod a prime the discrete logarithms are read. Tokens that stand for no element stay as
    they are, and f = 0, the mean over the tokens, goes only where it is named. Keeping the few key frequencies of a network
    that has grokked leaves it right, and taking them away destroys it (Nanda et al. 2023, arXiv 2301.05217). With P the projection on
    the waves that are taken, E ← P E or E − P E. Records the array frequencies: those named, or the `count` strongest.

    Example: whygrok run --config=quickstart --config.interventions.x.name=frequencies --config.interventions.x.schedule="at 500"
    --config.interventions.x.count=3 --config.interventions.x.mode=keep
    """

    mode: str = field("keep", "what is done with the frequencies: keep them alone, or remove them", choices=("keep", "remove"))
    frequencies: tuple[int, ...] = field((), "which; empty: the strongest", at_least=0)
    count: int = field(5, "how many of the strongest are taken, where none are named", at_least=1)
    leaves: tuple[str, ...] = field((), "dotted names of parameters; empty: the embedding of the built-in models")
    axis: int = field(-2, "their axis of tokens, or of outputs, counted from the last: -1 for a V [h, p]", at_least=-3, at_most=-1)

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Projects."""
        harmonics = harmonics_of(context.task.group())
        tables = self._tables(training.params, harmonics)
        taken = self._taken(tables, harmonics)
        share = np.zeros(harmonics.count)
        share[taken] = 1
        if self.mode == "keep":
            share[0] = 1
        new = {name: self._projected(table, share, harmonics) for name, table in tables.items()}
        return replace(training, params=replaced(training.params, new)), {"frequencies": np.array(taken, np.int32)}

    def _tables(self, params: object, harmonics: Harmonics) -> dict[str, np.ndarray]:
        there = [name for name in EMBEDDINGS if name in named(params)][:1]
        if not self.leaves and not there:
            raise FieldError("leaves", "", f"name the embedding, one of {one_of(named(params))}")
        tables = chosen("leaves", self.leaves or there, params)
        for name, table in tables.items():
            if table.ndim < -self.axis or table.shape[self.axis] <= np.max(harmonics.group.elements):
                rule = (
                    f"{name} of shape {list(table.shape)} has no axis {self.axis} of {np.max(harmonics.group.elements) + 1} tokens or more"
                )
                raise FieldError("axis", self.axis, rule)
        return tables

    def _taken(self, tables: dict[str, np.ndarray], harmonics: Harmonics) -> list[int]:
        if wrong := [f for f in self.frequencies if f >= harmonics.count]:
            raise FieldError("frequencies", wrong[0], f"the frequencies of this task are 0 … {harmonics.count - 1}")
        if self.frequencies:
            return sorted(set(self.frequencies))
        rows = [np.moveaxis(table, self.axis, -1)[..., harmonics.group.elements] for table in tables.values()]
        power = sum(np.sum(np.asarray(harmonics.power(jnp.asarray(w))).reshape(-1, harmonics.count), axis=0) for w in rows)
        return sorted(int(f) + 1 for f in np.argsort(-np.asarray(power)[1:], kind="stable")[: self.count])

    def _projected(self, table: np.ndarray, share: np.ndarray, harmonics: Harmonics) -> np.ndarray:
        first = np.moveaxis(table, self.axis, 0).copy()
        w = jnp.asarray(first[harmonics.group.elements])
        part = np.asarray(harmonics.project(w, jnp.asarray(share, w.dtype)))
        first[harmonics.group.elements] = part if self.mode == "keep" else np.asarray(w) - part
        return np.moveaxis(first, 0, self.axis)
