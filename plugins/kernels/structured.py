"""Tangent kernels of any network from what its layers are made of: no Jacobian of a large parameter is formed.

Where a layer multiplies data a by a parameter, ∂f/∂W = Σ_t a_t ⊗ δ_t with δ_t = ∂f/∂z_t at its places t, and two points have

    Θ_W(x, x') = Σ_tt' (a_t · a'_t') (δ_t · δ'_t')

(Novak, Sohl-Dickstein and Schoenholz 2022, section 3.3). Parameters that enter otherwise, such as gains, have their gradients
written out.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from framework.interfaces import rows_in
from plugins.kernels.jacobians import MEMORY, Parts, answers, at, in_blocks
from plugins.kernels.linear_maps import Found, Group, LinearMap, linear_maps
from plugins.kernels.moved import Moved, moved
from plugins.kernels.programs import Program

ROWS = 256  # of a product in one pass of a drift: a cache holds such products, and blocks below the diagonal are never computed


class Factors(NamedTuple):
    """Of n points and q outputs. plain [n, q, P]: gradients written out; groups: (a [n, T, C], δ [n, q, T, F]), twice for each.

    The second pair of a group is that of uses with the transposed parameter: a [n, T, F], δ [n, q, T, C]; None where there are none.
    """

    plain: Any
    groups: list[tuple[Any, Any]]


class Structure:
    """A network's chosen outputs at one point as a program, and the linear maps in it."""

    def __init__(self, graph: nnx.GraphDef, parts: Parts, point: Any, outputs: str):
        leaves, self._tree = jax.tree.flatten(parts[0])
        others, self._others = jax.tree.flatten(parts[1])
        place, self._point = jax.tree.flatten(point)
        self._leaves = len(leaves)

        def function(*arguments: Any) -> Any:
            parameters = jax.tree.unflatten(self._tree, arguments[: len(leaves)])
            variables = jax.tree.unflatten(self._others, arguments[len(leaves) : -len(place)])
            one = jax.tree.unflatten(self._point, [array[None] for array in arguments[-len(place) :]])
            return answers(graph, (parameters, variables), one, outputs)[0]

        self._program = Program(function, *leaves, *others, *place)
        self.found: Found = linear_maps(self._program, len(leaves), len(place))

    def factors(self, parts: Parts, points: Any) -> Factors:
        """Of the network with these parameters, at the points."""
        return jax.vmap(lambda point: self._of_point(parts, point))(points)

    def _of_point(self, parts: Parts, point: Any) -> Factors:
        leaves, others = jax.tree.leaves(parts[0]), jax.tree.leaves(parts[1])
        maps = [one for group in self.found.groups for one in (*group.straight, *group.transposed)]
        number = {one.step.outputs[0]: place for place, one in enumerate(maps)}
        rest = [leaves[leaf] for leaf in self.found.rest]
        # Where a map goes into nothing but a sum, the sum's derivatives are taken: of the same shape, and once for all that is added.
        zeros = {one.site: jnp.zeros(one.step.result.shape, one.step.result.dtype) for one in maps}

        def run(rest: list[Any], added: dict[int, Any]) -> tuple[Any, list[Any]]:
            given = dict(enumerate(leaves)) | dict(zip(self.found.rest, rest, strict=True))
            data: list[Any] = [None] * len(maps)

            def after(step: Any, known: list[Any], values: list[Any]) -> list[Any]:
                place = number.get(step.outputs[0])
                if place is not None:
                    data[place] = maps[place].data(known)
                return [values[0] + added[step.outputs[0]]] if step.outputs[0] in added else values

            f = self._program.evaluate([*given.values(), *others, *jax.tree.leaves(point)], after)
            return f, data

        (gradients, derivatives), data = jax.jacrev(run, argnums=(0, 1), has_aux=True)(rest, zeros)
        q = jax.eval_shape(lambda: run(rest, zeros)[0]).shape[0]
        plain = jnp.concatenate([jnp.zeros((q, 0), dtype_of(leaves)), *(g.reshape(q, -1) for g in gradients)], axis=1)
        return Factors(plain, _in_groups(self.found.groups, iter(data), derivatives))


