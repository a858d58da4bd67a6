"""One run on several devices: a mesh with the axes `examples` and `neurons`, and where each array lies on it.

The programs are those of one device. XLA divides them, told where their arrays lie: results agree to rounding, since sums are
made of the sums of devices, and they are the same bits on the same mesh.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import sharding
from jax.sharding import NamedSharding, PartitionSpec

from framework.config import Mesh
from framework.errors import FieldError
from framework.training.devices import hosts
from framework.training.state import TrainState, leaf_name, raw, unraw

EXAMPLES, NEURONS = "examples", "neurons"


@dataclass(frozen=True)
class Spread:
    """Where arrays lie on a mesh.

    divided: (name, shape, axis) of each parameter that has an axis of neurons. A leaf that is named and shaped as one of them
    lies as it does: moments of an optimizer, θ_0 in a probe. All else lies whole on every device.
    """

    mesh: sharding.Mesh
    divided: tuple[tuple[str, tuple[int, ...], int], ...]

    def place(self, tree: Any) -> Any:
        """The leaves on the mesh, as fresh copies, which training may use up."""
        return jax.tree_util.tree_map_with_path(lambda path, leaf: self._put(leaf, self._sharding(path, leaf)), tree)

    def everywhere(self, tree: Any) -> Any:
        """The leaves whole on every device, such as tokens, which are divided inside the programs."""
        return jax.tree.map(lambda leaf: self._put(leaf, self._whole), tree)

    def numbers(self, tree: Any) -> Any:
        """Numbers of plugins whole on every device; weakly typed as they are."""
        return jax.device_put(tree, self._whole)

    def notices(self, experiment: Any) -> list[str]:
        """Where devices are given to an axis of neurons that the network does not have."""
        if self.mesh.shape[NEURONS] == 1 or self.divided:
            return []
        name = experiment.config.model.name
        return [
            f"mesh.neurons: the model {name} names no axis of neurons, so that devices along this axis all do the same; use mesh.examples"
        ]

    def around(self, function: Callable) -> Callable:
        """A function of parts and arrays: the state that it gives lies as that which it got, and all else whole on every device."""

        def held(parts: Any, *arrays: Any) -> Any:
            return self._held(function(parts, *arrays))

        return held

    @property
    def shares(self) -> int:
        """Among how many devices examples are divided."""
        return int(self.mesh.shape[EXAMPLES])

    def rows(self, inputs: Any) -> Any:
        """Inside a program: each device has its share of the first axis of each array, whose length the number of shares divides."""
        return jax.lax.with_sharding_constraint(inputs, NamedSharding(self.mesh, PartitionSpec(EXAMPLES)))

    def whole(self, array: Any) -> Any:
        """Inside a program: every device has all of it."""
        return jax.lax.with_sharding_constraint(array, self._whole)

    def _held(self, tree: Any) -> Any:
        """What a program gives: a state lies as `place` puts it, and all else, which hosts read, whole on every device."""

        def hold(path: tuple, leaf: Any) -> Any:
            return jax.lax.with_sharding_constraint(leaf, self._sharding(path, leaf))

        def held(part: Any) -> Any:
            if isinstance(part, TrainState):
                return jax.tree_util.tree_map_with_path(hold, part)
            return jax.lax.with_sharding_constraint(part, self._whole)

        return jax.tree.map(held, tree, is_leaf=lambda part: isinstance(part, TrainState))

    @property
    def words(self) -> str:
        """'4 × 2', examples before neurons."""
        return " × ".join(str(size) for size in self.mesh.shape.values())

    @property
    def _whole(self) -> NamedSharding:
        return NamedSharding(self.mesh, PartitionSpec())

    def _sharding(self, path: tuple, leaf: Any) -> NamedSharding:
        name = f".{leaf_name(path)}"
        for parameter, shape, axis in self.divided:
            if np.shape(leaf) == shape and name.endswith(f".{parameter}"):
                return NamedSharding(self.mesh, PartitionSpec(*[None] * axis, NEURONS))
        return self._whole

    def _put(self, leaf: Any, sharding: NamedSharding) -> Any:
        if isinstance(leaf, jax.Array) and leaf.sharding.device_set == sharding.device_set:
            return jax.device_put(jnp.array(leaf, leaf.dtype, copy=True), sharding)
        # The dtype is explicit, as in `place` for one device.
        data = np.asarray(raw(jnp.array(leaf, jnp.result_type(leaf))))
        return unraw(jax.make_array_from_callback(data.shape, sharding, lambda index: data[index]), leaf)


def spread_of(asked: Mesh, model: Any, params: Any) -> Spread | None:
    """How a run lies on a mesh; None where it is trained on one device.

    model: names the axes of neurons; params: nested dict. Raises FieldError where the mesh does not fit the devices or the network.
    """
    if asked.examples == asked.neurons == hosts.count() == 1:
        return None
    _check_count(asked)
    named = {leaf_name(path): np.shape(leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]}
    axes = model.neuron_axes() if asked.neurons > 1 else {}
    divided = tuple((name, named[name], axis) for name, axis in axes.items() if name in named)
    for name, shape, axis in divided:
        if shape[axis] % asked.neurons:
            rule = f"must divide the number of neurons; the parameter {name} has {shape[axis]:,} of them"
            raise FieldError("mesh.neurons", asked.neurons, rule)
    mesh = jax.make_mesh((asked.examples, asked.neurons), (EXAMPLES, NEURONS), axis_types=(sharding.AxisType.Auto, sharding.AxisType.Auto))
    return Spread(mesh, divided)


def _check_count(asked: Mesh) -> None:
    there, product = jax.device_count(), asked.examples * asked.neurons
    if product != there:
        fits = [f"{number} × {there // number}" for number in range(there, 0, -1) if there % number == 0]
        what = "one device is there" if there == 1 else f"{there} devices are there"
        what += f", on {hosts.count()} hosts" if hosts.count() > 1 else ""
        rule = f"times mesh.neurons = {asked.neurons} makes {product}, and {what}: examples × neurons may be {', '.join(fits)}"
        rule += "" if hosts.count() > 1 or there == 1 else "; 1 × 1 uses one device"
        raise FieldError("mesh.examples", asked.examples, rule)
