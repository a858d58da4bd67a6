"""By how much the right answer wins, and how that compares with the most that is possible."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from framework import Context, field, register
from framework.numbers import euclidean_norm, largest_entry
from framework.pictures import COLOURS
from framework.reading import columns_of, draw_panels, last_value
from plugins.mathematics.modular import is_prime, linear_rule
from plugins.mathematics.points import ProbeAtPoints, check_points, questions_at
from plugins.networks.parameters import neuron_norms, two_layer
from plugins.networks.quadratic import QuadraticNetwork


@register("margins")
@dataclass(frozen=True, kw_only=True)
class Margins(ProbeAtPoints):
    """Margins q = f_y − max_{y'≠y} f_{y'}: minimum, mean, quantiles, and the minimum divided by ‖θ‖^L (section 4.2).

    L is the network's degree of homogeneity; the norms are ‖θ‖_∞, ‖θ‖₂ and, for two layers, the group norm ‖θ‖_{2,L}.
    Where theory knows the largest min_l2d on the whole population, it is `known_max_l2d`; on a training sample more is
    possible. In regression a point is (a_1, …, a_k), asked where its true tuple is in the split, as for pair_accuracy.
    State: γ* as a scalar where it is known. Sources: Mohamadi et al. 2024; Lyu and Li 2020; Morwani et al. 2024.
    """

    needs_labels = True
    answers = "how its margin compares with the largest that is possible"

    points: tuple[str, ...] = field(("train", "test", "population"), 'any of "train", "test", "population", a number of random points')
    quantiles: tuple[float, ...] = field((0.1, 0.5, 0.9), "quantiles of the margins, recorded as train_q10, …", at_least=0, at_most=1)

    def init(self, params: Any, context: Context) -> dict:
        """γ* under "known" where it applies; its key is there or not for the whole run."""
        known = known_maximum(params, context)
        return {} if known is None else {"known": jnp.asarray(known, jnp.result_type(float))}

    def measure(self, params: Any, context: Context, state: dict) -> tuple[dict, dict]:
        """Scalars SPLIT_min, _mean, _q10 …, and with a degree SPLIT_min_linf, _min_l2, _min_l2d, known_max_l2d."""
        norms = normalizers(params, context.degree) if context.degree else {}
        values: dict = {}
        for points in self.points:
            name, questions = check_points(points), questions_at(context, points)
            if len(questions.labels):
                q = margins(context.apply(params, questions.inputs), questions.labels)
                found = summary(q, questions.asked, self.quantiles)
                found |= {f"min_{norm}": found["min"] / size for norm, size in norms.items()}
                values |= {f"{name}_{quantity}": value for quantity, value in found.items()}
        return values | ({"known_max_l2d": state["known"]} if "known" in state else {}), state

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """Minima: plain, and divided by each norm; γ* as a line in the panel of the group norm."""
        recorded = columns_of(run, name)
        splits = [check_points(points) for points in self.points]
        if {"train", "test"} <= set(splits):
            splits = ["train", "test"]  # the population's minimum is the smaller of these two
        panels: dict[str, list[str]] = {}
        for quantity, label in _LABELS.items():
            there = [column for split in splits if (column := f"{name}/{split}_{quantity}") in recorded]
            panels |= {label: there} if there else {}
        axes = draw_panels(figure, run, panels)
        if axes and f"{name}/known_max_l2d" in recorded:
            known = run.series(f"{name}/known_max_l2d")[1][0]
            axes[-1].axhline(known, color=COLOURS[1], linewidth=1, label=f"γ* = {known:.4g}, largest on all inputs")
            axes[-1].legend(frameon=False, fontsize=8, loc="best")

    def says(self, run: Any, name: str) -> list[str]:
        """The smallest margin at the end, beside γ* where that is known."""
        splits = [check_points(points) for points in self.points]
        least = {key: _least(run, [f"{name}/{split}_{key}" for split in splits]) for key in ("min", "min_l2d")}
        known = last_value(run, f"{name}/known_max_l2d")
        if known is not None and least["min_l2d"] is not None:
            share = f"{100 * least['min_l2d'] / known:.3g} % of" if least["min_l2d"] > 0 else "an input is answered wrongly; nothing of"
            said = f"At the end its smallest margin, divided by the group norm ‖θ‖_2,L to the power L, is {least['min_l2d']:.4g}"
            return [f"{said}: {share} γ* = {known:.4g}, the largest that is possible on all inputs."]
        return [] if least["min"] is None else [f"At the end its smallest margin is {least['min']:.4g}."]


def _least(run: Any, columns: list[str]) -> float | None:
    return min((value for column in columns if (value := last_value(run, column)) is not None), default=None)


_LABELS = {
    "min": "smallest margin $q$",
    "min_linf": "normalized margin\n" r"$q\;/\;\|\theta\|_\infty^{\,L}$",
    "min_l2": "normalized margin\n" r"$q\;/\;\|\theta\|_2^{\,L}$",
    "min_l2d": "normalized margin\n" r"$q\;/\;\|\theta\|_{2,L}^{\,L}$",
}


def margins(logits: Float[Array, "n p"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """Margins q = f_y − max_{y'≠y} f_{y'}: the correct logit minus the best wrong one; negative where the answer is wrong."""
    correct = jax.nn.one_hot(labels, logits.shape[-1], dtype=bool)
    best_wrong = jnp.max(jnp.where(correct, -jnp.inf, logits), axis=-1)
    return jnp.sum(jnp.where(correct, logits, 0), axis=-1) - best_wrong


def summary(q: Float[Array, " n"], asked: Bool[Array, " n"], quantiles: tuple[float, ...] = ()) -> dict[str, Float[Array, ""]]:
    """min, mean and q10, … of the margins that are asked; NaN where none is."""
    count = jnp.sum(asked)
    lowest = jnp.where(count > 0, jnp.min(jnp.where(asked, q, jnp.inf)), jnp.nan)
    values = {"min": lowest, "mean": jnp.sum(jnp.where(asked, q, 0)) / count.astype(q.dtype)}
    there = jnp.where(asked, q, jnp.nan)
    # All levels from one sort: sorting is most of what this program takes to compile.
    found = jnp.nanquantile(there, jnp.asarray(quantiles, q.dtype)) if quantiles else ()
    return values | {f"q{100 * level:.3g}": value for level, value in zip(quantiles, found, strict=True)}


def normalizers(params: Any, degree: int) -> dict[str, Float[Array, ""]]:
    """‖θ‖^degree by the name of the norm: linf, l2 and, for two layers, l2d (the group norm ‖θ‖_{2,degree})."""
    powers = {"linf": largest_entry(params) ** degree, "l2": euclidean_norm(params) ** degree}
    layers = two_layer(params)
    return powers | ({"l2d": jnp.sum(neuron_norms(*layers) ** degree)} if layers else {})


def max_margin(p: int, k: int = 2) -> float:
    """γ*, the largest min margin / ‖θ‖_{2,k+1}^{k+1} over all p^k inputs of modular addition of k summands.

    γ* = 2 k! / ((2k+2)^{(k+1)/2} (p−1) p^{(k−1)/2}) for f = V (W x)^k, p > 2 prime, at least 2^{2k−2} (p−1) neurons.
    Sources: Morwani et al. 2024 (arXiv 2311.07568) for k = 2; arXiv 2402.09469 for any k. Raises ValueError for other p.
    """
    if p < 3 or not is_prime(p):
        raise ValueError(f"the largest margin is known for odd primes; p = {p}")
    return 2 * math.factorial(k) / ((2 * k + 2) ** ((k + 1) / 2) * (p - 1) * p ** ((k - 1) / 2))


def known_maximum(params: Any, context: Context) -> float | None:
    """γ* where it applies: quadratic networks of degree k + 1, on all sums of k residues mod an odd prime.

    Summands may have coefficients that are not 0 mod p, as in subtraction: they rename the values of a token, which moves
    rows of a block of W and changes no norm. Not where the summands share their weights: there are fewer such networks, and
    less may be reached. A width below 2^{2k−2} (p−1) is no obstacle: γ* is then only an upper bound. Divided by the width
    where the outputs are.
    """
    network = context.module(params)
    if not isinstance(network, QuadraticNetwork) or network.summands:
        return None
    k, p, _ = network.W.shape
    inputs, labels, _ = context.splits.population.questions
    if labels.shape[0] != p**k or context.task.sizes.outputs != p or context.degree != k + 1:
        return None
    coefficients = linear_rule(np.asarray(inputs), np.asarray(labels), p)
    if coefficients is None or not np.all(coefficients % p):
        return None
    try:
        return network.scale * max_margin(p, k)
    except ValueError:
        return None
