"""Runs on eight virtual devices, for tests/test_mesh.py: a process has as many devices as it began with."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax

from framework import train
from framework.config import override, select
from framework.errors import UserError
from framework.training import Experiment
from framework.training.sharing import program_of
from tests.helpers import tiny

MESHES = {"examples": (8, 1), "neurons": (1, 8), "both": (2, 4), "again": (2, 4)}
LARGE = {"task": select("modular_addition", p=251, k=2), "model": select("quadratic", width="1004")}


def config(steps: int = 6, mesh: tuple[int, int] = (1, 1), **changes: Any) -> Any:
    """Eight neurons; 13 training points of 25, which no mesh of two or eight divides; a host computes one of the probes."""
    parts: dict[str, Any] = {
        "task": select("modular_addition", p=5, k=2, train_size="13"),
        "model": select("quadratic", width="8", init_scale=2.0),
    }
    parts["probes"] = tiny().probes.to_dict() | {"host": select("on_the_host", schedule="every 3")}
    return override(tiny(steps, **parts | changes), {"mesh.examples": mesh[0], "mesh.neurons": mesh[1]})


def batches(mesh: tuple[int, int]) -> Any:
    """Batches of 5 in epochs, labels with noise, an MLP with two hidden layers."""
    task = select("modular_addition", p=5, k=2, batch_size="5", label_noise=0.2)
    return config(mesh=mesh, task=task, model=select("mlp", width="8", depth=2), probes={}, events={"metrics": "every 3"})


def shares(run: Any) -> dict[str, tuple[int, ...]]:
    """Leaf → the shape of the part that one device has."""
    flat, _ = jax.tree_util.tree_flatten_with_path(run.final)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf.sharding.shard_shape(leaf.shape) for path, leaf in flat}


def refusal(mesh: tuple[int, int], **changes: Any) -> str:
    """What is said of a mesh that does not fit."""
    try:
        Experiment.from_config(config(mesh=mesh, **changes)).on_mesh()
    except UserError as error:
        return str(error)
    return ""


def sizes(mesh: tuple[int, int]) -> dict[str, int]:
    """Bytes on one device of the paper's size p = 251, h = 1,004: of the state, of arguments, and of what a step needs beside them."""
    made = replace(Experiment.from_config(config(mesh=mesh, **LARGE)), probes={}).on_mesh()
    state = made.initial_state()
    program, arrays = next(iter(made.programs(state, ())))
    with made.scope():
        needed = program_of(program.recipe).run.lower(program.numbers, *arrays).compile().memory_analysis()
    leaves = [jax.random.key_data(state.rng), *jax.tree.leaves(replace(state, rng=()))]
    mine = [shard.data.nbytes for leaf in leaves for shard in leaf.addressable_shards if shard.device == jax.devices()[0]]
    return {"state": sum(mine), "arguments": needed.argument_size_in_bytes, "step": needed.temp_size_in_bytes}


def main(folder: Path) -> None:
    """Trains on each mesh in a folder of its own, and prints what tests ask about."""
    for name, mesh in MESHES.items():
        train(config(mesh=mesh), folder / name)
    train(config(3, mesh=(2, 4)), folder / "cut")
    train(config(6, mesh=(2, 4)), folder / "cut")
    train(config(3, mesh=(2, 4)), folder / "down")
    train(config(6, mesh=(2, 4)), folder / "up")  # where one device has made three steps
    train(batches((2, 4)), folder / "batches")
    print(
        json.dumps(
            {
                "shares": shares(train(config(3, mesh=(2, 4)))),
                "product": refusal((2, 3)),
                "width": refusal((2, 4), model=select("quadratic", width="6")),
                "linear": Experiment.from_config(config(mesh=(2, 4), model=select("linear"))).on_mesh().notices(),
                "sizes": sizes((4, 2)),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
