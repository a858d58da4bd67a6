"""Different optimizers for different parts of a network: per-part learning rates, masks of weight decay, frozen parts."""

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import jax
import optax

from framework import Optimizer, field, part, register
from framework.errors import FieldError, one_of
from framework.training import leaf_name
from plugins.optimizers.rules.adam import AdamW


@register("by_part")
@dataclass(frozen=True, kw_only=True)
class ByPart(Optimizer):
    """The parameters named in `parts` get the optimizer `chosen`, all others `rest` (optax.partition).

    A name is a pattern for the dotted name of a parameter or one word of it: V, bias, blocks.0.*, *.kernel. No decay on
    biases: parts=bias with chosen=adamw of weight_decay 0. Frozen embeddings, as in Kumar et al. 2024: chosen=frozen.
    """

    parts: tuple[str, ...] = field(("V",), "names of parameters, or patterns with *")
    chosen: Optimizer = part(AdamW(weight_decay=0.0), "the optimizer of the named parameters")
    rest: Optimizer = part(AdamW(), "the optimizer of all others")

    def transform(self) -> optax.GradientTransformation:
        """optax.partition by name. Its init raises FieldError where a name matches no parameter."""
        return optax.partition({"chosen": self.chosen.transform(), "rest": self.rest.transform()}, self._labels)

    def _labels(self, params: Any) -> Any:
        names = [leaf_name(path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
        for pattern in self.parts:
            if not any(_matches(pattern, name) for name in names):
                raise FieldError("parts", pattern, f"matches no parameter of this network: {one_of(names)}")
        chosen = [any(_matches(pattern, name) for pattern in self.parts) for name in names]
        return jax.tree.unflatten(jax.tree.structure(params), ["chosen" if one else "rest" for one in chosen])


@register("frozen")
@dataclass(frozen=True, kw_only=True)
class Frozen(Optimizer):
    """θ stays as it is: for parts of a network that are not trained, as in Kumar et al. 2024 (optax.set_to_zero)."""

    def transform(self) -> optax.GradientTransformation:
        """Zero steps."""
        return optax.set_to_zero()


def _matches(pattern: str, name: str) -> bool:
    return fnmatch(name, pattern) or pattern in name.split(".")
