"""How far training has left the regime in which a network is a linear function of its parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from framework import Context, field, register
from framework.interfaces import Outputs
from framework.numbers import euclidean_norm
from framework.reading import columns_of, draw_panels, fitted_step, value_from
from plugins.mathematics.points import ProbeAtPoints, check_points, inputs_at

LAZY = 0.1  # the error of the linearized network below which training counts as lazy, in words
Apply = Callable[[Any, Any], Float[Array, "n p"]]  # (parameters, inputs) → outputs


@register("laziness")
@dataclass(frozen=True, kw_only=True)
class Laziness(ProbeAtPoints):
    """Relative movement ‖θ_t − θ_0‖/‖θ_0‖, and the error of the network linearized at θ_0.

    SPLIT_error = ‖f(θ_t) − f_0 − J_0 (θ_t − θ_0)‖ / ‖f(θ_t) − f_0‖ over all outputs: 0 while training is lazy; 0 also where
    nothing has moved. In regression all outputs at the (a_1, …, a_k) whose true tuple is in the split. `linearized`: also
    loss and accuracy of the linearized network itself, as linearized/test/accuracy: what no feature learning would give.
    State: θ_0. Sources: Chizat, Oyallon, Bach 2019; Kumar et al. 2024. Not the drift of the kernel: see ntk_drift.
    """

    answers = "whether training was lazy"

    points: tuple[str, ...] = field(("train", "test"), 'any of "train", "test", "population", a number of random points')
    linearized: bool = field(True, "also record the task's metrics of the linearized network")

    def init(self, params: Any, context: Context) -> Any:
        """θ_0."""
        return params

    def measure(self, params: Any, context: Context, state: Any) -> tuple[dict, Any]:
        """Scalars moved, SPLIT_error, and linearized/SPLIT/loss, linearized/SPLIT/accuracy, …."""
        moved = jax.tree.map(jnp.subtract, params, state)
        values = {"moved": euclidean_norm(moved) / euclidean_norm(state)}
        for points in self.points:
            inputs, asked = inputs_at(context, points)
            if len(asked):
                values[f"{check_points(points)}_error"] = linearization_error(context.apply, state, params, inputs, asked)
        if self.linearized:
            found = context.task.metrics(linearized_network(context.apply, state, params), context.splits)
            values |= {f"linearized/{quantity}": value for quantity, value in found.items()}
        return values, state

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """Movement, error of linearization, and the accuracy of the linearized network."""
        headline = run.experiment.task.headline
        errors = [f"{name}/{check_points(points)}_error" for points in self.points]
        linear = [f"{name}/linearized/{split}/{headline}" for split in ("train", "test")]
        panels = {
            "distance from the start\n" r"$\|\theta - \theta_0\| \,/\, \|\theta_0\|$": [f"{name}/moved"],
            "error of the network\nlinearized at step 0": errors,
            f"{headline.replace('_', ' ')} of the\nlinearized network": linear,
        }
        recorded = columns_of(run, name)
        draw_panels(figure, run, {label: there for label, columns in panels.items() if (there := [c for c in columns if c in recorded])})

    def says(self, run: Any, name: str) -> list[str]:
        """Whether training was lazy until the training set was fitted: the linearized network misses less than LAZY of the change."""
        fitted = fitted_step(run)
        moved, error = (None if fitted is None else value_from(run, f"{name}/{key}", fitted) for key in ("moved", "train_error"))
        if moved is None or error is None:
            return []
        verdict = "training was lazy until then" if error < LAZY else "training was not lazy"
        return [
            f"When it had fitted, the parameters had moved by {100 * moved:.3g} % of their size, and the network linearized at step 0 "
            f"missed {100 * error:.3g} % of what had changed in its outputs: {verdict} (lazy is less than {100 * LAZY:g} %)."
        ]


def linearized_network(apply: Apply, start: Any, params: Any) -> Outputs:
    """The network x → f(θ_0; x) + J_0(x) (θ − θ_0), by one derivative along θ − θ_0. apply: (parameters, inputs) → outputs."""
    moved = jax.tree.map(jnp.subtract, params, start)

    def network(inputs: Any) -> Float[Array, "n p"]:
        before, change = jax.jvp(lambda params: apply(params, inputs), (start,), (moved,))
        return before + change

    return network


def linearization_error(apply: Apply, start: Any, params: Any, inputs: Any, asked: Bool[Array, " n"] | None = None) -> Float[Array, ""]:
    """‖f − f_0 − J_0 (θ − θ_0)‖ / ‖f − f_0‖ at these inputs, or those that are asked; 0 where the numerator is 0."""
    moved = jax.tree.map(jnp.subtract, params, start)
    before, linear = jax.jvp(lambda params: apply(params, inputs), (start,), (moved,))
    change = apply(params, inputs) - before
    counted = jnp.ones(len(change), bool)[:, None] if asked is None else asked[:, None]
    missed, size = euclidean_norm(jnp.where(counted, change - linear, 0)), euclidean_norm(jnp.where(counted, change, 0))
    return jnp.where(missed > 0, missed / jnp.where(missed > 0, size, 1), 0)
