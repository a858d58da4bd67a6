"""TrainState: the only thing that changes while a network trains, and all that a checkpoint holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Int, PRNGKeyArray

from framework.errors import FieldError, UserError, first_words
from framework.interfaces import HINT


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """One pytree of arrays."""

    step: Int[Array, ""]  # int32, updates made so far
    params: Any  # nested dict, as the module's nnx.Param variables
    variables: Any  # the module's other variables: batch statistics, RNG counts
    opt_state: Any
    probe_state: dict[str, Any]  # by probe instance
    rng: PRNGKeyArray  # for what is random in training, folded with the step where it is used
    # What interventions have left; empty in a run without any.
    turns: dict[str, Int[Array, "2"]] = field(default_factory=dict)  # (step at which `when` has it due, its last step), −1: none
    frozen: dict[str, Any] = field(default_factory=dict)  # parameter → whether it stands still
    data: tuple[Any, ...] = ()  # (training sample, the rest), where they are not those of the task

    @property
    def bare(self) -> "TrainState":
        """Without what stays outside of the compiled program of training."""
        return replace(self, probe_state={}, turns={})

    @property
    def outside(self) -> "TrainState":
        """What stays outside, and none of the arrays that the program uses up."""
        return replace(self, params=(), variables=(), opt_state=(), frozen={}, data=())

    def remembering(self, other: "TrainState") -> "TrainState":
        """With what another state has outside of that program."""
        return replace(self, probe_state=other.probe_state, turns=other.turns)

    def splits(self, splits: Any) -> Any:
        """The data of the task as they are at this state."""
        return replace(splits, train=self.data[0], test=self.data[1]) if self.data else splits

    @property
    def planned(self) -> dict[str, tuple[int, int]]:
        """The turns as numbers."""
        return {name: (int(turn[0]), int(turn[1])) for name, turn in jax.device_get(self.turns).items()}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Stacked:
    """Trees of one structure, leaf by leaf: their own classes allow no axis in front."""

    leaves: list[Any]
    structure: Any = field(metadata={"static": True})

    @classmethod
    def of(cls, trees: Sequence[Any]) -> "Stacked":
        """The trees in a row."""
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(jax.tree.leaves(tree) for tree in trees))
        return cls(stacked, jax.tree.structure(trees[0]))

    @property
    def one(self) -> Any:
        """The tree of one member, where the axis is taken off."""
        return jax.tree.unflatten(self.structure, self.leaves)

    def member(self, number: int) -> "Stacked":
        """A member without the axis."""
        return Stacked([leaf[number] for leaf in self.leaves], self.structure)


State = dict[str, Stacked]  # field of TrainState → its values


def stack_states(states: Sequence[TrainState]) -> State:
    """The states in a row, field by field: the task's metrics need two of them only."""
    return {one.name: Stacked.of([getattr(state, one.name) for state in states]) for one in fields(TrainState)}


def one_state(state: State) -> TrainState:
    """The state of one member, where the axis is taken off."""
    return TrainState(**{name: part.one for name, part in state.items()})


def named_leaves(state: TrainState) -> dict[str, np.ndarray]:
    """Every leaf on the host under a name such as 'params.W'; PRNG keys as their uint32 data."""
    flat, _ = jax.tree_util.tree_flatten_with_path(state)
    return {leaf_name(path): np.asarray(on_host(raw(leaf))) for path, leaf in flat}


