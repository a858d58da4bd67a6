"""The empirical tangent kernel: the kernel itself, how far it moved, and its spectrum."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from framework import Context, field, register
from framework.errors import FieldError, UserError
from framework.fields import evaluate
from framework.interfaces import rows_in
from framework.pictures import tidy
from framework.reading import columns_of, draw_lines, draw_panels, finish, fitted_step, last_value, moments, value_from
from framework.reading.probe_pictures import Panels
from plugins.kernels.closed_form import QuadraticWeights, block_of_rows, quadratic_kernel
from plugins.kernels.dense_drift import is_cheaper, squared_norms_of_few
from plugins.kernels.gram_drift import squared_norms
from plugins.kernels.jacobians import (
    MEMORY,
    OUTPUTS,
    as_points,
    blockwise,
    check_size,
    in_float64,
    network_in_float64,
    number_of_outputs,
    split_network,
)
from plugins.kernels.spectrum import alignment, centered, effective_rank, participation
from plugins.kernels.structured import size_of_a_point, structured_drift, structured_kernel
from plugins.mathematics.points import ProbeAtPoints, points_of, subset
from plugins.networks.quadratic import QuadraticNetwork


@register("ntk_drift")
@dataclass(frozen=True, kw_only=True)
class NTKDrift(ProbeAtPoints):
    """‖Θ_t − Θ_0‖_F, the same relative to ‖Θ_0‖_F, and ⟨Θ_t, Θ_0⟩ / ‖Θ_t‖ ‖Θ_0‖, of the empirical tangent kernel.

    Θ(x, x') = ∇_θ f(θ; x) ∇_θ f(θ; x')ᵀ (figures 1, 2 and 5 of Mohamadi et al. 2024 draw `absolute`). In float64, and
    exact for the quadratic network at any number of points; for others O(points²) in bounded memory. For the regression
    task the points of first, sum and all are the distinct (a_1, …, a_k) of the split, and "all" on the population is
    the kernel of g(θ; (a, c)) = f_c(θ; a) on all (k+1)-tuples; "own" is the kernel of g on the split's tuples, or of
    the right answer's logit in classification. Not how far the parameters moved: see parameter_drift. State: the
    reference parameters, and the step at which they were taken.
    """

    outputs: str = field("first", "f_0, the sum over all outputs / sqrt(p), all p, or each point's own", choices=OUTPUTS)
    points: str = field("train", "train, test, population, or a number of random points", expression=True)
    reference: str = field("initial", "Θ_0: initial (step 0), previous (event), or a step: the first event from it on", expression=True)

    compiled = False
    answers = "how far the tangent kernel moved"

    def __post_init__(self) -> None:
        """Also checks the reference."""
        super().__post_init__()
        reference_step(self.reference)

    def init(self, params: Any, context: Context) -> dict:
        """params: the reference; taken: since when it is that, −1 while the step of `reference` is still to come."""
        return {"params": params, "taken": jnp.int32(-1 if reference_step(self.reference) else 0)}

    def measure(self, params: Any, context: Context, state: dict) -> tuple[dict, dict]:
        """Scalars absolute, relative, cosine; NaN before the reference is taken, from which on they start at 0, 0 and 1."""
        step = int(context.step)
        due = state["taken"] < 0 and step >= reference_step(self.reference)
        reference = {"params": params, "taken": np.int32(step)} if due else state
        following = {"params": params, "taken": np.int32(step)} if self.reference == "previous" else reference
        if reference["taken"] < 0:
            return dict.fromkeys(Drift._fields, np.nan), following
        x, _ = points_of(context, self.points, self.outputs)
        drift = ntk_drift(context.module(params), context.module(reference["params"]), x, self.outputs)
        return drift._asdict(), following

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """The change on log axes, absolute and relative, and the cosine."""
        curves = {
            "change of the NTK\n" r"$\|\Theta_t - \Theta_0\|$": "absolute",
            "relative change of the NTK\n" r"$\|\Theta_t - \Theta_0\| \,/\, \|\Theta_0\|$": "relative",
            "cosine between the\nNTK then and now": "cosine",
        }
        recorded = columns_of(run, name)
        panels: Panels = {label: [f"{name}/{q}"] for label, q in curves.items() if f"{name}/{q}" in recorded}
        draw_panels(figure, run, panels, log=list(curves)[:2])

    def says(self, run: Any, name: str) -> list[str]:
        """How far the kernel is from its reference when the training set is fitted, and at the end."""
        fitted, column = fitted_step(run), f"{name}/relative"
        places = {"when it had fitted": None if fitted is None else value_from(run, column, fitted), "at the end": last_value(run, column)}
        far = [f"by {100 * value:.3g} % of its size {words}" for words, value in places.items() if value is not None]
        return [f"Its tangent kernel had moved {' and '.join(far)} (reference: {self.reference})."] if far else []


@register("ntk_spectrum")
@dataclass(frozen=True, kw_only=True)
class NTKSpectrum(ProbeAtPoints):
    """Eigenvalues λ of the empirical tangent kernel, how many of them matter, and how well it fits the labels.

    effective_rank = exp(−Σ q log q) with q = λ/Σλ; participation = (Σλ)²/Σλ²; alignment = ⟨K, YYᵀ⟩ / ‖K‖ ‖YYᵀ‖, and the
    same of the centered HKH, HYYᵀH with H = 1 − 11ᵀ/n (Cortes et al. 2012). Y has a row for each row of K: the one-hot
    label for first and sum, so that YYᵀ = 1[y=y'], or where targets are values these; the entries of that for all; the target for own.
    Points and outputs as for ntk_drift. Not the Hessian's spectrum: see sharpness. In float64. No state.
    """

    outputs: str = field("first", "f_0, the sum over all outputs / sqrt(p), all p, or each point's own", choices=OUTPUTS)
    points: str = field("train", "train, test, population, or a number of random points", expression=True)
    max_rows: int = field(1024, "rows of the matrix (points, times p for all) beyond which points are drawn at random", at_least=2)

    compiled = False

    def measure(self, params: Any, context: Context, state: tuple) -> tuple[dict, tuple]:
        """Array eigenvalues [rows], descending; scalars effective_rank, participation, alignment, alignment_centered, rows."""
        p = context.task.sizes.outputs
        per_point = p if self.outputs == "all" else 1
        x, y = subset(*points_of(context, self.points, self.outputs), self.max_rows // per_point or 1, context.key)
        with jax.enable_x64(True):
            K = np.asarray(as_matrix(empirical_ntk(network_in_float64(context.module(params)), x, outputs=self.outputs)))
        Y = y if y.ndim > 1 else y[:, None] if self.outputs == "own" else np.eye(p)[y]
        Y = Y.reshape(-1, 1) if self.outputs == "all" else Y
        eigenvalues = np.linalg.eigvalsh(K)[::-1]
        values = {"eigenvalues": eigenvalues, "rows": len(K)}
        values |= {"effective_rank": effective_rank(eigenvalues), "participation": participation(eigenvalues)}
        target = Y @ Y.T
        return values | {"alignment": alignment(K, target), "alignment_centered": alignment(centered(K), centered(target))}, state

    def lighter(self) -> list[str]:
        """A smaller matrix: the eigenvalues take time of the third power."""
        return [f"max_rows={self.max_rows // 2}", *super().lighter()]

    def draw(self, figure: Any, run: Any, name: str) -> None:
        """Eigenvalues by rank on log axes at a few events, darker with time, and the scalars against steps."""
        found = run.arrays(f"{name}/eigenvalues")
        if not found:
            return
        figure.set_size_inches(11, 6)
        spectrum, *others = figure.subplots(2, 2).flat
        words = {"effective_rank": "effective rank of the NTK", "participation": "participation ratio\nof its eigenvalues"}
        words |= {"alignment": "alignment of the NTK\nwith the labels"}
        for panel, (word, label) in zip(others, words.items(), strict=True):
            draw_lines(panel, run, [f"{name}/{word}"])
            panel.set_ylabel(label)
            panel.set_xlabel("step")
            finish(panel, run)
        steps = moments(run, sorted(found), 5)
        for place, step in enumerate(steps):
            positive = found[step][found[step] > 0]
            shade = str(0.8 * (1 - place / max(len(steps) - 1, 1)))
            spectrum.loglog(np.arange(1, len(positive) + 1), positive, color=shade, linewidth=1.4, label=f"step {step:,}")
        spectrum.set_xlabel("rank of the eigenvalue")
        spectrum.set_ylabel("eigenvalue of the NTK")
        tidy(spectrum)
        spectrum.legend(frameon=False, fontsize=8, loc="lower left")


class Drift(NamedTuple):
    """How far a kernel moved, in float64: Frobenius norm of the change, divided by that of the old one, and the cosine."""

    absolute: np.float64
    relative: np.float64
    cosine: np.float64


def empirical_ntk(
    net: nnx.Module,
    x1: Any,
    x2: Any = None,
    outputs: str = "first",
    *,
    block: int = 0,
    closed_form: bool = True,
) -> Float[Array, "n1 columns ..."]:
    """Θ(x, x') = ∇_θ f(θ; x) ∇_θ f(θ; x')ᵀ for inputs x1, such as tokens [n1, k], and x2 (x1 if None), in the network's precision.

    outputs: "first", the kernel of f_0 [n1, n2]; "sum", (1/p) Σ_cc' Θ_cc' [n1, n2]; "all" [n1, n2, p, p]; "own" [n1, n2] for
    points [n, k+1] whose last column c says which f_c is meant: regression; where they are numbers, (inputs, c). Computed in blocks
    of `block` points (0: as many as fit in 256 MiB); shape and values do not depend on it, except for rounding. closed_form: use the
    quadratic network's formula; other networks have none, and take what their layers are made of.
    """
    _check_outputs(outputs)
    graph, parts = split_network(net)
    x1 = as_points(x1)
    x2 = x1 if x2 is None else as_points(x2)
    rows, columns = rows_in(x1), rows_in(x2)
    known = _quadratic(net) if closed_form else None
    per_point = number_of_outputs(graph, parts, x1, outputs)
    check_size(rows * per_point, columns * per_point, jnp.result_type(float).itemsize, outputs)
    with jax.default_matmul_precision("highest"):
        if known:
            weights, degree, scale = known
            block = min(block or block_of_rows(weights, outputs, MEMORY), max(rows, columns))
            K = _closed_kernel(weights, x1, x2, degree, outputs, block)
            K = K if scale == 1 else scale**2 * K
        else:
            K = _structured_kernel(graph, parts, x1, x2, outputs, block)
    return K if outputs == "all" else K[:, :, 0, 0]


def ntk_drift(
    net: nnx.Module,
    net0: nnx.Module,
    x: Any,
    outputs: str = "first",
    *,
    block: int = 0,
    closed_form: bool = True,
) -> Drift:
    """‖Θ_t − Θ_0‖_F, the same over ‖Θ_0‖_F, and the cosine of the two kernels of the networks at points x.

    outputs, block, closed_form: as for empirical_ntk. For the quadratic network exact from h×h Gram matrices in O(n h²), for
    any number of summands, any degree, and all p outputs at once, or from n×n matrices where there are fewer points than
    neurons; for others by blocks, O(n²) in bounded memory. In float64 whatever the networks' precision, and from differences
    of the parameters rather than of the kernels: right where the change is far below what float32 can tell. Not for use
    inside compiled functions.
    """
    _check_outputs(outputs)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        (graph, parts), (_, parts0) = (split_network(n) for n in (net, net0))
        parts, parts0 = in_float64(parts), in_float64(parts0)
        new, old = (_quadratic(n) if closed_form else None for n in (net, net0))
        if new and old:
            if new[1:] != old[1:]:
                raise UserError("the drift is that of one network: these differ in degree or in scaling, not only in parameters")
            two = in_float64((new[0], old[0]))
            of = squared_norms_of_few if is_cheaper(len(x), two, outputs) else squared_norms
            squares = of(two, np.asarray(x, np.int32), new[1], outputs)
            squares = squares * new[2] ** 4  # kernels are quadratic in the outputs
        else:
            points = as_points(x)
            rows = rows_in(points) * number_of_outputs(graph, parts, points, outputs)
            check_size(rows, rows, 8, outputs)
            squares = structured_drift(graph, parts, parts0, points, outputs, block)
        change, new_norm, old_norm = np.sqrt(np.asarray(squares, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):  # a kernel that is zero: NaN or infinity, recorded as null
        cosine = (new_norm**2 + old_norm**2 - change**2) / (2 * new_norm * old_norm)
        return Drift(change, change / old_norm, cosine)


def as_matrix(K: Float[Array, "n1 n2 *pp"]) -> Float[Array, "rows columns"]:
    """A kernel as a matrix: for all outputs [n1·p, n2·p], row x·p + c."""
    return K if K.ndim == 2 else K.transpose(0, 2, 1, 3).reshape(K.shape[0] * K.shape[2], -1)


def reference_step(reference: str) -> int:
    """The step from which on a reference is taken: 0 for "initial" and "previous". Raises FieldError for other words."""
    if reference in ("initial", "previous"):
        return 0
    try:
        step = evaluate(reference, {})
    except ValueError:
        step = -1
    if step < 0:
        raise FieldError("reference", reference, 'must be "initial", "previous" or a step')
    return step


@partial(jax.jit, static_argnames=("degree", "outputs", "block"))
def _closed_kernel(weights: QuadraticWeights, x1: Any, x2: Any, degree: int, outputs: str, block: int) -> Any:
    return blockwise(quadratic_kernel(weights, degree, outputs), x1, x2, block)


@partial(jax.jit, static_argnames=("graph", "outputs", "block"))
def _structured_kernel(graph: nnx.GraphDef, parts: Any, x1: Any, x2: Any, outputs: str, block: int) -> Any:
    block = min(block or size_of_a_point(graph, parts, x1, outputs).points_in_a_block(copies=4), max(rows_in(x1), rows_in(x2)))
    return blockwise(structured_kernel(graph, parts, outputs), x1, x2, block)


def _quadratic(net: nnx.Module) -> tuple[QuadraticWeights, int, float] | None:
    """(weights, degree, what the outputs are multiplied by) of a network whose kernel is known in closed form.

    Not of one whose summands share their weights: there each entry of W has gradients from all of them.
    """
    if type(net) is not QuadraticNetwork or net.summands:
        return None
    return QuadraticWeights(jnp.asarray(net.W[...]), jnp.asarray(net.V[...])), net.degree, float(net.scale)


def _check_outputs(outputs: str) -> None:
    if outputs not in OUTPUTS:
        raise UserError(f"outputs = {outputs!r}: must be one of {', '.join(OUTPUTS)}")
