"""An nnx.Module split once, when it is built: parameters as a plain dict, the rest beside them, merged in pure functions."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from framework.fields import code_of
from framework.interfaces import Constant, Outputs, rows_in, take
from framework.training.devices import Spread


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Network:
    """How to put a module together from arrays, for training (dropout on) and for evaluation. A pytree of its constants."""

    training: nnx.GraphDef = field(metadata={"static": True})
    evaluation: nnx.GraphDef = field(metadata={"static": True})
    code: Hashable = field(metadata={"static": True})  # of the modules
    constants: Any  # nested dict of numbers, as the module's Constant variables
    spread: Spread | None = field(default=None, metadata={"static": True})  # how examples are divided among devices

    def module(self, params: Any, variables: Any, training: bool = False) -> nnx.Module:
        """The module with these parameters (nested dict of arrays) and other variables (batch statistics, RNG counts)."""
        graph = self.training if training else self.evaluation
        return nnx.merge(graph, nnx.State(params), nnx.State(self.constants), nnx.State(variables))

    def outputs(self, module: nnx.Module) -> Outputs:
        """The module as a function of examples, which are divided among the devices of a run."""
        return module if self.spread is None else Divided(module, self.spread)  # type: ignore[return-value]


@dataclass(frozen=True)
class Divided:
    """A network whose examples are divided among devices, each of which has as many.

    Where that does not come out even, the first examples are taken again, and what they give is left out: XLA would divide
    unevenly as well, but its gradients of a lookup are then wrong (JAX 0.10). The outputs [n, p] lie whole on each device then. A network
    with running averages over the batch would see the examples that are taken again; it sees all examples on each device.
    """

    module: nnx.Module
    spread: Spread

    def __call__(self, inputs: Any) -> Float[Array, "n p"]:
        """The outputs for an array of inputs, or for a dict of arrays."""
        module: Any = self.module
        count, shares = rows_in(inputs), self.spread.shares
        if count % shares == 0:
            return module(self.spread.rows(inputs))
        if jax.tree.leaves(nnx.state(module, nnx.BatchStat)):
            return module(inputs)
        filled = take(inputs, jnp.arange(-(-count // shares) * shares) % count)
        return self.spread.whole(module(self.spread.rows(filled))[:count])


def split(module: nnx.Module) -> tuple[Network, Any, Any]:
    """(network, params, variables): both are nested dicts of arrays, shaped as the module.

    Statistics of batches, which Flax makes float32 whatever the precision, are as precise as new arrays are.
    """
    statistics = nnx.state(module, nnx.BatchStat)
    if jnp.result_type(float) == jnp.float64 and jax.tree.leaves(statistics):
        nnx.update(module, jax.tree.map(lambda leaf: leaf.astype(jnp.float64), statistics))
    module.eval()
    evaluation, *_ = nnx.split(module, nnx.Param, Constant, ...)
    module.train()
    training, *states = nnx.split(module, nnx.Param, Constant, ...)
    params, constants, variables = map(nnx.to_pure_dict, states)
    kinds = {type(node) for _, node in nnx.iter_graph(module) if isinstance(node, nnx.Module)}
    # The text as well: it tells True from 1 and 2 from 2.0, which are equal.
    code = frozenset(code_of(kind) for kind in kinds if not kind.__module__.startswith("flax.")), repr(training)
    return Network(training, evaluation, code, constants), params, variables


def other_variables(module: nnx.Module) -> Any:
    """What a forward pass in training mode may have changed: all variables that are neither parameters nor constants."""
    return nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.Any(nnx.Param, Constant))))
