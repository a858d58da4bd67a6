"""What a kernel method with the network's tangent kernel would answer: training without learning features."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Num

from framework import Context, Probe, field, register
from framework.pictures import INK, finite
from framework.reading import columns_of, draw_lines, finish
from plugins.kernels.jacobians import Parts, as_points, chosen_outputs, network_in_float64, split_network, tokens_of
from plugins.losses.square import Square
from plugins.mathematics.points import subset
from plugins.probes.ntk import as_matrix, empirical_ntk

WHEN = ("initial", "present")


@register("kernel_regression")
@dataclass(frozen=True, kw_only=True)
class KernelRegression(Probe):
    """Loss and accuracy of kernel regression with the tangent kernel of θ_0 ("initial") and of θ_t ("present").

    The method fits the training examples by least squares from f(θ_0) or f(θ_t), see `kernel_regression`: the labels as
    one-hot vectors, or the regression task's (k+1)-tuples. `initial` is where training in the kernel regime would end
    (section 3 of Mohamadi et al. 2024); `present`, what is in the features by now. Judged by the task's own metrics with the
    square loss, the one that the lower bounds for kernel methods are about. The matrix has one row per training tuple, or p
    rows per training input; beyond `max_rows`, the method gets as many examples as fit, drawn at random once, and `rows` says
    how many rows it got. Memory: about 3·8·max_rows² bytes, 100 MB at 2,048. In float64. State: θ_0.
    """

    schedule: str = field("at 0+log 2", "when to measure: each event solves two systems of max_rows equations")
    max_rows: int = field(2048, "rows of the kernel matrix: training tuples, or training inputs times p", at_least=1)
    ridge: float = field(0.0, "number added to the eigenvalues of the kernel; 0: the pseudo-inverse", at_least=0)

    compiled = False

    def init(self, params: Any, context: Context) -> Any:
        """θ_0."""
        return params

    def measure(self, params: Any, context: Context, state: Any) -> tuple[dict, Any]:
        """Scalars WHEN/SPLIT_QUANTITY, such as initial/test_accuracy, and rows."""
        split = jax.tree.map(jnp.asarray, context.splits.train)
        x, y = jax.tree.map(np.asarray, (split.inputs, split.targets))
        per_point = 1 if _outputs_for(y) == "own" else context.task.sizes.outputs
        x, y = subset(x, y, self.max_rows // per_point or 1, context.key)
        judge = context.task.with_loss(Square())
        values: dict[str, Any] = {"rows": len(y) * per_point}
        with jax.enable_x64(True):
            splits = jax.tree.map(jnp.asarray, context.splits)
            for when, at in zip(WHEN, (state, params), strict=True):
                method: Any = fit(context.module(at), x, y, self.ridge)
                found = judge.metrics(method, splits)
                values |= {f"{when}/{name.replace('/', '_')}": value for name, value in jax.device_get(found).items()}
        return values, state

    def lighter(self) -> list[str]:
        """A smaller matrix: the systems take time of the third power."""
        return [f"max_rows={self.max_rows // 2}"]

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """On the test set, with the kernel of step 0 and with the present one: accuracy, the network's own beside it, and loss."""
        headline, recorded = run.experiment.task.headline, columns_of(run, name)
        panels = [[c for k in ("initial", "present") if (c := f"{name}/{k}/test_{q}") in recorded] for q in (headline, "loss")]
        if not all(panels):
            return
        figure.set_size_inches(8, 5.4)
        for axes, columns, quantity in zip(figure.subplots(2, 1, sharex=True), panels, (headline, "loss"), strict=True):
            draw_lines(axes, run, columns)
            for line, kernel in zip(axes.lines, ("kernel of step 0", "present kernel"), strict=False):
                line.set_label(kernel)
            if quantity == headline:
                steps, values = run.series(f"test/{headline}")
                axes.plot(np.maximum(steps, 0.5), finite(values), color=INK, linewidth=1.2, label="the network")
            axes.set_ylabel(f"test {quantity.replace('_', ' ')}")
            finish(axes, run)
        axes.set_xlabel("step")


