"""Networks of small ‖θ‖_∞ that answer a sample: Adam in the box |θ_i| ≤ 1, clipped after every step (projected descent).

The network is 3-homogeneous: the widest margin in the box, and the largest target t that can be interpolated in it, are the least
‖θ‖_∞ at margin 1 and at target p, by a cube root.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from plugins.bounds.subject import Subject
from plugins.kernels.least_squares import Tangent, least_squares
from plugins.networks.written_down import Layers, fourier_network, outputs

SHARPNESS = 5.0, 300.0  # of the soft minimum over margins, in units of their mean: at first and at last
ENERGY = 0.1, 1e-5  # Σ residual² ÷ the number of positives, relative to target², that t may leave: at first and at last
GROWTH = 0.01  # by which t may change in a step, relative, at first
CLIMBING = 0.8  # share of the steps in which t changes
SLOWING = 0.01  # the last rate ÷ the first
POLISHING = 12, 1e-10  # Gauss-Newton steps at most, and the largest residual, relative to the target, with which they end

Inputs = Int[Array, "m 2"]
Answers = Bool[Array, "m p"]


def starts(subject: Subject, generator: np.random.Generator) -> dict[str, Layers]:
    """Where a search begins: at the run's network, and at a Fourier network with a little noise, where the width has room for it."""
    found = {"the run": (subject.W / subject.r, subject.V / subject.r)} if subject.r > 0 else {}
    if (fourier := repeated_fourier(subject.p, subject.h)) is not None:
        found["a Fourier network"] = tuple(np.clip(x + generator.uniform(-0.1, 0.1, x.shape), -1, 1) for x in fourier)  # type: ignore[assignment]
    return found


