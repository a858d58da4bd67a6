"""Parameters of another run, put in by name."""

from dataclasses import dataclass, replace

import numpy as np

from framework import Intervention, Setting, Training, field, load_run, register
from framework.errors import FieldError, did_you_mean, one_of
from framework.interfaces import Values, chosen, replaced
from framework.run import run_and_step


@register("transplant")
@dataclass(frozen=True, kw_only=True)
class Transplant(Intervention):
    """The parameters that are named become those of another run at one of its saved steps; all others stay as they are.

    The other run may have any task, model or optimizer: only what is named must be there, in the same shape. Embeddings of a
    smaller network are transplanted by Xu et al. 2025, so that a larger one does not grok late. θ_leaf ← θ'_leaf of that run.

    Example: whygrok run --config=quickstart --config.interventions.x.name=transplant --config.interventions.x.schedule="at 500"
    --config.interventions.x.source=runs/first --config.interventions.x.leaves=W
    """

    source: str = field("", "where from: RUN or RUN@STEP; by default its newest saved step")
    leaves: tuple[str, ...] = field((), 'dotted names of parameters, with * for any letters, such as "W"; empty: all')

    def apply(self, training: Training, context: Setting) -> tuple[Training, Values]:
        """Reads and puts in."""
        if not self.source:
            raise FieldError("source", "", "name a run, RUN or RUN@STEP")
        path, step = run_and_step(self.source)
        theirs = {name: leaf for name, leaf in load_run(path).leaves(step).items() if name.startswith("params.")}
        theirs = {name.removeprefix("params."): leaf for name, leaf in theirs.items()}
        wanted = chosen("leaves", self.leaves, training.params)
        for name, leaf in wanted.items():
            if name not in theirs:
                rule = f"that run has no parameter {name!r}.{did_you_mean(name, theirs)} It has {one_of(theirs)}"
                raise FieldError("source", self.source, rule)
            if np.shape(theirs[name]) != np.shape(leaf):
                shapes = f"{list(np.shape(theirs[name]))} there and {list(np.shape(leaf))} here"
                raise FieldError("source", self.source, f"the parameter {name} has the shape {shapes}")
        new = {name: theirs[name].astype(leaf.dtype) for name, leaf in wanted.items()}
        return replace(training, params=replaced(training.params, new)), {}