def dtype_of(leaves: list[Any]) -> Any:
    """The dtype of a network's gradients."""
    return jnp.result_type(*leaves)


def _in_groups(groups: list[Group], data: Iterator[Any], derivatives: dict[int, Any]) -> list[tuple[Any, Any]]:
    """The (a, δ) of all groups, two pairs for each; groups with the same δ are one, with their a side by side."""
    pairs: dict[Any, list[tuple[Any, Any]]] = {}
    for place, group in enumerate(groups):
        made = [_by_site([(one, next(data)) for one in uses], derivatives) for uses in group]
        like = group.derivatives or place
        pairs[like] = [(jnp.concatenate([pairs[like][0][0], made[0][0]], axis=1), made[0][1]), made[1]] if like in pairs else made
    return [pair for both in pairs.values() for pair in both]


def _by_site(uses: list[tuple[LinearMap, Any]], derivatives: dict[int, Any]) -> tuple[Any, Any]:
    """(a [T, C], δ [q, T, F]) of all uses of a group with the same orientation: one after another, or added where they are added."""
    if not uses:
        return None, None
    sums: dict[Any, tuple[LinearMap, Any]] = {}
    for one, a in sorted(uses, key=lambda use: use[0].derivatives):
        sums[one.derivatives] = one, sums[one.derivatives][1] + a if one.derivatives in sums else a
    a = jnp.concatenate([a for _, a in sums.values()])
    return a, jnp.concatenate([jax.vmap(one.of_output)(derivatives[one.site]) for one, _ in sums.values()], axis=1)


def kernel_of_factors(left: Factors, right: Factors) -> Any:
    """Θ of two blocks of points, [n1, q, n2, q]; of factors that moved, how it moved."""
    total = _contract("xcP,yeP->xcye", left.plain, right.plain)
    for place in range(0, len(left.groups), 2):
        (straight, transposed), (straight2, transposed2) = left.groups[place : place + 2], right.groups[place : place + 2]
        total = total + _alike(straight, straight2)
        if transposed[0] is not None:
            total = total + _alike(transposed, transposed2) + _crossed(straight, transposed2) + _crossed(transposed, straight2)
    return total


def structured_kernel(graph: nnx.GraphDef, parts: Parts, outputs: str) -> Callable[[Any, Any], Float[Array, "n1 q n2 q"]]:
    """Θ(x, x') = ∇f(x) ∇f(x')ᵀ of two blocks of points, in the network's precision."""

    def kernel(x1: Any, x2: Any) -> Float[Array, "n1 q n2 q"]:
        structure = Structure(graph, parts, at(x1, 0), outputs)
        return kernel_of_factors(structure.factors(parts, x1), structure.factors(parts, x2))  # type: ignore[no-any-return]

    return kernel


