"""Where a program multiplies its inputs by parameters: there a gradient is a product of two short vectors.

A layer z = a·W, with a the data that enter it and W a parameter, has the gradient Σ_t a_t ⊗ ∂f/∂z_t, with t the places of one
point (tokens, pixels). Such places are found in the program itself: products, look-ups and convolutions with a parameter, or
with one whose entries were only moved about (transposed, reshaped, cut). What is only added to something has the derivatives of
the sum: a bias is one more column of the matrix before it, with 1 for its data, and two look-ups that are added are one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from plugins.kernels.programs import Program, Step

MOVES = ("transpose", "reshape", "squeeze", "expand_dims", "slice", "rev", "copy", "copy_p", "broadcast_in_dim")  # of entries
SUMS = ("add", "add_any")


class View(NamedTuple):
    """A parameter whose entries were moved about: entries[…] says which entry of parameter `leaf` stands there."""

    leaf: int
    entries: Int[np.ndarray, "..."]

    @property
    def once(self) -> bool:
        """No entry stands in two places."""
        return len(np.unique(self.entries)) == self.entries.size


class LinearMap(NamedTuple):
    """One use of a parameter. data(in) is a [T, C], of_output(∂f/∂z) is [T, F]; entries [C, F] says which of its entries are meant.

    site: the value that has the derivatives of z: z itself, or the sum that is all that z goes into. last: the features of z are
    its last axes, so that of_output only reshapes.
    """

    step: Step
    leaf: int
    entries: Int[np.ndarray, "C F"]
    data: Callable[[Sequence[Any]], Any]
    of_output: Callable[[Any], Any]
    places: int
    last: bool
    site: int = -1

    @property
    def derivatives(self) -> tuple[int, bool, int]:
        """Two maps for which this is equal have the same δ."""
        return self.site, self.last, self.places


class Group(NamedTuple):
    """Linear maps by the same entries of a parameter: with the matrix as in the first of them, and with its transpose."""

    straight: list[LinearMap]
    transposed: list[LinearMap]

    @property
    def cost(self) -> int:
        """Of the inner product of two gradients from their factors; written out it costs the size of the parameter."""
        places = {(one.derivatives, transposed): one.places for transposed, uses in enumerate(self) for one in uses}
        return sum(places.values()) ** 2 * sum(self.straight[0].entries.shape)

    @property
    def derivatives(self) -> tuple[tuple[int, bool, int], ...]:
        """Of its places, in order. Two groups with the same are one, whose data stand side by side; () if there is none like it."""
        found = sorted({one.derivatives for one in self.straight})
        return () if self.transposed or not all(last for _, last, _ in found) else tuple(found)


class Found(NamedTuple):
    """groups: of linear maps, none of which shares entries with another group. rest: the leaves that are used otherwise."""

    groups: list[Group]
    rest: list[int]


def linear_maps(program: Program, leaves: int, points: int = 1) -> Found:
    """The linear maps of a program whose first arguments are so many leaves of parameters, and whose last ones are those of the point."""
    views = {leaf: _whole(program.shapes[leaf], leaf) for leaf in range(leaves)}
    arguments, sites = len(program.shapes), _sites(program)
    data, rest, maps = set(range(arguments - points, arguments)), set(), []
    for step in program.steps:
        given = [views.get(number) for number in step.inputs]
        touched = [view for view in given if view]
        of_data = any(number in data for number in step.inputs)
        if of_data:
            data |= set(step.outputs)
        one = touched[0] if len(touched) == 1 else None
        if one and of_data and (found := _linear_map(step, one, given.index(one))):
            maps.append(found._replace(site=sites.get(step.outputs[0], step.outputs[0])))
        elif one and len(given) == 1 and (view := _moved(step, one)):
            views[step.outputs[0]] = view
        else:
            rest |= {view.leaf for view in touched}
    if program.result in views:  # an output that is a parameter
        rest.add(views[program.result].leaf)
    return _worth_it(program, maps, rest)


def _sites(program: Program) -> dict[int, int]:
    """For each value that goes into one sum of its own shape and nothing else: the last such sum, whose derivatives it has."""
    uses = Counter(number for step in program.steps for number in step.inputs) + Counter([program.result])
    sites: dict[int, int] = {}
    for step in reversed(program.steps):
        if step.equation.primitive.name in SUMS:
            whole = [number for place, number in enumerate(step.inputs) if step.given(place).shape == step.result.shape]
            sites |= {number: sites.get(step.outputs[0], step.outputs[0]) for number in whole if uses[number] == 1}
    return sites


def _worth_it(program: Program, maps: list[LinearMap], rest: set[int]) -> Found:
    """Of each parameter the groups, where they cost less than its gradient written out; biases where a matrix has their derivatives."""
    groups: list[Group] = []
    biases: list[tuple[int, list[Group]]] = []
    for leaf in sorted({one.leaf for one in maps} - rest):
        together = _grouped([one for one in maps if one.leaf == leaf])
        if together is None:
            rest.add(leaf)
        elif sum(group.cost for group in together) < np.prod(program.shapes[leaf]):
            groups += together
        else:
            biases.append((leaf, together))
    known = {group.derivatives for group in groups} - {()}
    for leaf, together in biases:
        if all(group.derivatives in known for group in together):
            groups += together
        else:
            rest.add(leaf)
    return Found(groups, sorted(rest))


def _whole(shape: Sequence[int], leaf: int) -> View:
    return View(leaf, np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape))


def _moved(step: Step, view: View) -> View | None:
    """What a step makes of a parameter that only moves its entries about; None for other steps."""
    name = step.equation.primitive.name
    if name == "convert_element_type":
        return view
    if name not in MOVES:
        return None
    with jax.ensure_compile_time_eval():
        [entries] = step.values([jnp.asarray(view.entries)])
    return View(view.leaf, np.asarray(entries))


def _grouped(maps: list[LinearMap]) -> list[Group] | None:
    """The maps by a parameter, in groups; None where two share some entries in a way that is neither equal nor transposed."""
    groups: list[Group] = []
    for one in maps:
        for group in groups:
            known = group.straight[0].entries
            if np.array_equal(one.entries, known):
                group.straight.append(one)
                break
            if np.array_equal(one.entries, known.T):
                group.transposed.append(one)
                break
            if np.intersect1d(one.entries, known).size:
                return None
        else:
            groups.append(Group([one], []))
    return groups


def _linear_map(step: Step, view: View, place: int) -> LinearMap | None:
    """The linear map that a step is, where its input number `place` is this parameter and others are data."""
    kinds = {"dot_general": _product, "gather": _look_up, "conv_general_dilated": _convolution}
    name = step.equation.primitive.name
    if name in SUMS:
        return _bias(step, view)
    return kinds[name](step, view, place) if name in kinds and view.once else None


def _bias(step: Step, view: View) -> LinearMap | None:
    """What is added, alike at every place or by place: a product with 1, or with one-hot vectors of the place."""
    if not view.entries.ndim:  # a number, which is added to everything
        return None
    entries = np.broadcast_to(view.entries, step.result.shape).reshape(-1, step.result.shape[-1])
    rows, number = np.unique(entries, axis=0, return_inverse=True)
    if len(np.unique(rows)) < rows.size:
        return None

    def data(given: Sequence[Any]) -> Any:
        return jax.nn.one_hot(number.ravel(), len(rows), dtype=given[0].dtype)

    def of_output(derivative: Any) -> Any:
        return derivative.reshape(entries.shape)

    return LinearMap(step, view.leaf, rows, data, of_output, len(entries), last=True)


def _product(step: Step, view: View, place: int) -> LinearMap | None:
    contracted, batched = step.equation.params["dimension_numbers"]
    if batched[0]:
        return None
    mine, other = contracted[place], contracted[1 - place]
    entries = np.moveaxis(view.entries, mine, range(len(mine)))
    columns = int(np.prod(entries.shape[: len(mine)]))
    entries = entries.reshape(columns, -1)

    def data(given: Sequence[Any]) -> Any:
        operand = given[1 - place]
        return jnp.moveaxis(operand, other, range(operand.ndim - len(other), operand.ndim)).reshape(-1, columns)

    def of_output(derivative: Any) -> Any:
        return derivative.reshape(-1, entries.shape[1]) if place == 1 else derivative.reshape(entries.shape[1], -1).T

    size = int(np.prod(step.given(1 - place).shape))
    return LinearMap(step, view.leaf, entries, data, of_output, size // columns, last=place == 1)


def _look_up(step: Step, view: View, place: int) -> LinearMap | None:
    """Rows of a table by their numbers: a product with one-hot vectors."""
    dimensions, sizes = step.equation.params["dimension_numbers"], step.equation.params["slice_sizes"]
    shape, looked_at = view.entries.shape, tuple(dimensions.start_index_map)
    leading = tuple(range(len(looked_at)))
    whole = sizes[len(leading) :] == shape[len(leading) :]
    if place or sorted(looked_at) != list(leading) or tuple(dimensions.collapsed_slice_dims) != leading or not whole:
        return None
    rows = int(np.prod(shape[: len(leading)]))
    strides = np.array([int(np.prod(shape[axis + 1 : len(leading)])) for axis in looked_at], np.int32)

    def data(given: Sequence[Any]) -> Any:
        numbers = jnp.sum(given[1] * strides, axis=-1).ravel()
        return jax.nn.one_hot(numbers, rows, dtype=given[0].dtype)

    def of_output(derivative: Any) -> Any:
        offsets = dimensions.offset_dims
        return jnp.moveaxis(derivative, offsets, range(derivative.ndim - len(offsets), derivative.ndim)).reshape(-1, entries.shape[1])

    entries = view.entries.reshape(rows, -1)
    places = int(np.prod(step.given(1).shape[:-1]))
    last = dimensions.offset_dims == tuple(range(len(step.result.shape)))[len(step.result.shape) - len(dimensions.offset_dims) :]
    return LinearMap(step, view.leaf, entries, data, of_output, places, last)


def _convolution(step: Step, view: View, place: int) -> LinearMap | None:
    """A product of the patches of an image with the kernel."""
    told = step.equation.params
    if place != 1 or told["feature_group_count"] != 1 or told["batch_group_count"] != 1:
        return None
    numbers = told["dimension_numbers"]
    out, into, *window = numbers.rhs_spec
    entries = view.entries.transpose(into, *window, out).reshape(-1, view.entries.shape[out])
    features = numbers.out_spec[1]

    def data(given: Sequence[Any]) -> Any:
        named = {name: told[name] for name in ("window_strides", "padding", "lhs_dilation", "rhs_dilation")}
        sizes = [view.entries.shape[axis] for axis in window]
        patches = jax.lax.conv_general_dilated_patches(
            given[0], sizes, dimension_numbers=numbers, precision=jax.lax.Precision.HIGHEST, **named
        )
        return jnp.moveaxis(patches, features, -1).reshape(-1, entries.shape[0])

    def of_output(derivative: Any) -> Any:
        return jnp.moveaxis(derivative, features, -1).reshape(-1, entries.shape[1])

    places = int(np.prod(step.result.shape)) // entries.shape[1]
    return LinearMap(step, view.leaf, entries, data, of_output, places, features == len(step.result.shape) - 1)
