"""An nnx.Module split once, when it is built: parameters as a plain dict, the rest beside them, merged in pure functions."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import jax
from flax import nnx

from framework.fields import code_of
from framework.interfaces import Constant


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Network:
    """How to put a module together from arrays, for training (dropout on) and for evaluation. A pytree of its constants."""

    training: nnx.GraphDef = field(metadata={"static": True})
    evaluation: nnx.GraphDef = field(metadata={"static": True})
    code: Hashable = field(metadata={"static": True})  # of the modules
    constants: Any  # nested dict of numbers, as the module's Constant variables

    def module(self, params: Any, variables: Any, training: bool = False) -> nnx.Module:
        """The module with these parameters (nested dict of arrays) and other variables (batch statistics, RNG counts)."""
        graph = self.training if training else self.evaluation
        return nnx.merge(graph, nnx.State(params), nnx.State(self.constants), nnx.State(variables))


def split(module: nnx.Module) -> tuple[Network, Any, Any]:
    """(network, params, variables): both are nested dicts of arrays, shaped as the module."""
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
