"""How curved the training loss is: the largest eigenvalues of its Hessian, and their sum."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray

from framework import Context, Probe, field, register
from framework.numbers import euclidean_norm
from framework.pictures import INK
from framework.reading import columns_of, draw_panels

Product = Callable[[Float[Array, " n"]], Float[Array, " n"]]  # v → A v of a symmetric matrix


@register("sharpness")
@dataclass(frozen=True, kw_only=True)
class Sharpness(Probe):
    """The top eigenvalues λ_1 ≥ λ_2 ≥ … of ∇²L, L the mean training loss without penalty, and its trace.

    Eigenvalues by Lanczos with full reorthogonalization and Hessian-vector products: no n × n matrix. top_1 is a lower
    bound; some eigenvalue lies within `residual` of it. The trace is Hutchinson's: the mean of v·∇²L v over vectors of
    ±1, with its standard error. The random vectors are the same at every event, so curves are smooth.
    No state. Sources: Cohen et al. 2021 (gradient descent drives top_1 to 2/η); Hutchinson 1990.
    Not the Hessian of the objective: a max-entry penalty has none.
    """

    eigenvalues: int = field(3, "how many of the largest eigenvalues to record", at_least=1)
    iterations: int = field(40, "number of Lanczos iterations, each a Hessian-vector product", at_least=1)
    samples: int = field(8, "number of random vectors for the trace; 0: no trace", at_least=0)

    def measure(self, params: Any, context: Context, state: tuple) -> tuple[dict, tuple]:
        """Scalars top_1, …, residual, trace, trace_error."""
        product, size = hessian_product(lambda params: context.task.mean_loss(context.module(params), context.splits.train), params)
        start, probes = jax.random.split(context.key)
        top, residual = largest_eigenvalues(product, size, start, self.eigenvalues, self.iterations)
        values = {f"top_{i + 1}": value for i, value in enumerate(top)} | {"residual": residual}
        if self.samples:
            values["trace"], values["trace_error"] = hutchinson_trace(product, size, probes, self.samples)
        return values, state

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """The eigenvalues with the line at which gradient descent turns unstable, and the trace."""
        recorded = columns_of(run, name)
        tops = [f"{name}/top_{i + 1}" for i in range(self.eigenvalues)]
        panels = {"eigenvalues of ∇²L": [column for column in tops if column in recorded]}
        panels |= {"trace of ∇²L": [f"{name}/trace"]} if f"{name}/trace" in recorded else {}
        panels = {label: columns for label, columns in panels.items() if columns}
        positive = [label for label, columns in panels.items() if all(np.all(run.series(column)[1] > 0) for column in columns)]
        axes = draw_panels(figure, run, panels, log=positive)
        limit = stability_limit(run.config.optimizer)
        if axes and limit:
            axes[0].axhline(limit[0], color=INK, linewidth=1, linestyle="--", label=f"{limit[1]} = {limit[0]:.4g}")
            axes[0].legend(frameon=False, fontsize=8, loc="best")


def hessian_product(loss: Callable[[Any], Float[Array, ""]], params: Any) -> tuple[Product, int]:
    """(v → ∇²loss(params) v on flat vectors, their length): a derivative of the gradient along v."""
    flat, unravel = ravel_pytree(params)
    gradient = jax.grad(lambda flat: loss(unravel(flat)))
    return lambda v: jax.jvp(gradient, (flat,), (v,))[1], flat.size


def largest_eigenvalues(
    product: Product, size: int, key: PRNGKeyArray, count: int, iterations: int
) -> tuple[Float[Array, " count"], Float[Array, ""]]:
    """(the largest eigenvalues in falling order, NaN beyond `size`; a bound on the error of the first).

    Lanczos: an orthonormal basis q_1, q_2, … of the Krylov space, in which the matrix is tridiagonal; each new vector is
    made orthogonal to all before it, twice. Where the space closes, it goes on with a new random vector.
    """
    steps = min(iterations, size)
    first, fresh = jax.random.split(key)
    dtype = jnp.result_type(float)
    q = _unit(jax.random.normal(first, (size,), dtype))

    def step(i: Array, carry: tuple) -> tuple:
        basis, q, alpha, beta, scale = carry
        basis = basis.at[i].set(q)
        w = product(q)
        alpha = alpha.at[i].set(q @ w)
        w = _orthogonal(w, basis)
        length = euclidean_norm(w)
        scale = jnp.maximum(scale, jnp.maximum(jnp.abs(alpha[i]), length))
        closed = length <= 10 * jnp.finfo(dtype).eps * scale
        other = _unit(_orthogonal(jax.random.normal(jax.random.fold_in(fresh, i), (size,), dtype), basis))
        beta = beta.at[i].set(jnp.where(closed, 0, length))
        q = jnp.where(closed, other, _unit(_orthogonal(w / jnp.where(closed, 1, length), basis)))
        return basis, q, alpha, beta, scale

    zeros = jnp.zeros(steps, dtype)
    start = jnp.zeros((steps, size), dtype), q, zeros, zeros, jnp.zeros((), dtype)
    _, _, alpha, beta, _ = jax.lax.fori_loop(0, steps, step, start)
    scale = jnp.maximum(jnp.max(jnp.abs(alpha)), jnp.max(beta))
    safe = jnp.where(scale > 0, scale, 1)
    tridiagonal = (jnp.diag(alpha) + jnp.diag(beta[:-1], 1) + jnp.diag(beta[:-1], -1)) / safe
    values, vectors = jnp.linalg.eigh(tridiagonal)
    top = jnp.full(count, jnp.nan, dtype).at[: min(count, steps)].set(values[::-1][:count] * safe)
    return top, jnp.abs(beta[-1] * vectors[-1, -1])


def hutchinson_trace(product: Product, size: int, key: PRNGKeyArray, samples: int) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """(mean of v·Av over vectors v of ±1, its standard error; NaN for a single vector)."""
    dtype = jnp.result_type(float)

    def one(key: PRNGKeyArray) -> Float[Array, ""]:
        v = jax.random.rademacher(key, (size,), dtype)
        return v @ product(v)

    found = jax.lax.map(one, jax.random.split(key, samples))
    spread = jnp.sqrt(jnp.sum((found - jnp.mean(found)) ** 2) / (samples - 1 or jnp.nan) / samples)
    return jnp.mean(found), spread


def stability_limit(optimizer: Any) -> tuple[float, str] | None:
    """(2/η, "2/η") of an optimizer's config, (2 + 2μ)/η with heavy-ball momentum μ; None without a learning_rate.

    On a quadratic, gradient descent diverges where an eigenvalue exceeds it (Cohen et al. 2021). For optimizers that
    rescale the gradient it is not a limit, only a scale.
    """
    if "learning_rate" not in optimizer:
        return None
    rate, momentum = optimizer.learning_rate, 0.0 if optimizer.get("nesterov") else optimizer.get("momentum", 0.0)
    word = "(2 + 2μ)/η" if momentum else "2/η"
    return (2 + 2 * momentum) / rate, word if optimizer.name in ("gd", "sgd") else f"{word}, of plain gradient descent"


def _unit(v: Float[Array, " n"]) -> Float[Array, " n"]:
    length = euclidean_norm(v)
    return v / jnp.where(length > 0, length, 1)


def _orthogonal(v: Float[Array, " n"], basis: Float[Array, "m n"]) -> Float[Array, " n"]:
    """v without its parts along the rows of the basis; once more, for what rounding left."""
    for _ in range(2):
        v = v - (basis @ v) @ basis
    return v
