"""State of every shape is saved and comes back to the bit, and a run with it resumes to the same bits; or it is refused by its name."""

import json
import logging
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import registry, train
from framework.config import Checkpoint, members, select
from framework.errors import UserError
from framework.run import Checkpoints, complete_steps
from framework.sweep import run_sweep
from framework.training import Experiment, TrainState, place
from framework.training.state import raw
from tests.helpers import assert_same_run, leaves, slow_but, tiny

with registry.temporary():  # its plugins are named by file where they are trained
    from tests.data.shapes_of_state import REFUSED, TREES

pytestmark = pytest.mark.usefixtures("clean_registry", "quick_compilation")
SHAPES = str(Path(__file__).parent / "data" / "shapes_of_state.py")
HEAVY = ("thousands", "large")
LIGHT = [name for name in TREES if name not in (*HEAVY, "all")]


def shaped(steps, tree, precision="float32", only="", **changes):
    """A run whose optimizer, model and probes all have such a tree in their states; only: one of them."""
    parts = {
        "optimizer": select("shaped_optimizer", tree=tree),
        "model": select("shaped_model", tree=tree),
        "probes": {"in_it": select("shaped_probe", tree=tree, schedule="every 2"), "on_host": select("shaped_host_probe", tree=tree)},
    }
    parts = {name: part for name, part in parts.items() if only in ("", name)} | ({"probes": {}} if only else {})
    return tiny(steps, plugins=(SHAPES,), numerics={"precision": precision}, **parts | changes)


@pytest.mark.parametrize("tree", LIGHT)
def test_it_is_saved_and_restored_to_the_bit(tree, tmp_path):
    device = jax.devices()[0]
    state = TrainState(jnp.int32(7), {"W": jnp.ones(2)}, {}, (), {"x": place(TREES[tree](), device)}, jax.random.key(0))
    Checkpoints(tmp_path, Checkpoint()).save(state)
    restored = Checkpoints(tmp_path, Checkpoint()).restore(state, device)
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    for one, other in zip(jax.tree.leaves(restored), jax.tree.leaves(state), strict=True):
        assert (one.dtype, one.shape, np.asarray(raw(one)).tobytes()) == (other.dtype, other.shape, np.asarray(raw(other)).tobytes())


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "wide"), [("float32", set()), ("float64", {"float64", "int64", "complex128"})])
def test_a_run_with_all_of_it_resumes_to_the_same_bits(precision, wide, tmp_path):
    run = train(shaped(6, "all", precision), tmp_path / "whole")
    assert not any("failed" in row for row in run.rows)
    train(shaped(3, "all", precision), tmp_path / "cut")
    train(shaped(6, "all", precision), tmp_path / "cut")
    assert_same_run(tmp_path / "cut", tmp_path / "whole")
    saved = leaves(tmp_path / "whole", 6)
    assert len(saved) == len(jax.tree.leaves(Experiment.from_config(shaped(6, "all", precision)).initial_state()))
    kinds = {kind.partition("(")[0] for kind, _ in saved.values()}
    assert kinds >= wide | {"bfloat16", "float16", "float8_e4m3fn", "int4", "uint4", "int8", "uint8", "bool", "uint32", "int32"}
    assert {"(0,)", "(3, 0, 2)", "()"} <= {f"({kind.partition('(')[2]}" for kind, _ in saved.values()}


@pytest.mark.slow
@pytest.mark.parametrize("tree", HEAVY)
def test_thousands_of_leaves_and_a_large_one_are_saved_and_restored(tree, tmp_path):
    few = {"checkpoint": {"every_steps": 0, "every_seconds": 0.0}, "events": {"metrics": "last"}}
    probe = {"probes": {"x": select("shaped_host_probe", tree=tree, schedule="every 2")}}
    train(shaped(4, tree, only="none", **few | probe), tmp_path / "whole")
    train(shaped(2, tree, only="none", **few | probe), tmp_path / "cut")
    train(shaped(4, tree, only="none", **few | probe), tmp_path / "cut")
    assert_same_run(tmp_path / "cut", tmp_path / "whole")
    saved = leaves(tmp_path / "cut")
    assert len(saved) > 3_000 or saved["probe_state.x.tree"][0] == "float32(16777216,)"


@pytest.mark.slow
def test_members_that_are_trained_together_have_it_too(tmp_path):
    made = members(shaped(6, "all"), [{"seed": 0}, {"seed": 1}])
    assert [standing.state for standing in run_sweep(made, tmp_path / "runs", engine="batch:size=2")] == ["finished", "finished"]
    train(made[0].config, tmp_path / "alone")
    mine, its = leaves(tmp_path / "runs" / made[0].name), leaves(tmp_path / "alone")
    assert {name: kind for name, (kind, _) in mine.items()} == {name: kind for name, (kind, _) in its.items()}
    beside = [name for name in mine if not name.startswith("params.")]  # which are added up in another order
    assert {name: mine[name] for name in beside} == {name: its[name] for name in beside}


SAID = {
    "text": "state.label = 'word': is neither a number nor",
    "texts": "state = '<U1\\[1\\]': is neither a number nor",
    "dates": "state = 'datetime64\\[D\\]\\[1\\]': is neither",
    "set": "state.seen = frozenset\\(\\{1\\}\\): is neither",
    "objects": "state = 'object\\[2\\]': is neither",
    "large integer": "state.count = 'int64\\[1\\]': is an integer that int32 cannot hold; with numerics.precision=float64",
    "larger integer": "state = 1180591620717411303424: is",
    "unsortable": "state = 'dict': cannot be taken apart",
    "float0": "state.0 = .*: is float0, the gradient of an integer",
    "dotted": "state.*a.b: two leaves of the state are called that",
}


CASES = [(owner, tree) for owner in ("probes.x", "optimizer") for tree in REFUSED]


@pytest.mark.parametrize(("owner", "tree"), slow_but(lambda case: case[0] == "probes.x" and case[1] in ("text", "dotted"), CASES))
def test_what_cannot_be_saved_is_refused_by_name_before_anything_is_written(owner, tree, tmp_path):
    parts = {"optimizer": select("refused_optimizer", tree=tree)} if owner == "optimizer" else {}
    parts |= {"probes": {"x": select("refused_probe", tree=tree)} if owner == "probes.x" else {}}
    named = {"optimizer": "opt_", "probes.x": "probe_"}[owner] if tree == "dotted" else f"{owner}."
    with pytest.raises(UserError, match=f"^{named}{SAID[tree]}"):
        train(tiny(3, plugins=(SHAPES,), **parts), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("damage", [{"dtype": "int3"}, {"shape": [4]}, {"shape": "x"}, {"shape": []}])
def test_a_wrong_word_on_such_a_leaf_is_damage(damage, tmp_path, caplog):
    train(shaped(3, "zero_size", only="optimizer"), tmp_path)
    file = tmp_path / "checkpoints" / "3" / "checksums.json"
    content = json.loads(file.read_text())
    for name, (dtype, shape) in content["odd"].items():
        content["odd"][name] = [damage.get("dtype", dtype), damage.get("shape", shape)]
    file.write_text(json.dumps(content))
    train(shaped(4, "zero_size", only="optimizer"), tmp_path)
    assert any("damaged" in record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert complete_steps(tmp_path / "checkpoints")[-1] == 4
