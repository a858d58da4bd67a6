"""When the run fitted its training set, when it generalized, and how much lay between."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from framework import Context, Probe, field, register
from framework.numbers import Number
from framework.pictures import COLOURS, finite, mark_step
from framework.reading import finish
from framework.records import GROKKED


@register("grokking")
@dataclass(frozen=True, kw_only=True)
class Grokking(Probe):
    """Summary of the run so far, at the probe's own events, from the accuracy by which the task says that it is learned.

    fitted: the first step with training accuracy 1. grokked: the first step with test accuracy ≥ `level` from which it
    stays there; it is taken back when accuracy falls. delay = grokked / fitted. area: ∫ (train − test) d log₁₀ step by
    trapezoids from the first event after step 0, in decades. What has not happened is null.
    State: what is needed to go on, four numbers and two accuracies. Source: the definitions of Power et al. 2022.
    """

    level: float = field(GROKKED, "test accuracy from which a network has generalized", above=0, at_most=1)

    def init(self, params: Any, context: Context) -> dict:
        """Nothing has happened yet."""
        return beginning()

    def measure(self, params: Any, context: Context, state: dict) -> tuple[dict, dict]:
        """Scalars fitted, grokked, delay, area, gap."""
        found = context.task.metrics(context.module(params), context.splits)
        train, test = (found.get(f"{split}/{context.task.headline}", jnp.nan) for split in ("train", "test"))
        state = follow(state, context.step, train, test, self.level)
        steps = {name: jnp.where(state[name] < 0, jnp.nan, state[name]) for name in ("fitted", "grokked")}
        return steps | {"delay": steps["grokked"] / steps["fitted"], "area": state["area"], "gap": state["gap"]}, state

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """Accuracies with the area between them, and the two steps."""
        headline = run.experiment.task.headline
        recorded = run.metrics()
        columns = [recorded.get(f"{split}/{headline}") for split in ("train", "test")]
        if f"{name}/area" not in recorded or any(column is None for column in columns):
            return
        figure.set_size_inches(8, 3.6)
        axes = figure.subplots()
        there = ~np.isnan(columns[0]) & ~np.isnan(columns[1])
        steps, train, test = (finite(column[there]) for column in (np.maximum(recorded["step"], 0.5), *columns))
        axes.plot(steps, train, "--", color=COLOURS[0], linewidth=1.6, label=f"train {headline.replace('_', ' ')}")
        axes.plot(steps, test, "-", color=COLOURS[0], linewidth=1.6, label=f"test {headline.replace('_', ' ')}")
        axes.fill_between(steps, train, test, where=steps >= 1, color=COLOURS[0], alpha=0.12, linewidth=0)
        axes.set_ylim(-0.02, 1.04)
        axes.set_xlabel("step")
        axes.set_ylabel(headline.replace("_", " "))
        finish(axes, run)
        last = {quantity: _last(recorded.get(f"{name}/{quantity}")) for quantity in ("grokked", "delay", "area")}
        mark_step(axes, None if last["grokked"] is None else int(last["grokked"]), "grokked")
        said = [
            f"{word} {last[key]:.3g}"
            for word, key in (("grokked / fitted =", "delay"), ("decades between the curves:", "area"))
            if last[key] is not None
        ]
        axes.set_title(", ".join(said), fontsize=9, loc="right")


def beginning() -> dict:
    """The summary before the first event: steps −1, area and gap 0."""
    return {name: jnp.int32(-1) for name in ("fitted", "grokked", "step")} | {"area": jnp.zeros(()), "gap": jnp.zeros(())}


def follow(state: dict, step: Array | np.ndarray, train: Float[Array, ""], test: Float[Array, ""], level: Number = GROKKED) -> dict:
    """The summary after one more event, from the one before it: fitted, grokked, area, and this event's step and gap."""
    gap = jnp.asarray(train - test, state["gap"].dtype)
    before, now = state["step"].astype(gap.dtype), step.astype(gap.dtype)
    width = jnp.where(before >= 1, jnp.log10(jnp.maximum(now, 1)) - jnp.log10(jnp.maximum(before, 1)), 0)
    fitted = jnp.where((state["fitted"] < 0) & (train >= 1), step, state["fitted"])
    grokked = jnp.where(test >= level, jnp.where(state["grokked"] < 0, step, state["grokked"]), -1)
    area = state["area"] + jnp.where(width > 0, width * (gap + state["gap"]) / 2, 0)
    return {"fitted": fitted, "grokked": grokked, "step": step, "area": area, "gap": gap}


def _last(column: np.ndarray | None) -> float | None:
    return None if column is None or np.isnan(column[-1]) else float(column[-1])
