"""A network as it was initialized, kept beside one that trains."""

from typing import Any

import jax
from flax import nnx
from jaxtyping import Array, Float

from framework import Constant
from framework.training import leaf_name


class InitialValue(nnx.Variable):
    """An array that is part of a network and is never trained."""


class InitialNetwork(nnx.Module):
    """θ_0 as variables that no optimizer sees, and the network as a function of its parameters, in evaluation mode."""

    def __init__(self, network: nnx.Module):
        network.eval()
        graph, *states = nnx.split(network, nnx.Param, Constant, ...)
        params, constants, rest = states
        self.graph = graph
        leaves, self.structure = jax.tree_util.tree_flatten_with_path(nnx.to_pure_dict(params))
        self.names = tuple(leaf_name(path) for path, _ in leaves)
        self.theta_0 = nnx.Dict({name: InitialValue(leaf) for name, (_, leaf) in zip(self.names, leaves, strict=True)})
        others, self.rest_structure = jax.tree.flatten(nnx.to_pure_dict(rest))
        self.others = nnx.List([InitialValue(leaf) for leaf in others])
        numbers, self.constants_structure = jax.tree.flatten(nnx.to_pure_dict(constants))
        self.constants = nnx.List([Constant(leaf) for leaf in numbers])

    @property
    def params(self) -> Any:
        """θ_0, as a nested dict like that of the network itself."""
        return self.nested(self.theta_0)

    def nested(self, by_name: Any) -> Any:
        """Arrays held by dotted name, as the nested dict that the network takes."""
        return jax.tree.unflatten(self.structure, [by_name[name][...] for name in self.names])

    def __call__(self, params: Any, inputs: Any) -> Float[Array, "n p"]:
        """f(params; inputs)."""
        constants = jax.tree.unflatten(self.constants_structure, [number[...] for number in self.constants])
        rest = jax.tree.unflatten(self.rest_structure, [other[...] for other in self.others])
        return nnx.merge(self.graph, nnx.State(params), nnx.State(constants), nnx.State(rest))(inputs)
