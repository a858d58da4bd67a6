"""Losses of the network with some frequencies kept alone, or taken away: progress before generalization shows it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from framework import Context, Group, Probe, field, register
from framework.errors import UserError
from framework.pictures import finite
from framework.reading import columns_of, draw_panels
from plugins.mathematics.fourier import relative_function
from plugins.mathematics.harmonics import Harmonics, Waves, harmonics_of
from plugins.mathematics.points import Questions, questions_at


@register("progress_measures")
@dataclass(frozen=True, kw_only=True)
class ProgressMeasures(Probe):
    """Restricted and excluded loss (Nanda et al. 2023, arXiv 2301.05217), with two projections, w_f = 2πf/p, s the answer.

    restricted: only the key frequencies' part of the outputs and each output's mean over the inputs are kept.
    excluded: that part is taken away, all key frequencies at once, as in the paper (its code takes one at a time).
    Plain names project on cos w_f s and sin w_f s, functions of the input, each output free, as Nanda's code does.
    Names in _strict project on cos w_f (s − c) and sin w_f (s − c) jointly in input and output: what adding needs.
    The loss is the task's, on splits as in Nanda's code. Key frequencies: the field, or the `count` strongest in the
    outputs now, which may change during the run: to compare steps, name the final network's in the field.
    No state. For tasks with s = Σ c_i a_i mod p, or a product in the group that the task names, whose inputs are all there,
    each answer equally often. Of non-zero residues mod a prime, s and c are discrete logarithms: inputs whose answer 0 has
    none keep their mean outputs in restricted and all in excluded, and the output 0 has no part in _strict. In a symmetric
    or dihedral group frequencies number irreducible representations, whose entries at s, or at s c⁻¹, are projected on.
    """

    inputs, needs_labels = ("tokens",), True

    frequencies: tuple[int, ...] = field((), "key frequencies, such as those of the final network; empty: chosen at each event", at_least=1)
    count: int = field(5, "how many frequencies are chosen where none are named", at_least=1)

    def init(self, params: Any, context: Context) -> tuple:
        """Checks that the projections are projections here. Raises UserError."""
        population, outputs = questions_at(context, "population"), context.task.sizes.outputs
        harmonics = harmonics_of(context.task.group())
        labels, inside = harmonics.of_answers(population, outputs)
        labels = labels if inside is None else labels[inside]
        counts = jnp.bincount(labels, length=harmonics.size)
        if len(labels) != harmonics.size**context.task.sizes.tokens or counts.min() != counts.max():
            raise UserError("progress_measures needs a population of all tuples in which every answer occurs equally often")
        rule = harmonics.rule(np.asarray(population.inputs), np.asarray(population.labels))
        if harmonics.has_phases and rule is None:
            raise UserError("progress_measures needs answers that are sums Σ c_i a_i mod p: its waves mean nothing in another order")
        if any(f >= harmonics.count for f in self.frequencies):
            raise UserError(f"progress_measures: frequencies are 1 … {harmonics.count - 1} for {outputs} outputs; got {self.frequencies}")
        return ()

    def measure(self, params: Any, context: Context, state: tuple) -> tuple[dict, tuple]:
        """Scalars SPLIT_restricted and train_excluded, each also in _strict; array key_frequencies."""
        population, harmonics = questions_at(context, "population"), harmonics_of(context.task.group())
        outputs = context.apply(params, population.inputs)
        means = label_means(outputs, population.labels)
        keys = jnp.asarray(self.frequencies) if self.frequencies else self._strongest(harmonics, outputs, population)
        kept = jnp.zeros(harmonics.count).at[keys].set(1)
        answer = answer_table(population, context.task.sizes.values)
        network = context.module(params)
        values = {"key_frequencies": jnp.sort(keys)}
        for suffix, project in (("", project_inputs), ("_strict", project_jointly)):
            part = project(means, kept, harmonics)
            restricted = _restricted(part + constant(means, harmonics), answer)
            for name, split in context.splits:
                if len(split):
                    values[f"{name}_restricted{suffix}"] = context.task.mean_loss(restricted, split)
            values[f"train_excluded{suffix}"] = context.task.mean_loss(_excluded(network, part, answer), context.splits.train)
        return values, state

    def _strongest(self, harmonics: Harmonics, outputs: Float[Array, "n q"], population: Questions) -> Int[Array, " count"]:
        labels, inside = harmonics.of_answers(population, outputs.shape[1])
        return key_frequencies(harmonics.take(outputs, axis=1), labels, min(self.count, harmonics.count - 1), harmonics, inside)

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """Two panels, one per projection, over the losses of the whole network."""
        recorded, group = columns_of(run, name), run.experiment.task.group()
        noun = "irreps" if group.representations else "frequencies"
        quantities = ("train_excluded", "test_restricted", "population_restricted")
        panels: dict[str, list[str]] = {}
        for label, suffix in ((f"loss: key {noun}\nof the answer", ""), (f"loss: key {noun}\nof {group.quotient}", "_strict")):
            columns = [f"{name}/{quantity}{suffix}" for quantity in quantities if f"{name}/{quantity}{suffix}" in recorded]
            panels |= {label: columns} if columns else {}
        for axes in draw_panels(figure, run, panels, log=list(panels)):
            for loss, style in (("train/loss", "--"), ("test/loss", "-")):
                if loss in run.metrics():
                    steps, values = run.series(loss)
                    axes.plot(
                        np.maximum(steps, 0.5),
                        finite(values),
                        style,
                        color="#999999",
                        linewidth=1,
                        label=f"{loss.replace('/', ' ')} of the network",
                    )
            axes.legend(frameon=False, fontsize=8, loc="best")


def label_means(outputs: Float[Array, "n p"], labels: Int[Array, " n"]) -> Float[Array, "p p"]:
    """[s, c]: output c, averaged over the inputs whose answer is s; 0 where there is none."""
    p = outputs.shape[1]
    counts = jax.ops.segment_sum(jnp.ones_like(outputs), labels, p)
    return jax.ops.segment_sum(outputs, labels, p) / jnp.maximum(counts, 1)


def project_inputs(means: Float[Array, "p p"], kept: Float[Array, " F"], harmonics: Harmonics | None = None) -> Float[Array, "p p"]:
    """[s, c]: the part of the outputs along cos w_f s and sin w_f s, for the frequencies with kept[f] = 1.

    In the basis of input functions of Nanda's code, d(dᵀL) summed over d = cos w_f(a+b), sin w_f(a+b) of unit norm: such
    a function sees the outputs only through their mean over inputs of equal answer. harmonics: of another group than the
    residues in order; rows of answers that stand for no element of it are 0.
    """
    harmonics = harmonics or residues(len(means))
    part = harmonics.project(harmonics.take(means, axis=0), kept)
    return part if harmonics.is_plain(len(means)) else jnp.zeros_like(means).at[harmonics.group.elements].set(part)


def project_jointly(means: Float[Array, "p p"], kept: Float[Array, " F"], harmonics: Harmonics | None = None) -> Float[Array, "p p"]:
    """[s, c]: the part of the outputs along cos w_f (s − c) and sin w_f (s − c), for the frequencies with kept[f] = 1."""
    harmonics = harmonics or residues(len(means))
    m, elements = harmonics.size, harmonics.group.elements
    quotients = harmonics.quotients(jnp.arange(m))
    square = harmonics.take(harmonics.take(means, axis=0), axis=1)
    along = jax.ops.segment_sum(square.ravel(), quotients.ravel(), m) / m
    part = harmonics.project(along, kept)[quotients]
    return part if harmonics.is_plain(len(means)) else jnp.zeros_like(means).at[elements[:, None], elements].set(part)


def constant(means: Float[Array, "p p"], harmonics: Harmonics) -> Float[Array, "... p"]:
    """Each output's mean over the inputs; in rows of answers that stand for no element, what they are."""
    mean = jnp.mean(harmonics.take(means, axis=0), axis=0)
    return mean if harmonics.is_plain(len(means)) else means.at[harmonics.group.elements].set(mean)


