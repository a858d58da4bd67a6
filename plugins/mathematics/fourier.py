"""Functions of a residue by frequency: power, concentration, phases, and the part that depends on answer − c alone."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int


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


def count_frequencies(frequency: Int[Array, " h"], alive: Bool[Array, " h"], below: int) -> Int[Array, ""]:
    """How many different frequencies the living neurons have; all are less than `below`."""
    used = jnp.zeros(below, bool).at[frequency].max(alive)
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


def relative_function(
    outputs: Float[Array, "n p"],
    labels: Int[Array, " n"],
    quotients: Int[Array, "n p"] | None = None,
    inside: Bool[Array, " n"] | None = None,
) -> tuple[Float[Array, " p"], Float[Array, ""]]:
    """(g, share): g(t) is the mean output at c = label − t mod p, and the share of variance that g(label − c) explains.

    Each row's mean is taken away first, since a softmax does not see it; share is 0 where nothing is left. For modular
    addition the label is Σa: a network that adds computes a function of Σa − c, and the share is 1.
    quotients: [i, c], label c^{−1} in another group. inside: the rows that count, by default all.
    """
    p = outputs.shape[1]
    centred = outputs - jnp.mean(outputs, axis=1, keepdims=True)
    centred = centred if inside is None else jnp.where(inside[:, None], centred, 0)
    n = outputs.shape[0] if inside is None else jnp.sum(inside)
    t = (labels[:, None] - jnp.arange(p)) % p if quotients is None else quotients
    g = jax.ops.segment_sum(centred.ravel(), t.ravel(), p) / n
    largest = jnp.max(jnp.abs(centred))
    safe = jnp.where(largest > 0, largest, 1)
    total = jnp.sum((centred / safe) ** 2)
    return g, n * jnp.sum((g / safe) ** 2) / jnp.where(total > 0, total, 1)
