"""What the parts of a network give on the way to its outputs, by name: activations, attention patterns, residual streams."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import jax
from flax import nnx
from jax.extend.core import get_opaque_trace_state

from framework.training import leaf_name


def activations(network: nnx.Module, inputs: Any) -> dict[str, jax.Array]:
    """Name → what the network's modules and their public methods give for the inputs, and what they `sow` as nnx.Intermediate.

    A module is called by its path ("blocks.0.attention"), a method by its name after that ("blocks.0.neurons"), the network's own
    outputs "outputs". What gives several arrays, or is called several times, has a number behind its name for each. What is called
    inside a transformation of JAX, such as a tangent or a scan within the network, is left out. It may be compiled, and so may be
    used with `Run.over_time`.
    """
    network = nnx.merge(*nnx.split(network))  # one of our own, where this is compiled: it is changed while it is listened to
    with _recording({type(module) for _, module in nnx.iter_modules(network)} - {nnx.List, nnx.Dict}):
        outputs, captured = nnx.capture(network, nnx.Intermediate)(inputs)
    flat, _ = jax.tree_util.tree_flatten_with_path({"outputs": outputs})
    found = {leaf_name(path): leaf for path, leaf in flat}
    for path, calls in sorted(nnx.to_flat_state(captured), key=lambda one: tuple(map(str, one[0]))):
        name = ".".join(str(part) for part in path if part != "__call__")
        several = calls.get_value()
        flat, _ = jax.tree_util.tree_flatten_with_path(several[0] if len(several) == 1 else several)
        found |= {".".join(filter(None, (name, leaf_name(within)))): leaf for within, leaf in flat if name and isinstance(leaf, jax.Array)}
    return found


@contextlib.contextmanager
def _recording(classes: set[type]) -> Iterator[None]:
    """Inside, the public methods of these classes sow what they give, where nnx.capture listens.

    Not capture's own `method_outputs`: that also fails in a module which another one puts together while it is called, since nothing
    listens there, and leaves out inherited methods.
    """
    here = get_opaque_trace_state(convention="nnx")
    with contextlib.ExitStack() as restored:
        for cls in classes:
            for name in dir(cls):
                method = inspect.getattr_static(cls, name)
                own = method is not inspect.getattr_static(nnx.Module, name, None)
                if own and inspect.isfunction(method) and (name == "__call__" or not name.startswith("_")):
                    restored.callback(_put_back, cls, name, vars(cls).get(name))
                    setattr(cls, name, _sowing(name, method, here))
        yield


def _sowing(name: str, method: Callable, here: Any) -> Callable:
    @functools.wraps(method)
    def wrapped(self: nnx.Module, *args: Any, **kwargs: Any) -> Any:
        given = method(self, *args, **kwargs)
        if hasattr(self, "__captures__") and get_opaque_trace_state(convention="nnx") == here:
            self.sow(nnx.Intermediate, name, given)
        return given

    return wrapped


def _put_back(cls: type, name: str, own: Callable | None) -> None:
    if own is None:
        delattr(cls, name)
    else:
        setattr(cls, name, own)
