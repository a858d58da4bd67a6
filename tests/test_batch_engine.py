"""The engine `batch`: members are lanes of one program; each has the numbers of a run of its own, and what ends one ends no other."""

import dataclasses
import json
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import Penalty, load_run, registry, run_sweep, train
from framework.cli import run_command
from framework.config import members, override, product, select
from framework.errors import Diverged
from framework.run import read_leaves
from framework.testing.subject import compiled_programs
from framework.training import sharing
from tests import dying_members
from tests.batches_of_members import ENGINE, NAMES, assert_close, swept
from tests.broken.numbers import BranchingRate
from tests.dying_members import states, table
from tests.helpers import assert_same_run, rows, slow_but, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")

PROBES = {"count": select("counting", schedule="every 2"), "host": select("on_the_host", schedule="every 3")}
CASES = {
    "adamw and probes": {"probes": PROBES},
    "gd": {"optimizer": select("gd", learning_rate=0.1)},
    "momentum and minibatches": {
        "task": select("modular_addition", p=5, k=2, batch_size="50%"),
        "optimizer": select("sgd", learning_rate=0.1, momentum=0.9),
    },
    "label noise": {"task": select("modular_addition", p=5, k=2, label_noise=0.2)},
    "dropout": {"model": select("transformer", d_model=8, d_mlp=8, heads=2, dropout=0.1), "probes": {}},
    "batch statistics": {"model": select("noisy"), "probes": {}},
    "float64": {"numerics": {"precision": "float64"}, "probes": PROBES},
}


@pytest.fixture
def said(caplog, monkeypatch):
    """The log of the product."""
    monkeypatch.setattr(logging.getLogger("whygrok"), "propagate", True)
    caplog.set_level("INFO", "whygrok")
    return caplog


@pytest.mark.parametrize("case", slow_but(lambda case: case in ("adamw and probes", "momentum and minibatches"), CASES))
def test_every_member_has_the_numbers_of_a_run_of_its_own(case, tmp_path):
    sweep = swept(3, **CASES[case])
    with compiled_programs() as names:
        assert states(run_sweep(sweep, tmp_path / "runs", engine="batch")) == ["finished"] * 3
    assert "jit(advance)" not in names, "no member was trained by itself"
    for member in sweep:
        train(member.config, tmp_path / member.name)
        assert_close(tmp_path / "runs" / member.name, tmp_path / member.name, "float64" if case == "float64" else "float32")


def test_the_same_sweep_has_the_same_bits_again_and_says_in_its_table_what_its_rows_say(tmp_path, finished_batch, said):
    run_sweep(swept(), tmp_path / "runs", engine=ENGINE)
    for name, row in zip(NAMES, table(tmp_path / "runs"), strict=True):
        assert_same_run(tmp_path / "runs" / name, finished_batch / name)
        last = json.loads(rows(finished_batch / name)[-1])
        assert [row["member"], row["state"], row["step"]] == [name, "finished", "6"]
        assert [float(row["train"]), float(row["test"])] == [last["train/accuracy"], last["test/accuracy"]]
        assert f"new run of 6 steps: {tmp_path / 'runs' / name}" in (tmp_path / "runs" / row["log"]).read_text()


@pytest.mark.slow
def test_each_structure_is_one_program_however_many_members_have_it(tmp_path):
    sharing.program_of.cache_clear()
    adamw = [{"seed": seed, "optimizer.weight_decay": 0.1 * (seed + 1)} for seed in range(7)]
    others = [{"optimizer": {"name": "gd", "learning_rate": rate}} for rate in (0.1, 0.2, 0.3)]
    sweep = members(tiny(probes={}), [adamw[0], others[0], *adamw[1:], *others[1:]])
    with compiled_programs() as names:
        assert states(run_sweep(sweep, tmp_path / "runs", engine="batch:size=3")) == ["finished"] * 10
    assert [names.count(f"jit({name})") for name in ("advance_lane", "metrics_lane", "advance")] == [2, 1, 0]  # metrics know no optimizer


@pytest.mark.slow
def test_members_that_a_program_cannot_hold_together_are_trained_in_groups_by_their_structure(tmp_path, said):
    sweep = members(tiny(probes={}), product({"model.width": ["4", "6"], "seed": [0, 1]}))
    assert states(run_sweep(sweep, tmp_path / "runs", engine="batch")) == ["finished"] * 4
    assert not any("by itself" in line for line in said.messages)
    assert [load_run(tmp_path / "runs" / member.name).params()["V"].shape for member in sweep] == [(4, 5), (4, 5), (6, 5), (6, 5)]


