"""Which frequencies a network computes with: of each neuron's weights, and of the outputs as a whole."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from framework import Context, Probe, field, register
from plugins.probes.fourier_map import draw_map
from plugins.probes.linear import linear_rule
from plugins.probes.points import questions_at
from plugins.two_layer import neuron_norms, two_layer


@register("fourier")
@dataclass(frozen=True, kw_only=True)
class Fourier(Probe):
    """Discrete Fourier transform over residues: ŵ_f = Σ_n w_n e^{−2πifn/p}, power P_f = |ŵ_f|² with f and p − f added.

    Of each neuron (two layers): power summed over its k input blocks and its output vector, its frequency (the strongest
    f > 0), its inverse participation ratio ΣP²/(ΣP)² (mean over the blocks, f = 0 included), and how far its phases are
    from φ_1 + … + φ_k = φ_out. Where the answer is Σ c_i a_i, block i is read at frequency c_i f, which belongs to f of
    the output (Doshi et al. 2024); where it is no such sum, as in multiplication, there is no phase_deviation.
    Neurons smaller than `alive` times the largest are left out. Of any network: the spectrum of the function
    g(answer − c) that explains the outputs best, and the share of their variance that it explains.
    State: the c_i as "coefficients" where the answer is such a sum. Not the losses of a network restricted to some
    frequencies: see progress_measures. Sources: Gromov 2023; Nanda et al. 2023; Doshi et al. 2024.
    """

    folded: bool = field(True, "add the power of f and p − f; false: bins of the real transform, as Doshi et al. 2024 do")
    alive: float = field(0.01, "neurons below this share of the largest neuron's norm are dead", at_least=0, below=1)
    per_neuron: bool = field(True, "also arrays: power [h, F], frequency [h], phases [k+1, h]")

    def init(self, params: Any, context: Context) -> dict:
        """The c_i under "coefficients" where the answer is Σ c_i a_i; the key is there or not for the whole run."""
        population = questions_at(context, "population")
        rule = linear_rule(np.asarray(population.inputs), np.asarray(population.labels), context.task.sizes.outputs)
        return {} if rule is None else {"coefficients": jnp.asarray(rule, jnp.int32)}

    def measure(self, params: Any, context: Context, state: dict) -> tuple[dict, dict]:
        """Scalars explained, output_frequencies, and of neurons neurons, frequencies, ipr, phase_deviation; arrays."""
        population = questions_at(context, "population")
        outputs = context.apply(params, population.inputs)
        g, explained = relative_function(outputs, population.labels)
        spectrum = power_spectrum(g, self.folded)
        values = {"explained": explained, "output_frequencies": participation(spectrum[1:]), "output_spectrum": spectrum}
        layers = two_layer(params)
        if layers is None or layers[0].shape[1] != layers[1].shape[1]:
            return values, state
        return values | self._of_neurons(*layers, context.task.sizes.tokens, state.get("coefficients")), state

    def _of_neurons(self, W: Float[Array, "blocks p h"], V: Float[Array, "h p"], k: int, rule: Int[Array, " k"] | None) -> dict:
        # A block that all summands share counts for each of them: it is the phases of all k that must add up.
        blocks = neuron_blocks(jnp.repeat(W, k, axis=0) if W.shape[0] == 1 else W, V)
        multiples = jnp.ones(len(blocks), jnp.int32) if rule is None else jnp.append(rule, 1)
        own = power_spectrum(blocks, self.folded)
        powers = powers_at_multiples(own, multiples, blocks.shape[-1])
        norms = neuron_norms(W, V)
        alive = norms >= self.alive * jnp.max(norms)
        frequency = dominant_frequency(jnp.sum(powers, axis=0))
        ipr = jnp.mean(inverse_participation_ratio(own), axis=0)
        phases = phases_at(blocks, frequency, multiples)
        values = {
            "neurons": jnp.sum(alive),
            "frequencies": count_frequencies(frequency, alive, blocks.shape[-1]),
            "ipr": jnp.mean(ipr, where=alive),
        }
        if rule is not None:
            values["phase_deviation"] = jnp.mean(jnp.abs(phase_deviation(phases)), where=alive)
        arrays = {"power": jnp.sum(powers, axis=0), "frequency": frequency, "phases": phases}
        return values | (arrays if self.per_neuron else {})

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """Curves; below them, power by frequency and neuron at the first event, when fitted, and at the last."""
        draw_map(figure, run, name)


def neuron_blocks(W: Float[Array, "k p h"], V: Float[Array, "h p"]) -> Float[Array, "k+1 h p"]:
    """Each neuron's k input blocks and, last, its output vector, as functions of a residue."""
    return jnp.concatenate([jnp.swapaxes(W, 1, 2), V[None]])


