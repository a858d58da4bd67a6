"""How curved the training loss is: the largest eigenvalues of its Hessian, and their sum."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from framework import Context, Probe, field, register
from framework.interfaces import HINT
from framework.numbers import Number, euclidean_norm
from framework.pictures import INK
from framework.reading import columns_of, draw_panels

Product = Callable[[Float[Array, " n"]], Float[Array, " n"]]  # v → A v of a symmetric matrix

RANDOM_PART = 0.1  # of the start, beside a hint of length 1: what the hint lacks is found all the same
BLOCK = 5  # so many iterations are made before the residuals are looked at


@register("sharpness")
@dataclass(frozen=True, kw_only=True)
class Sharpness(Probe):
    """The top eigenvalues λ_1 ≥ λ_2 ≥ … of ∇²L, L the mean training loss without penalty, and its trace.

    Eigenvalues by Lanczos with full reorthogonalization and Hessian-vector products: no n × n matrix. top_1 is a lower
    bound; some eigenvalue lies within `residual` of it. The trace is Hutchinson's: the mean of v·∇²L v over vectors of
    ±1, with its standard error. The random vectors are the same at every event, so curves are smooth.
    Lanczos starts from what it found at the last event, with a tenth of a random vector added, so that what is new is seen: both
    find the same eigenvalues to `tolerance`, the later events in fewer iterations. It stops where the residuals of all recorded
    eigenvalues are below that, after a quarter of the iterations at the earliest; where it ends at `iterations` before, the
    residual says how far it came. State: the sum of the eigenvectors found last.
    Sources: Cohen et al. 2021 (gradient descent drives top_1 to 2/η); Hutchinson 1990.
    Not the Hessian of the objective: a max-entry penalty has none.
    """

    eigenvalues: int = field(3, "how many of the largest eigenvalues to record", at_least=1)
    iterations: int = field(40, "number of Lanczos iterations at most, each a Hessian-vector product", at_least=1)
    tolerance: float = field(1e-6, "residual, over the largest |eigenvalue|, that ends the iterations; 0: none does", at_least=0)
    samples: int = field(8, "number of random vectors for the trace; 0: no trace", at_least=0)

    def init(self, params: Any, context: Context) -> dict:
        """hint: nothing found yet."""
        return {HINT: jnp.zeros_like(ravel_pytree(params)[0])}

    def measure(self, params: Any, context: Context, state: dict) -> tuple[dict, dict]:
        """Scalars top_1, …, residual, trace, trace_error."""
        product, size = hessian_product(lambda params: context.task.mean_loss(context.module(params), context.splits.train), params)
        start, probes = jax.random.split(context.key)
        found = lanczos(product, size, start, self.eigenvalues, self.iterations, self.tolerance, state[HINT])
        values = {f"top_{i + 1}": value for i, value in enumerate(found.top)} | {"residual": found.residual}
        if self.samples:
            values["trace"], values["trace_error"] = hutchinson_trace(product, size, probes, self.samples)
        return values, {HINT: found.hint.astype(state[HINT].dtype)}

    def lighter(self) -> list[str]:
        """Fewer Hessian-vector products."""
        return [f"iterations={self.iterations // 2 or 1}", *(["samples=0"] if self.samples else [])]

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """The eigenvalues with the line at which gradient descent turns unstable, and the trace."""
        recorded = columns_of(run, name)
        tops = [f"{name}/top_{i + 1}" for i in range(self.eigenvalues)]
        panels = {"largest eigenvalues\nof the Hessian ∇²L": [column for column in tops if column in recorded]}
        panels |= {"trace of the\nHessian ∇²L": [f"{name}/trace"]} if f"{name}/trace" in recorded else {}
        panels = {label: columns for label, columns in panels.items() if columns}
        positive = [label for label, columns in panels.items() if all(np.all(run.series(column)[1] > 0) for column in columns)]
        axes = draw_panels(figure, run, panels, log=positive)
        limit = stability_limit(run.config.optimizer)
        if axes and limit:
            axes[0].axhline(limit[0], color=INK, linewidth=1, linestyle="--", label=f"{limit[1]} = {limit[0]:.4g}")
            axes[0].legend(frameon=False, fontsize=8, loc="best")


class Found(NamedTuple):
    """The largest eigenvalues in falling order, NaN where there are no more, and a bound on the error of the first."""

    top: Float[Array, " count"]
    residual: Float[Array, ""]
    hint: Float[Array, " n"]  # where to start next time: the sum of the eigenvectors of twice as many


class Space(NamedTuple):
    """An orthonormal basis q_0, q_1, … of the Krylov space, the next vector, and A in that basis: α on the diagonal, β beside it."""

    basis: Float[Array, "m n"]
    before: Float[Array, " n"]  # the last vector of the basis, whose row is not read: that would copy the whole at every iteration
    q: Float[Array, " n"]
    alpha: Float[Array, " m"]
    beta: Float[Array, " m"]
    scale: Float[Array, ""]  # the largest of them so far
    closed: Bool[Array, ""]  # whether a new random vector was ever needed


class Pairs(NamedTuple):
    """Eigenvalues of the tridiagonal matrix in falling order, its eigenvectors, and how well each solves A u = λ u."""

    values: Float[Array, " m"]
    vectors: Float[Array, "m m"]
    residuals: Float[Array, " m"]


def hessian_product(loss: Callable[[Any], Float[Array, ""]], params: Any) -> tuple[Product, int]:
    """(v → ∇²loss(params) v on flat vectors, their length): the derivative of the gradient, whose own part is computed once."""
    flat, unravel = ravel_pytree(params)
    _, product = jax.linearize(jax.grad(lambda flat: loss(unravel(flat))), flat)
    return product, flat.size


def largest_eigenvalues(
    product: Product, size: int, key: PRNGKeyArray, count: int, iterations: int
) -> tuple[Float[Array, " count"], Float[Array, ""]]:
    """(the largest eigenvalues in falling order, NaN beyond `size`; a bound on the error of the first)."""
    found = lanczos(product, size, key, count, iterations)
    return found.top, found.residual


def lanczos(
    product: Product,
    size: int,
    key: PRNGKeyArray,
    count: int,
    iterations: int,
    tolerance: Number = 0.0,
    hint: Float[Array, " n"] | None = None,
) -> Found:
    """Lanczos: an orthonormal basis of the Krylov space of a random vector, in which the matrix is tridiagonal.

    Each new vector is made orthogonal to all before it. Where the space closes, it goes on with a new random vector. It ends early
    where the residuals of the `count` largest are at most `tolerance` times the largest |entry|, unless the space has closed, which
    hides how often an eigenvalue occurs. hint: a vector near which to begin; 0 for none.
    """
    steps, least = min(iterations, size), max(iterations // 4, 2 * count)
    first, fresh = jax.random.split(key)
    q = _unit(jax.random.normal(first, (size,), jnp.result_type(float)))
    q = q if hint is None else _unit(_unit(hint) + RANDOM_PART * q)
    zeros = jnp.zeros(steps, q.dtype)
    space = Space(jnp.zeros((steps, size), q.dtype), jnp.zeros_like(q), q, zeros, zeros, jnp.zeros((), q.dtype), jnp.bool(False))

    def go_on(carry: tuple[Int[Array, ""], Space, Pairs]) -> Any:
        made, space, pairs = carry
        enough = jnp.all(pairs.residuals[:count] <= tolerance * space.scale) & (made >= least) & ~space.closed
        return (made < steps) & ((made == 0) | ~enough)

    def block(carry: tuple[Int[Array, ""], Space, Pairs]) -> tuple[Int[Array, ""], Space, Pairs]:
        made, space, _ = carry
        end = jnp.minimum(made + BLOCK, steps)
        space = jax.lax.fori_loop(made, end, lambda i, space: _iteration(product, fresh, i, space), space)
        return end, space, _pairs(space, end)

    nothing = Pairs(zeros, jnp.zeros((steps, steps), q.dtype), zeros)
    _, space, pairs = jax.lax.while_loop(go_on, block, (jnp.int32(0), space, nothing))
    top = jnp.full(count, jnp.nan, q.dtype).at[: min(count, steps)].set(pairs.values[:count])
    eigenvectors = jnp.sum(pairs.vectors[:, : 2 * count], axis=1) @ space.basis
    return Found(top, pairs.residuals[0], jnp.where(jnp.all(jnp.isfinite(eigenvectors)), eigenvectors, 0))


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


def _iteration(product: Product, fresh: PRNGKeyArray, i: Int[Array, ""], space: Space) -> Space:
    """One product, and the next vector of the basis."""
    q = space.q
    basis = space.basis.at[i].set(q)
    w = product(q)
    alpha = q @ w
    w = w - alpha * q - space.beta[i - 1] * space.before  # at 0 both are 0
    w = _orthogonal(w, basis)
    length = euclidean_norm(w)
    scale = jnp.maximum(space.scale, jnp.maximum(jnp.abs(alpha), length))
    closed = length <= 10 * jnp.finfo(w.dtype).eps * scale

    def other() -> Array:
        v = jax.random.normal(jax.random.fold_in(fresh, i), w.shape, w.dtype)
        return _unit(_orthogonal(_orthogonal(v, basis), basis))

    following = jax.lax.cond(closed, other, lambda: w / length)
    beta = space.beta.at[i].set(jnp.where(closed, 0, length))
    return Space(basis, q, following, space.alpha.at[i].set(alpha), beta, scale, space.closed | closed)


def _pairs(space: Space, made: Int[Array, ""]) -> Pairs:
    """The eigenpairs after so many iterations; what is not made yet stands last."""
    known = jnp.arange(len(space.alpha)) < made
    safe = jnp.where(space.scale > 0, space.scale, 1)
    diagonal = jnp.where(known, space.alpha / safe, -4)  # below all others, which are −3 at least (Gershgorin)
    beside = jnp.where(known[1:], space.beta[:-1] / safe, 0)
    values, vectors = jnp.linalg.eigh(jnp.diag(diagonal) + jnp.diag(beside, 1) + jnp.diag(beside, -1))
    values, vectors = values[::-1] * safe, vectors[:, ::-1]
    return Pairs(values, vectors, jnp.abs(space.beta[made - 1] * vectors[made - 1]))


def _unit(v: Float[Array, " n"]) -> Float[Array, " n"]:
    length = euclidean_norm(v)
    return v / jnp.where(length > 0, length, 1)


def _orthogonal(v: Float[Array, " n"], basis: Float[Array, "m n"]) -> Float[Array, " n"]:
    """v without its parts along the rows of the basis."""
    return v - (basis @ v) @ basis
