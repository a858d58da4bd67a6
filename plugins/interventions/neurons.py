"""Hidden neurons, kept alone or taken away."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from framework import Intervention, Setting, Training, field, register
from framework.errors import FieldError, one_of
from framework.interfaces import Values, chosen, named, replaced


@register("neurons")
@dataclass(frozen=True, kw_only=True)
class Neurons(Intervention):
    """Hidden neurons of one layer, kept alone or taken away: all that goes into one and out of it becomes 0.

    They are those at the `indices`, or the `count` largest or smallest by the norm ‖(weights in, weights out)‖₂. The model says
    which axis of which parameter counts its neurons: W_·j ← 0 and V_j· ← 0 for the neurons j. Records the
    array neurons, those that are 0 from here on. Source: units taken away, as in Mozer and Smolensky 1988.

    Example: whygrok run --config=quickstart --config.interventions.x.name=neurons --config.interventions.x.schedule="at 500"
    --config.interventions.x.count=20 --config.interventions.x.by=smallest
    """

    mode: str = field("remove", "what is done with the neurons: keep them alone, or remove them", choices=("keep", "remove"))
    indices: tuple[int, ...] = field((), "which, from 0; empty: by their norms", at_least=0)
    by: str = field("largest", "which end of the norms, where no indices are named", choices=("largest", "smallest"))
    count: int = field(10, "how many of them, where no indices are named", at_least=0)
    leaves: tuple[str, ...] = field((), 'parameters of one layer, such as "blocks.0.*"; empty: all of a network with one hidden layer')

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Puts zeros in."""
        axes = self._axes(context, training)
        tables = {name: np.moveaxis(named(training.params)[name], axis, 0).copy() for name, axis in axes.items()}
        sizes = {name: len(table) for name, table in tables.items()}
        h = min(sizes.values())
        if len(set(sizes.values())) > 1:
            raise FieldError("leaves", ",".join(self.leaves), f"these are not one layer: the numbers of neurons are {sizes}")
        picked = self._picked(np.sqrt(sum(np.sum(table.reshape(h, -1).astype(float) ** 2, axis=1) for table in tables.values())))
        gone = np.setdiff1d(np.arange(h), picked) if self.mode == "keep" else picked
        for table in tables.values():
            table[gone] = 0
        new = {name: np.moveaxis(table, 0, axes[name]) for name, table in tables.items()}
        return replace(training, params=replaced(training.params, new)), {"neurons": gone.astype(np.int32)}

    def _axes(self, context: Setting, training: Training) -> dict[str, int]:
        chosen("leaves", self.leaves, training.params)  # a name that fits none says so
        axes = {name: axis for name, axis in context.model.neuron_axes().items() if name in named(training.params)}
        within = {name: axis for name, axis in axes.items() if not self.leaves or any(fnmatchcase(name, leaf) for leaf in self.leaves)}
        if not within:
            known = one_of(axes) if axes else "none: its class has no neuron_axes"
            raise FieldError("leaves", ",".join(self.leaves), f"parameters with an axis of neurons in this model: {known}")
        if not self.leaves and any(part.isdigit() and part != "0" for name in axes for part in name.split(".")):
            raise FieldError("leaves", "", f"this network has several layers of neurons: name the parameters of one, among {one_of(axes)}")
        return within

    def _picked(self, norms: np.ndarray) -> np.ndarray:
        if wrong := [index for index in self.indices if index >= len(norms)]:
            raise FieldError("indices", wrong[0], f"the neurons of this layer are 0 … {len(norms) - 1}")
        if self.indices:
            return np.unique(np.array(self.indices))
        order = np.argsort(-norms if self.by == "largest" else norms, kind="stable")
        return np.sort(order[: self.count])