def power_spectrum(w: Float[Array, "*batch p"], folded: bool = True) -> Float[Array, "*batch F"]:
    """P_f = |Σ_n w_n e^{−2πifn/p}|² for f = 0 … p//2; folded: f and p − f together, so that ΣP = p Σw² (Parseval).

    Unfolded, these are the bins of the real transform, in which f = 0 (and p/2) weighs twice as much.
    """
    p = w.shape[-1]
    power = jnp.abs(jnp.fft.rfft(w)) ** 2
    f = np.arange(p // 2 + 1)
    return power * jnp.asarray(np.where((f == 0) | (2 * f == p), 1, 2), power.dtype) if folded else power


def inverse_participation_ratio(power: Float[Array, "*batch F"]) -> Float[Array, "*batch"]:
    """ΣP²/(ΣP)²: 1 for one frequency, 1/F for a flat spectrum. Conventions differ in what P is: see power_spectrum."""
    largest = jnp.max(power, axis=-1, keepdims=True)
    share = power / jnp.where(largest > 0, largest, 1)
    total = jnp.sum(share, axis=-1)
    return jnp.sum(share**2, axis=-1) / jnp.where(total > 0, total, 1) ** 2


def participation(power: Float[Array, "*batch F"]) -> Float[Array, "*batch"]:
    """(ΣP)²/ΣP², an effective number of frequencies; 0 where there is no power."""
    ratio = inverse_participation_ratio(power)
    return jnp.where(ratio > 0, 1 / jnp.where(ratio > 0, ratio, 1), 0)


def dominant_frequency(power: Float[Array, "*batch F"]) -> Int[Array, "*batch"]:
    """The strongest frequency, arg max_{f>0} P_f."""
    return jnp.argmax(power[..., 1:], axis=-1) + 1


def count_frequencies(frequency: Int[Array, " h"], alive: Bool[Array, " h"], p: int) -> Int[Array, ""]:
    """How many different frequencies the living neurons have."""
    used = jnp.zeros(p // 2 + 1, bool).at[frequency].max(alive)
    return jnp.sum(used)


def powers_at_multiples(power: Float[Array, "b h F"], multiples: Int[Array, " b"], p: int) -> Float[Array, "b h F"]:
    """[i, j, f]: the power of block i of neuron j at frequency c_i f mod p, or p minus it, for multiples c_i."""
    wrapped = multiples[:, None] * jnp.arange(p // 2 + 1) % p
    return jnp.take_along_axis(power, jnp.minimum(wrapped, p - wrapped)[:, None, :], axis=-1)


def phases_at(blocks: Float[Array, "b h p"], frequency: Int[Array, " h"], multiples: Int[Array, " b"] | None = None) -> Float[Array, "b h"]:
    """φ in cos(2πfn/p + φ), the component of each block at its neuron's frequency: arg ŵ_f.

    multiples: block i is read at c_i f mod p instead; above p/2 that is the wave of p − c_i f with the opposite phase.
    """
    transform: Complex[Array, "b h F"] = jnp.fft.rfft(blocks)
    p = blocks.shape[-1]
    wrapped = frequency[None] if multiples is None else multiples[:, None] * frequency % p
    phases = jnp.angle(jnp.take_along_axis(transform, jnp.minimum(wrapped, p - wrapped)[..., None], axis=-1)[..., 0])
    return jnp.where(2 * wrapped > p, -phases, phases)


def phase_deviation(phases: Float[Array, "b h"]) -> Float[Array, " h"]:
    """φ_1 + … + φ_k − φ_out in (−π, π]: 0 in a network that adds (Gromov 2023), mean size π/2 for random phases."""
    return jnp.angle(jnp.exp(1j * (jnp.sum(phases[:-1], axis=0) - phases[-1])))


def relative_function(outputs: Float[Array, "n p"], labels: Int[Array, " n"]) -> tuple[Float[Array, " p"], Float[Array, ""]]:
    """(g, share): g(t) is the mean output at c = label − t mod p, and the share of variance that g(label − c) explains.

    Each row's mean is taken away first, since a softmax does not see it; share is 0 where nothing is left. For modular
    addition the label is Σa: a network that adds computes a function of Σa − c, and the share is 1.
    """
    p = outputs.shape[1]
    centred = outputs - jnp.mean(outputs, axis=1, keepdims=True)
    t = (labels[:, None] - jnp.arange(p)) % p
    g = jax.ops.segment_sum(centred.ravel(), t.ravel(), p) / outputs.shape[0]
    largest = jnp.max(jnp.abs(centred))
    safe = jnp.where(largest > 0, largest, 1)
    total = jnp.sum((centred / safe) ** 2)
    return g, outputs.shape[0] * jnp.sum((g / safe) ** 2) / jnp.where(total > 0, total, 1)
