"""An nnx.Module split once, when it is built: parameters as a plain dict, the rest beside them, merged in pure functions."""

from dataclasses import dataclass
from typing import Any

from flax import nnx


@dataclass(frozen=True)
class Network:
    """How to put a module together from arrays, for training (dropout on) and for evaluation."""

    training: nnx.GraphDef
    evaluation: nnx.GraphDef

    def module(self, params: Any, variables: Any, training: bool = False) -> nnx.Module:
        """The module with these parameters (nested dict of arrays) and other variables (batch statistics, RNG counts)."""
        return nnx.merge(self.training if training else self.evaluation, nnx.State(params), nnx.State(variables))


def split(module: nnx.Module) -> tuple[Network, Any, Any]:
    """(network, params, variables): both are nested dicts of arrays, shaped as the module."""
    module.eval()
    evaluation, *_ = nnx.split(module, nnx.Param, ...)
    module.train()
    training, *(params, variables) = nnx.split(module, nnx.Param, ...)
    return Network(training, evaluation), nnx.to_pure_dict(params), nnx.to_pure_dict(variables)


def other_variables(module: nnx.Module) -> Any:
    """What a forward pass in training mode may have changed: all variables that are not parameters."""
    return nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.Param)))