class Linearized(NamedTuple):
    """f(θ_0; x) + J_0(x) δ: a network as a linear function of its parameters, moved by δ. Called on inputs, such as tokens [n, k]."""

    graph: nnx.GraphDef
    parts: Parts
    change: Any  # δ, shaped as the parameters

    def __call__(self, inputs: Any) -> Float[Array, "n p"]:
        """All outputs, in float64."""
        return _linearized(self.graph, self.parts, self.change, inputs)


def kernel_regression(
    net: nnx.Module,
    x_train: Any,
    y_train: Num[Array | np.ndarray, "n ..."],
    x: Any,
    ridge: float = 0.0,
) -> Float[Array, "n2 ..."]:
    """f_0(x) + K(x, X) (K(X, X) + ridge)† (y − f_0(X)) with the tangent kernel of `net`, and f_0 the network itself.

    x_train, x: inputs, such as tokens [n, k]; y_train: labels [n], read as one-hot vectors, or values [n, p]. np equations with the
    kernel of all outputs; returns [n2, p]. Regression on tuples [n, k+1]: y_train float [n], the value of the output that the last
    column names (p · 1[Σ a_i ≡ c]); n equations; returns [n2].
    In float64 whatever the network's precision, in which the result is returned. Eigenvalues below rows · 2⁻⁵² · the largest
    count as zero, unless there is a ridge. Not for use inside compiled functions.
    """
    dtype = jnp.result_type(*(leaf for leaf in jax.tree.leaves(split_network(net)[1][0])))
    with jax.enable_x64(True):
        points = as_points(x)
        outputs = _outputs_for(y_train)
        f = fit(net, x_train, y_train, ridge)(tokens_of(points, outputs))
        f = chosen_outputs(f, points, outputs)
        result = f if outputs == "all" else f[:, 0]
        return result.astype(dtype)


def fit(net: nnx.Module, x: Any, y: Num[Array | np.ndarray, "n ..."], ridge: float = 0.0) -> Linearized:
    """The linearized network that fits the examples with the least ‖δ‖₂: kernel regression, without a test kernel.

    With w = K(X, X)† (y − f_0(X)) it is moved by δ = J(X)ᵀ w, so that J(x) δ = K(x, X) w: predictions cost one forward pass.
    Arguments as for kernel_regression.
    """
    outputs = _outputs_for(y)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        net = network_in_float64(net)
        graph, parts = split_network(net)
        points = as_points(x)

        def answers(params: Any) -> Any:
            f = nnx.merge(graph, params, parts[1])(tokens_of(points, outputs))
            return chosen_outputs(f, points, outputs)

        f0, pull_back = jax.vjp(answers, parts[0])
        K = np.asarray(as_matrix(empirical_ntk(net, points, outputs=outputs)))
        weights = solve(K, np.asarray(_values(y, f0.shape) - f0).ravel(), ridge)
        (change,) = pull_back(jnp.asarray(weights).reshape(f0.shape))
        return Linearized(graph, parts, change)


def solve(K: Float[np.ndarray, "n n"], y: Float[np.ndarray, " n"], ridge: float = 0.0) -> Float[np.ndarray, " n"]:
    """(K + ridge)† y for a symmetric, positive semidefinite K, on the host in float64."""
    eigenvalues, vectors = np.linalg.eigh(K)
    eigenvalues = eigenvalues + ridge
    kept = eigenvalues > len(K) * np.finfo(np.float64).eps * max(eigenvalues[-1], 0)
    vectors = vectors[:, kept]
    return vectors @ (vectors.T @ y / eigenvalues[kept])


def _outputs_for(y: Any) -> str:
    """Floats [n] belong to one output per point: regression. Labels [n] and values [n, p] to all."""
    return "own" if y.ndim == 1 and jnp.issubdtype(y.dtype, jnp.floating) else "all"


def _values(y: Any, shape: tuple[int, ...]) -> Any:
    if jnp.issubdtype(y.dtype, jnp.integer) and y.ndim == 1:
        return jax.nn.one_hot(jnp.asarray(y), shape[1], dtype=jnp.float64)
    return jnp.asarray(y, jnp.float64).reshape(shape)


@partial(jax.jit, static_argnums=0)
def _linearized(graph: nnx.GraphDef, parts: Parts, change: Any, inputs: Any) -> Any:
    def outputs(params: Any) -> Any:
        return nnx.merge(graph, params, parts[1])(inputs)

    f0, moved = jax.jvp(outputs, (parts[0],), (change,))
    return f0 + moved