def repeated_fourier(p: int, h: int, constant: bool = False) -> Layers | None:
    """Appendix F's network of the frequencies 1 … (p−1)/2, as often as it fits into the width; None for even p or where it does not.

    Its margin is 2p for each time. constant: also a neuron that adds 2, for outputs of exactly 2p and 0 (Remark F.1 of Mohamadi et al.
    2024). Entries in [−1, 1]; neurons that are left over are 0.
    """
    times = h // (4 * (p - 1) + constant)
    if p % 2 == 0 or not times:
        return None
    W, V = fourier_network(p, range(1, (p + 1) // 2))
    if constant:
        s = 0.5 ** (1 / 3)  # (2s)² s = 2
        W, V = np.concatenate([W, np.full((2, p, 1), s)], axis=2), np.concatenate([V, np.full((1, p), s)])
    rest = h - times * V.shape[0]
    return np.pad(np.concatenate([W] * times, axis=2), ((0, 0), (0, 0), (0, rest))), np.pad(
        np.concatenate([V] * times), ((0, rest), (0, 0))
    )


def widest(start: Layers, pairs: Int[np.ndarray, "m 2"], steps: int, rate: float) -> Layers:
    """The network in the box with the widest margin on these pairs that descent on a soft minimum meets."""
    p = start[1].shape[1]
    right = jnp.asarray(pairs.sum(axis=1)[:, None] % p == np.arange(p))
    W, V = _widest(_single(start), jnp.asarray(pairs, jnp.int32), right, jnp.int32(steps), jnp.float32(rate))
    return np.asarray(W, np.float64), np.asarray(V, np.float64)


def interpolating(start: Layers, subject: Subject, steps: int, rate: float) -> Layers:
    """A network in the box that interpolates the subject's sample for a target as large as descent can make it, scaled to its target.

    The residual that is left is removed by Gauss-Newton steps: `Subject.miss` says how well.
    """
    right, asked = jnp.asarray(subject.right), jnp.asarray(subject.drawn > 0)
    theta, target = _climb(_single(start), jnp.asarray(subject.pairs, jnp.int32), right, asked, jnp.int32(steps), jnp.float32(rate))
    scale = float(subject.goal / target) ** (1 / 3)
    return polished((scale * np.asarray(theta[0], np.float64), scale * np.asarray(theta[1], np.float64)), subject)


def polished(layers: Layers, subject: Subject) -> Layers:
    """Layers near an interpolating network, made to interpolate the sample to rounding where Gauss-Newton steps can."""
    W, V = layers
    weights, (most, enough) = (subject.drawn > 0).astype(np.float64), POLISHING
    for _ in range(most):
        wanted = weights * (subject.goal * subject.right - outputs(W, V, subject.pairs))
        if np.abs(wanted).max() <= enough * subject.goal:
            break
        step = least_squares(Tangent(W, V, subject.pairs, weights), wanted, 1e-5, 300)
        W, V = W + step.W, V + step.V
    return W, V


def _single(layers: Layers) -> Any:
    return tuple(jnp.asarray(x, jnp.float32) for x in layers)


def _outputs(theta: Any, pairs: Inputs) -> Float[Array, "m p"]:
    W, V = theta
    return (W[0][pairs[:, 0]] + W[1][pairs[:, 1]]) ** 2 @ V


def _gaps(theta: Any, pairs: Inputs, right: Answers) -> Float[Array, "m p"]:
    """f_c − f_y, −∞ where c is y."""
    f = _outputs(theta, pairs)
    return jnp.where(right, -jnp.inf, f - jnp.sum(jnp.where(right, f, 0), axis=1, keepdims=True))


def _adam(gradient: Any, state: Any, theta: Any, rate: Any, progress: Any) -> tuple[Any, Any]:
    """(θ in the box, state) after a step of Adam whose rate falls by `SLOWING`."""
    moves, state = _ADAM.update(gradient, state)
    return jax.tree.map(lambda x, move: jnp.clip(x - rate * SLOWING**progress * move, -1, 1), theta, moves), state


_ADAM = optax.scale_by_adam(b1=0.9, b2=0.99)


def _between(ends: tuple[float, float], progress: Any) -> Any:
    """From the first to the last, geometrically."""
    return ends[0] * (ends[1] / ends[0]) ** jnp.minimum(progress, 1)


@jax.jit
def _widest(theta: Any, pairs: Inputs, right: Answers, steps: Int[Array, ""], rate: Float[Array, ""]) -> Any:
    def soft(theta: Any, sharpness: Any) -> tuple[Any, Any]:
        gaps = _gaps(theta, pairs, right)
        margins = -jnp.max(gaps, axis=1)
        return jax.nn.logsumexp(gaps * (sharpness / jax.lax.stop_gradient(jnp.maximum(jnp.mean(margins), 1e-3)))), jnp.min(margins)

    slope: Callable = jax.grad(soft, has_aux=True)

    def step(i: Any, carry: Any) -> Any:
        theta, state, best, widest = carry
        gradient, margin = slope(theta, _between(SHARPNESS, i / steps))
        best = jax.tree.map(lambda now, then: jnp.where(margin > widest, now, then), theta, best)
        theta, state = _adam(gradient, state, theta, rate, i / steps)
        return theta, state, best, jnp.maximum(margin, widest)

    return jax.lax.fori_loop(0, steps, step, (theta, _ADAM.init(theta), theta, jnp.float32(-jnp.inf)))[2]


@jax.jit
def _climb(theta: Any, pairs: Inputs, right: Answers, asked: Answers, steps: Int[Array, ""], rate: Float[Array, ""]) -> Any:
    """(θ, t): the residual of f/t is kept at what `ENERGY` allows, by changes of t."""
    positives = jnp.sum(right & asked)

    def energy(theta: Any, t: Any) -> Any:
        return jnp.sum(jnp.where(asked, _outputs(theta, pairs) / t - right, 0) ** 2) / positives

    def step(i: Any, carry: Any) -> Any:
        theta, state, t = carry
        progress = i / (CLIMBING * steps)
        size, gradient = jax.value_and_grad(energy)(theta, t)
        growth = GROWTH * jnp.clip(jnp.log(_between(ENERGY, progress) / size), -1, 1) * (1.05 - progress)
        theta, state = _adam(gradient, state, theta, rate, i / steps)
        return theta, state, t * jnp.exp(jnp.where(progress < 1, growth, 0))

    reached = jnp.sum(jnp.where(asked & right, _outputs(theta, pairs), 0)) / positives
    first = jnp.maximum(reached, 0.1 * right.shape[1])
    theta, _, t = jax.lax.fori_loop(0, steps, step, (theta, _ADAM.init(theta), first))
    return theta, t
