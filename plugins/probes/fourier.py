"""Which frequencies a network computes with: of each neuron's weights, and of the outputs as a whole."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from framework import Context, Group, Probe, field, register
from framework.errors import UserError
from framework.pictures import NARROW, Film
from framework.reading import draw_lines, finish, last_value, moments
from framework.run import Run
from plugins.mathematics.fourier import (
    count_frequencies,
    dominant_frequency,
    inverse_participation_ratio,
    neuron_blocks,
    participation,
    phase_deviation,
    phases_at,
    powers_at_multiples,
    relative_function,
)
from plugins.mathematics.harmonics import Harmonics, harmonics_of
from plugins.mathematics.points import questions_at
from plugins.networks.parameters import neuron_norms, two_layer
from plugins.tasks.mixture import Mixture


@register("fourier")
@dataclass(frozen=True, kw_only=True)
class Fourier(Probe):
    """Which frequencies f of the task's group are in use; over residues ŵ_f = Σ_n w_n e^{−2πifn/p}, P_f = |ŵ_f|², f and p − f added.

    Non-zero residues that are multiplied or divided mod a prime are read by their discrete logarithms, p − 1 in place of p;
    0 has none, and weights, outputs and inputs of 0 are left out. In a symmetric or dihedral group f numbers the irreducible
    representations R, and P_R is what entries of R(x) explain of w (Chughtai et al. 2023). Each task says its group.
    Of each neuron (two layers): power summed over its k input blocks and its output vector, its frequency (the strongest
    f > 0), its inverse participation ratio ΣP²/(ΣP)² (mean over the blocks, f = 0 included), and how far its phases are
    from φ_1 + … + φ_k = φ_out. Where the answer is Σ c_i a_i, block i is read at frequency c_i f, which belongs to f of
    the output (Doshi et al. 2024); where it is no such sum, also of logarithms, there is no phase_deviation.
    Neurons smaller than `alive` times the largest are left out. Of any network: the spectrum of the function
    g(answer − c), g(answer · c⁻¹) in a group, that explains the outputs best, and the share of their variance that it explains.
    State: the c_i as "coefficients" where the answer is such a sum. Not the losses of a network restricted to some
    frequencies: see progress_measures. Sources: Gromov 2023; Nanda et al. 2023; Doshi et al. 2024.
    """

    inputs, needs_labels = ("tokens",), True
    answers = "how many frequencies the network computes with"

    folded: bool = field(True, "add the power of f and p − f; false: bins of the real transform, as Doshi et al. 2024 do")
    alive: float = field(0.01, "neurons below this share of the largest neuron's norm are dead", at_least=0, below=1)
    per_neuron: bool = field(True, "also record arrays: power [h, F], frequency [h], phases [k+1, h]")

    def init(self, params: Any, context: Context) -> dict:
        """The c_i under "coefficients" where the answer is Σ c_i a_i; the key is there or not for the whole run."""
        if isinstance(context.task, Mixture):
            raise UserError("fourier reads the network of one task: in a mixture the outputs answer several, and the mark is a token more")
        population = questions_at(context, "population")
        rule = harmonics_of(context.task.group()).rule(np.asarray(population.inputs), np.asarray(population.labels))
        return {} if rule is None else {"coefficients": jnp.asarray(rule, jnp.int32)}

    def measure(self, params: Any, context: Context, state: dict) -> tuple[dict, dict]:
        """Scalars explained, output_frequencies, and of neurons neurons, frequencies, ipr, phase_deviation; arrays."""
        population, harmonics = questions_at(context, "population"), harmonics_of(context.task.group())
        labels, inside = harmonics.of_answers(population, context.task.sizes.outputs)
        outputs = harmonics.take(context.apply(params, population.inputs), axis=1)
        g, explained = relative_function(outputs, labels, harmonics.quotients(labels), inside)
        spectrum = harmonics.power(g, self.folded)
        values = {"explained": explained, "output_frequencies": participation(spectrum[1:]), "output_spectrum": spectrum}
        layers = two_layer(params)
        if layers is None or layers[0].shape[1] != layers[1].shape[1]:
            return values, state
        return values | self._of_neurons(harmonics, *layers, context.task.sizes.tokens, state.get("coefficients")), state

    def _of_neurons(
        self, harmonics: Harmonics, W: Float[Array, "blocks p h"], V: Float[Array, "h p"], k: int, rule: Int[Array, " k"] | None
    ) -> dict:
        W, V = harmonics.take(W, axis=1), harmonics.take(V, axis=1)
        norms = neuron_norms(W, V)
        # A block that all summands share counts for each of them: it is the phases of all k that must add up.
        blocks = neuron_blocks(jnp.repeat(W, k, axis=0) if W.shape[0] == 1 else W, V)
        multiples = None if rule is None else jnp.append(rule, 1)
        own = harmonics.power(blocks, self.folded)
        powers = own if multiples is None else powers_at_multiples(own, multiples, harmonics.size)
        alive = norms >= self.alive * jnp.max(norms)
        frequency = dominant_frequency(jnp.sum(powers, axis=0))
        ipr = jnp.mean(inverse_participation_ratio(own), axis=0)
        values = {
            "neurons": jnp.sum(alive),
            "frequencies": count_frequencies(frequency, alive, harmonics.count),
            "ipr": jnp.mean(ipr, where=alive),
        }
        arrays = {"power": jnp.sum(powers, axis=0), "frequency": frequency}
        if harmonics.has_phases:
            arrays["phases"] = phases_at(blocks, frequency, multiples)
        if rule is not None:
            values["phase_deviation"] = jnp.mean(jnp.abs(phase_deviation(arrays["phases"])), where=alive)
        return values | (arrays if self.per_neuron else {})

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """Curves; below them, power by frequency and neuron at the first event, when fitted, and at the last."""
        draw_map(figure, run, name)

    def says(self, run: Any, name: str) -> list[str]:
        """How many frequencies are in use at the end, and how much of the outputs they explain."""
        group, found = run.experiment.task.group(), {key: last_value(run, f"{name}/{key}") for key in ("frequencies", "explained")}
        what = "irreducible representations" if group.representations else "frequencies"
        said = [f"At the end its neurons use {found['frequencies']:g} {what}."] if found["frequencies"] is not None else []
        if found["explained"] is not None:
            said.append(f"A function of {group.quotient} alone explains {100 * found['explained']:.3g} % of the variance of its outputs.")
        return said

    def films(self, run: Any, name: str) -> list[Film]:
        """The share of each neuron's power at each frequency."""
        maps, group = run.arrays(f"{name}/power"), run.experiment.task.group()
        if not maps:
            return []
        what = "representation" if group.representations else "frequency"
        frames = {step: share[::-1] for step, share in shares(maps).items()}
        return [
            Film("Fourier map of the neurons", frames, f"neuron, by last {what}", frequency_axis(group), "share of the neuron's power", 1.0)
        ]