def residues(p: int) -> Harmonics:
    """The residues mod p in order."""
    return Waves(Group(np.arange(p)))


def key_frequencies(
    outputs: Float[Array, "n m"],
    labels: Int[Array, " n"],
    count: int,
    harmonics: Harmonics | None = None,
    inside: Bool[Array, " n"] | None = None,
) -> Int[Array, " count"]:
    """The `count` frequencies f > 0 with the most power in the function of (label − c) nearest to the outputs."""
    harmonics = harmonics or residues(outputs.shape[1])
    g, _ = relative_function(outputs, labels, harmonics.quotients(labels), inside)
    return jax.lax.top_k(harmonics.power(g)[1:], count)[1] + 1


def answer_table(population: Questions, values: int) -> Callable[[Int[Array, "n k"]], Int[Array, " n"]]:
    """The right answer as a function of the tuple, from a population of all tuples."""
    k = population.inputs.shape[1]
    places = values ** jnp.arange(k - 1, -1, -1)
    table = jnp.zeros(values**k, population.labels.dtype).at[population.inputs @ places].set(population.labels)
    return lambda inputs: table[inputs @ places]


def _restricted(table: Float[Array, "p p"], answer: Callable) -> Callable:
    return lambda inputs: table[answer(inputs)]


def _excluded(network: Callable, part: Float[Array, "p p"], answer: Callable) -> Callable:
    return lambda inputs: network(inputs) - part[answer(inputs)]