class Size(NamedTuple):
    """Of one point: the bytes of its factors, and the rows that it has in the products of two blocks, of `itemsize` bytes an entry."""

    factors: int
    rows: int
    itemsize: int

    def points_in_a_block(self, copies: int) -> int:
        """So many that `copies` of a block's factors, and of what two blocks give, fit in 256 MiB; at least 1."""
        share = MEMORY / copies
        return int(min(max(share // self.factors, 1), max((share / self.itemsize) ** 0.5 // self.rows, 1), 1024))


def size_of_a_point(graph: nnx.GraphDef, parts: Parts, x: Any, outputs: str) -> Size:
    """From shapes; nothing is computed."""
    structure = Structure(graph, parts, at(x, 0), outputs)
    one = jax.eval_shape(lambda: structure.factors(parts, at(x, slice(0, 1))))
    itemsize = dtype_of(jax.tree.leaves(parts[0])).itemsize
    rows = max([one.plain.shape[1], *(delta.shape[1] * delta.shape[2] for _, delta in one.groups if delta is not None)])
    return Size(itemsize * sum(leaf.size for leaf in jax.tree.leaves(one)), rows, itemsize)


@functools.partial(jax.jit, static_argnames=("graph", "outputs", "block"))
def structured_drift(graph: nnx.GraphDef, parts: Parts, parts0: Parts, x: Any, outputs: str, block: int = 0) -> Float[Array, "3"]:
    """(‖Θ_t − Θ_0‖², ‖Θ_t‖², ‖Θ_0‖²), Frobenius, by sums over pairs of blocks: no n×n matrix.

    Near-equal kernels are never subtracted, only factors: exact to float64's rounding of these. Pass float64.
    block: points in a block; 0: as many as fit in memory.
    """
    size = size_of_a_point(graph, parts, x, outputs)
    block = min(block or min(size.points_in_a_block(copies=12), max(ROWS // size.rows, 1)), rows_in(x))
    blocks = in_blocks(x, block)
    count = rows_in(blocks)
    real = (jnp.arange(count * block) < rows_in(x)).reshape(count, block)
    structure = Structure(graph, parts, at(x, 0), outputs)

    networks = jax.tree.map(lambda *leaves: jnp.stack(leaves), parts, parts0)

    def factors(i: Any) -> Any:
        # By one program for both, in turn: of two equal networks every factor is the same to the bit, and nothing has moved.
        both = jax.lax.map(lambda network: structure.factors(network, at(blocks, i)), networks)
        return _only(real[i], jax.tree.map(lambda leaf: moved(leaf[0], leaf[1]), both))

    kept = 3 * size.factors * rows_in(x) <= MEMORY  # as they are after and before, and their changes
    known = functools.partial(at, jax.lax.map(factors, jnp.arange(count))) if kept else factors

    def row(i: Any) -> Any:
        left = known(i)

        def add(j: Any, total: Any) -> Any:
            kernel = kernel_of_factors(left, known(j))
            squares = jnp.stack([jnp.sum(one**2) for one in (kernel.change, kernel.new, kernel.old)])
            return total + jnp.where(i == j, 1, 2) * squares

        return jax.lax.fori_loop(i, count, add, jnp.zeros(3, jnp.result_type(float)))

    return jnp.sum(jax.lax.map(row, jnp.arange(count)), axis=0)


def _only(real: Any, factors: Factors) -> Factors:
    """The factors, with zeros at points that only fill up a block."""
    plain = jax.tree.map(lambda leaf: leaf * real[:, None, None], factors.plain)
    groups = [(a, jax.tree.map(lambda leaf: leaf * real[:, None, None, None], delta)) for a, delta in factors.groups]
    return Factors(plain, groups)


def _alike(left: tuple[Any, Any], right: tuple[Any, Any]) -> Any:
    """Σ_tt' (a_t · a'_t') (δ_t · δ'_t')."""
    data = _contract("xtC,ysC->xtys", left[0], right[0])
    return _summed(_each(data, lambda A: A[:, None, :, :, None]) * _contract("xctF,yesF->xctyes", left[1], right[1]))


def _crossed(left: tuple[Any, Any], right: tuple[Any, Any]) -> Any:
    """The same of two uses one of which has the transposed parameter: Σ_tt' (a_t · δ'_t') (δ_t · a'_t')."""
    first = _each(_contract("xtC,yesC->xtyes", left[0], right[1]), lambda A: A[:, None])
    return _summed(first * _each(_contract("xctF,ysF->xctys", left[1], right[0]), lambda B: B[:, :, :, :, None]))


def _contract(indices: str, a: Any, b: Any) -> Any:
    product = functools.partial(jnp.einsum, indices)
    return a.times(b, product) if isinstance(a, Moved) else product(a, b)


def _each(array: Any, function: Callable[[Any], Any]) -> Any:
    """A linear function of an array, or of one that moved."""
    return jax.tree.map(function, array)


def _summed(products: Any) -> Any:
    """Over the places of both points: [n1, q, T, n2, q, T] to [n1, q, n2, q]."""
    return _each(products, lambda array: jnp.sum(array, axis=(2, 5)))