def curves(group: Group) -> dict[str, str]:
    """Quantity → what the vertical axis of its panel says."""
    return {
        "frequencies": "irreducible representations in use" if group.representations else "frequencies in use",
        "ipr": "inverse participation\nratio of neurons' power",
        "phase_deviation": "phase error of neurons\n|φ₁ + … + φₖ − φ_out|",
        "explained": f"variance of output c\nexplained by {group.quotient}",
    }


def draw_map(figure: Any, run: Run, name: str) -> None:
    """Curves above; below, one column per neuron and one row per frequency, neurons in the order of their last frequency."""
    recorded, group = run.metrics(), run.experiment.task.group()
    titles = {quantity: title for quantity, title in curves(group).items() if f"{name}/{quantity}" in recorded}
    maps = run.arrays(f"{name}/power")
    if not titles:
        return
    across = 2 if figure.get_figwidth() < NARROW else len(titles)
    down = -(-len(titles) // across)
    figure.set_size_inches(11 if down == 1 else 5.5, 3.2 * down + 4.4 * bool(maps))
    above, *below = figure.subfigures(2, 1, height_ratios=(down, 1.5)) if maps else [figure]
    panels = list(above.subplots(down, across, squeeze=False).flat)
    for axes in panels[len(titles) :]:
        axes.remove()
    for axes, (quantity, title) in zip(panels, titles.items(), strict=False):
        columns = [f"{name}/{quantity}"]
        if quantity == "frequencies":
            columns.append(f"{name}/output_frequencies")
        draw_lines(axes, run, columns)
        if quantity == "frequencies":
            for line, label_of_line in zip(axes.lines, ("of neurons", "of outputs, effective"), strict=True):
                line.set_label(label_of_line)
        axes.set_ylabel(title, fontsize=9)
        axes.set_ylim(bottom=0, top=1.04 if quantity in ("ipr", "explained") else None)
        axes.set_xlabel("step")
        finish(axes, run)
        _thin_ticks(axes)
    if below:
        _draw_powers(below[0], group, maps, moments(run, sorted(maps), 3))


def _draw_powers(figure: Any, group: Group, maps: dict[int, np.ndarray], steps: list[int]) -> None:
    drawn = shares({step: maps[step] for step in steps})
    axes = figure.subplots(1, len(steps), sharey=True, squeeze=False)[0]
    for panel, step in zip(axes, steps, strict=True):
        image = panel.imshow(drawn[step], aspect="auto", origin="lower", cmap="magma_r", vmin=0, vmax=1, interpolation="nearest")
        panel.set_title(f"step {step:,}", fontsize=9)
        panel.set_xlabel(f"neuron, by last {'representation' if group.representations else 'frequency'}")
    if names := list(group.representations):
        few = range(0, len(names), -(-len(names) // 16))
        axes[0].set_yticks(few, [names[number] for number in few])
    axes[0].set_ylabel(frequency_axis(group))
    figure.colorbar(image, ax=list(axes), label="share of the neuron's power", shrink=0.85)


def shares(maps: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Step → [frequencies, neurons], the share of each neuron's power; neurons in the order of their last frequency, large ones first."""
    last = maps[max(maps)]
    order = np.lexsort((-last.sum(axis=1), np.argmax(last[:, 1:], axis=1)))
    found = {}
    for step, power in sorted(maps.items()):
        whole = np.maximum(power.sum(axis=1, keepdims=True), np.finfo(power.dtype).tiny)
        found[step] = (power / whole)[order].T
    return found


def frequency_axis(group: Group) -> str:
    """What the numbers of frequencies are, in words for an axis."""
    if group.representations:
        return "irreducible representation"
    return f"frequency f in the {group.coordinate}" if group.coordinate else "frequency f"


def _thin_ticks(axes: Any) -> None:
    """Every second decade: four panels side by side are narrow."""
    high = axes.get_xlim()[1]
    axes.set_xticks([0.5, *(10.0**i for i in range(1, int(np.log10(max(high, 1))) + 1, 2))])