@pytest.mark.slow
def test_a_member_that_diverges_stops_with_its_sentence_and_changes_no_bit_of_the_others(tmp_path):
    checkpoint = {"every_steps": 1, "every_seconds": 0.0, "keep": 2}
    calm, wild = ([{"seed": 0}, {"seed": 1, "optimizer.learning_rate": rate}, {"seed": 2}] for rate in (0.1, 1e30))
    quiet, loud = (members(tiny(checkpoint=checkpoint), changes) for changes in (calm, wild))
    assert states(run_sweep(quiet, tmp_path / "calm", engine="batch")) == ["finished"] * 3
    found = run_sweep(loud, tmp_path / "wild", engine="batch")
    assert states(found) == ["finished", "failed", "finished"]
    for name in ("seed=0", "seed=2"):
        assert_same_run(tmp_path / "wild" / name, tmp_path / "calm" / name)

    with pytest.raises(Diverged) as error:
        train(loud[1].config, tmp_path / "alone")
    assert found[1].said == str(error.value) and found[1].exit_code == Diverged.exit_code
    kept = sorted(path.name for path in (tmp_path / "wild" / loud[1].name / "checkpoints").iterdir())
    assert kept == sorted(path.name for path in (tmp_path / "alone" / "checkpoints").iterdir()) and kept
    for step in kept:
        leaves_there = read_leaves(tmp_path / "wild" / loud[1].name / "checkpoints" / step)
        assert all(np.isfinite(leaf).all() for leaf in leaves_there.values() if np.issubdtype(leaf.dtype, np.floating))
    session = json.loads((tmp_path / "wild" / loud[1].name / "environment.json").read_text())["sessions"][-1]
    assert session["reason"] == str(error.value)


@pytest.mark.slow
def test_a_member_that_stop_when_ends_leaves_the_others_their_bits(tmp_path, finished_batch):
    sweep = swept()
    sweep[1] = dataclasses.replace(sweep[1], config=override(sweep[1].config, {"stop_when": "step >= 4"}))
    assert states(run_sweep(sweep, tmp_path / "runs", engine=ENGINE)) == ["finished"] * 5
    assert [row["step"] for row in table(tmp_path / "runs")] == ["6", "4", "6", "6", "6"]
    assert [json.loads(line)["step"] for line in rows(tmp_path / "runs" / NAMES[1])][-1] == 4
    for name in NAMES[:1] + NAMES[2:]:
        assert_same_run(tmp_path / "runs" / name, finished_batch / name)


def test_a_probe_that_raises_ends_its_member_only(tmp_path, monkeypatch):
    run_sweep(dying_members.swept(), tmp_path / "calm", engine="batch")
    monkeypatch.setenv("DEATH", "1 raise")
    found = run_sweep(dying_members.swept(), tmp_path / "runs", engine="batch")
    assert states(found) == ["finished", "failed", "finished"]
    assert found[1].said.startswith("probe death failed at step 4: RuntimeError: the fourth step was too much (dying.py:")
    monkeypatch.delenv("DEATH")
    assert states(run_sweep(dying_members.swept(), tmp_path / "runs", engine="batch")) == ["finished"] * 3
    for name in dying_members.NAMES:
        assert_same_run(tmp_path / "runs" / name, tmp_path / "calm" / name)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AsksTheHost(Penalty):
    """A constant, which a function on the host computes for one network at a time."""

    def __call__(self, params):
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        return jax.pure_callback(lambda W: np.float32(W.size), shape, jax.lax.stop_gradient(params["W"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"penalty": select("asks_the_host")}, "NotImplementedError: vmap is only supported for the pure_callback"),
        ({"optimizer": select("unruly", learning_rate=0.05)}, "TracerBoolConversionError"),
    ],
    ids=["a program without an axis of members", "a number that cannot be traced"],
)
def test_what_cannot_be_a_lane_is_trained_by_itself_to_the_bits_of_its_own_run(changes, why, tmp_path, said):
    registry.register("asks_the_host")(AsksTheHost)
    registry.register("unruly")(BranchingRate)
    sweep = members(tiny(**changes), [{"seed": 0}, {"seed": 1}])
    assert states(run_sweep(sweep, tmp_path / "runs", engine="batch")) == ["finished"] * 2
    lines = [line for line in said.messages if "is trained by itself" in line]
    assert [line.partition(" ")[0] for line in lines] == ["seed=0", "seed=1"]
    assert all(f"its program takes no axis of members ({why}" in line for line in lines)
    for member in sweep:
        train(member.config, tmp_path / member.name)
        assert_same_run(tmp_path / "runs" / member.name, tmp_path / member.name)


def test_a_member_is_an_ordinary_run_directory(tmp_path, finished_batch, capfd):
    runs = tmp_path / "runs"
    base = tiny(recording={"tensorboard": False, "progress": False, "plot": True})
    run_sweep(swept(base=base), runs, engine=ENGINE)
    first, second = runs / NAMES[0], runs / NAMES[4]
    assert not (first / "figures").exists()
    assert run_command(["run", f"--workdir={first}"]) == 0
    assert "already complete at step 6" in capfd.readouterr().err and (first / "figures" / "curves.png").is_file()
    assert_same_run(first, finished_batch / NAMES[0])
    assert run_command(["plot", str(second)]) == 0
    assert run_command(["diff", str(first), str(second)]) == 0
    assert "optimizer.learning_rate" in capfd.readouterr().out
    assert load_run(first).steps[-1] == 6 and len(load_run(first).rows) == len(rows(first))

    assert run_command(["run", f"--workdir={first}", "--config.steps=9"]) == 0
    assert "resuming at step 6 of 9" in capfd.readouterr().err
    train(override(swept()[0].config, {"steps": 9}), tmp_path / "alone")
    assert_close(first, tmp_path / "alone")