def on_host(tree: Any) -> Any:
    """All leaves on the host. Where other processes hold parts of one, all processes put it together, and must ask for it."""

    def whole(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable or leaf.is_fully_replicated:
            return leaf
        assert isinstance(leaf.sharding, NamedSharding), "only a mesh has devices of other processes"
        return jax.jit(_same, out_shardings=NamedSharding(leaf.sharding.mesh, PartitionSpec()))(leaf)

    return jax.device_get(jax.tree.map(whole, tree))


def from_named_leaves(template: TrainState, leaves: dict[str, np.ndarray], device: jax.Device) -> TrainState:
    """A state shaped as `template` from its leaves by name. Raises ValueError naming a leaf that does not fit.

    Hints that are not among them, as in a checkpoint from before a probe kept any, are those of the template.
    """
    flat, structure = jax.tree_util.tree_flatten_with_path(template)
    wanted = {leaf_name(path): leaf for path, leaf in flat}
    leaves = {name: np.asarray(raw(leaf)) for name, leaf in wanted.items() if _is_hint(name)} | leaves
    if differing := sorted(wanted.keys() ^ leaves.keys()):
        raise ValueError(f"{differing[0]} is {'missing' if differing[0] in wanted else 'not part of this run'}")
    restored = []
    for name, leaf in wanted.items():
        plain, stored = raw(leaf), leaves[name]
        if (plain.shape, plain.dtype) != (stored.shape, stored.dtype):
            raise ValueError(f"{name} is {stored.dtype}{stored.shape}, this run needs {plain.dtype}{plain.shape}")
        restored.append(unraw(jax.device_put(stored, device), leaf))
    return jax.tree.unflatten(structure, restored)


def place(tree: Any, device: jax.Device) -> Any:
    """Fresh copies of all leaves on the device, so that new and restored states look alike to the compiler.

    Copies, because training donates its buffers: a probe that keeps θ_0 must not share them. The dtype is explicit: without
    it, an array made from a Python number, such as jnp.asarray(0.0), has a type of its own to the compiler.
    Raises FieldError for a leaf that no device holds.
    """
    try:
        flat, structure = jax.tree_util.tree_flatten_with_path(tree)
    except ValueError as error:  # the keys of a dict have no order
        raise FieldError("state", type(tree).__name__, f"cannot be taken apart into its leaves: {first_words(error)}") from None
    return jax.tree.unflatten(structure, [jax.device_put(_copied(path, leaf), device) for path, leaf in flat])


def checked(state: TrainState) -> TrainState:
    """The state, whose leaves can be saved. Raises UserError where two have one name, which a checkpoint would not tell apart."""
    names = Counter(leaf_name(path) for path, _ in jax.tree_util.tree_flatten_with_path(state)[0])
    if twice := next((name for name, count in names.items() if count > 1), None):
        raise UserError(f"{twice}: two leaves of the state are called that, since a key of a dict has a dot in it; give it another name")
    return state


def _copied(path: tuple, leaf: Any) -> jax.Array:
    try:
        dtype = jnp.result_type(leaf)
        if _is_whole(dtype) and not isinstance(leaf, jax.Array) and not np.array_equal(leaf, np.asarray(leaf).astype(dtype)):
            raise OverflowError(f"an integer that {dtype} cannot hold; with numerics.precision=float64 there is int64")
        if dtype == jax.dtypes.float0:
            raise TypeError("float0, the gradient of an integer, which holds nothing")
        return jnp.array(leaf, dtype, copy=True)
    except (TypeError, ValueError, OverflowError) as error:
        name = ".".join(filter(None, ["state", leaf_name(path)]))
        said = (
            str(error)
            if isinstance(error, OverflowError) or "float0" in str(error)
            else "neither a number nor an array of numbers that JAX can hold"
        )
        raise FieldError(name, f"{leaf.dtype}{list(leaf.shape)}" if hasattr(leaf, "dtype") else leaf, f"is {said}") from None


def _is_whole(dtype: Any) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, np.integer))


def leaf_name(path: tuple) -> str:
    """'opt_state.0.mu.W' from a key path."""
    return ".".join(str(getattr(key, "name", getattr(key, "key", getattr(key, "idx", key)))) for key in path)


def _is_hint(name: str) -> bool:
    part, *keys = name.split(".")
    return part == "probe_state" and HINT in keys[1:]


def unraw(array: Any, like: Any) -> Any:
    """What was stored for a leaf, turned back into that leaf: PRNG keys are stored as their data."""
    return jax.random.wrap_key_data(array, impl=jax.random.key_impl(like)) if _is_key(like) else array


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def raw(leaf: Any) -> Any:
    """What is stored for a leaf: of a PRNG key, its uint32 data."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _same(array: Any) -> Any:
    return array
