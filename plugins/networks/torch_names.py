"""Parameters of a transformer under the names that PyTorch's parts give them, and in PyTorch's shapes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from framework.errors import UserError, did_you_mean, one_of


@dataclass(frozen=True)
class Named:
    """One array of PyTorch's: its shapes, the parameters it holds, and how they lie in it."""

    shapes: tuple[tuple[int, ...], ...]  # the array may have any of them
    parameters: tuple[nnx.Param, ...]
    parts: Callable[[np.ndarray], list[np.ndarray]]  # the array → one array for each parameter


def load_torch_parameters(net: Any, parameters: Mapping[str, Any]) -> Any:
    """Sets every parameter of a transformer from arrays under torch names, and returns the network.

    Names: tok.weight, pos.weight, att.in_proj_weight, att.out_proj.weight, up.weight, down.weight, out.weight; n1.weight,
    n1.bias, n2.… where there are norms, norm.… for the last one of norm="pre"; att.in_proj_bias, att.out_proj.bias, up.bias,
    down.bias, out.bias where there are biases. With more blocks than one, blocks.0.att.in_proj_weight and so on. Shapes are
    PyTorch's: a weight is [out, in]. out.weight may have a row for each token value: rows of separators, which are not
    classes, are left out. Raises UserError, before anything is set, for a name that is missing, unknown or misshapen.
    """
    known = torch_names(net)
    for name in parameters:
        if name not in known:
            raise UserError(f"{name}: this network has no such parameter.{did_you_mean(name, known)} It has {one_of(known)}.")
    if missing := [name for name in known if name not in parameters]:
        raise UserError(f"missing parameters: {one_of(missing)}")
    arrays = {name: np.asarray(parameters[name]) for name in known}
    for name, array in arrays.items():
        if array.shape not in known[name].shapes:
            wanted = " or ".join(str(list(shape)) for shape in known[name].shapes)
            raise UserError(f"{name}: has shape {list(array.shape)}, this network needs {wanted}")
    for name, entry in known.items():
        for parameter, part in zip(entry.parameters, entry.parts(arrays[name]), strict=True):
            parameter[...] = jnp.asarray(part.reshape(parameter.shape), parameter.dtype)
    return net


def torch_names(net: Any) -> dict[str, Named]:
    """Every parameter of a transformer by its torch name."""
    names = {"tok.weight": _same(net.tokens.embedding)}
    if net.places is not None:
        names["pos.weight"] = _same(net.places.embedding)
    for number, block in enumerate(net.blocks):
        prefix = f"blocks.{number}." if len(net.blocks) > 1 else ""
        names |= {prefix + name: entry for name, entry in _of_block(block).items()}
    if net.norm is not None:
        names |= _of_norm("norm", net.norm)
    if net.unembed is not None:
        names |= _of_linear("out", net.unembed)
        d, outputs = net.unembed.kernel.shape
        rows = dict.fromkeys((outputs, net.tokens.num_embeddings))
        kernel = (net.unembed.kernel,)
        names["out.weight"] = Named(tuple((count, d) for count in rows), kernel, lambda array: [array[:outputs].T])
        if net.unembed.bias is not None:
            bias = (net.unembed.bias,)
            names["out.bias"] = Named(tuple((count,) for count in rows), bias, lambda array: [array[:outputs]])
    return names


def _of_block(block: Any) -> dict[str, Named]:
    maps = (block.attention.query, block.attention.key, block.attention.value)
    out, d = block.attention.out, block.attention.in_features
    names = {
        "att.in_proj_weight": Named(((3 * d, d),), tuple(m.kernel for m in maps), lambda a: [part.T for part in np.split(a, 3)]),
        "att.out_proj.weight": Named(((d, d),), (out.kernel,), lambda array: [array.T]),
    }
    if out.bias is not None:
        names["att.in_proj_bias"] = Named(((3 * d,),), tuple(m.bias for m in maps), lambda array: np.split(array, 3))
        names["att.out_proj.bias"] = _same(out.bias)
    names |= _of_linear("up", block.up) | _of_linear("down", block.down)
    for number, norm in enumerate(block.norms or (), start=1):
        names |= _of_norm(f"n{number}", norm)
    return names


def _of_linear(name: str, linear: nnx.Linear) -> dict[str, Named]:
    names = {f"{name}.weight": Named((linear.kernel.shape[::-1],), (linear.kernel,), lambda array: [array.T])}
    return names if linear.bias is None else names | {f"{name}.bias": _same(linear.bias)}


def _of_norm(name: str, norm: nnx.LayerNorm) -> dict[str, Named]:
    return {f"{name}.weight": _same(norm.scale), f"{name}.bias": _same(norm.bias)}


def _same(parameter: Any) -> Named:
    return Named((parameter.shape,), (parameter,), lambda array: [array])
