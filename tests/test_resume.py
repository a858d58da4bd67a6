"""A run that is given again goes on to the same bits, is left alone when finished, and refused when it is another."""

import json
import logging
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from framework import load_run, registry, train
from framework.cli import run_command
from framework.config import Checkpoint, select
from framework.errors import UserError
from framework.run import Checkpoints, complete_steps
from framework.training import Experiment, named_leaves
from tests.helpers import PLUGINS, QUIET, arrays, assert_same_run, content, leaves, rows, slow_but, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")


def states(config):
    """(experiment, state at 0, function from (state, count) to state)."""
    made = Experiment.from_config(config)
    return made, made.initial_state(), lambda state, count: made.advance(state, count)[0]


OPTIMIZERS = [entry.name for entry in registry.entries("optimizer")]


# Those that ship resume in tests/test_builtin_promises.py too.
QUICK = ("adamw", "normalized_gd", "grokfast", "injected")


@pytest.mark.parametrize("name", slow_but(lambda name: name in QUICK, [*OPTIMIZERS, "injected"]))
def test_every_optimizer_resumes_to_the_same_bits_and_not_to_those_of_a_restart(name, tmp_path):
    made, state, advance = states(tiny(optimizer=select(name)))
    checkpoints = Checkpoints(tmp_path, Checkpoint())
    middle = advance(state, 5)
    checkpoints.save(middle)
    params = jax.device_get(middle.params)
    end = named_leaves(advance(middle, 4))
    template = made.initial_state()
    restored = checkpoints.restore(template, made.device)
    assert jax.tree.structure(restored) == jax.tree.structure(template)
    resumed = named_leaves(advance(restored, 4))
    assert {name: leaf.tobytes() for name, leaf in resumed.items()} == {name: leaf.tobytes() for name, leaf in end.items()}
    counts = {int(leaf) for leaf_name, leaf in resumed.items() if leaf_name.endswith("count")}
    assert counts <= {9} and int(resumed["step"]) == 9
    # Lion's steps are signs: over four of them the momentum that a restart has lost shows in none.
    if name != "lion" and any(leaf.any() for leaf_name, leaf in resumed.items() if leaf_name.startswith("opt_state.")):
        restarted = named_leaves(advance(made.initial_state(params), 4))
        assert any(restarted[leaf_name].tobytes() != end[leaf_name].tobytes() for leaf_name in end if leaf_name.startswith("params."))


def test_a_resumed_schedule_gives_the_rates_of_the_uninterrupted_run():
    _, state, advance = states(tiny(optimizer=select("injected")))
    rates = []
    for _ in range(8):
        state = advance(state, 1)
        rates.append(float(state.opt_state.hyperparams["learning_rate"]))
    warm_up = [0.01 * step / 4 for step in range(4)]
    cosine = [0.01 * (1 + np.cos(np.pi * step / 16)) / 2 for step in range(4)]
    np.testing.assert_allclose(rates, warm_up + cosine, rtol=1e-5)


@pytest.mark.parametrize("cuts", [(4,), pytest.param((3, 5), marks=pytest.mark.slow), pytest.param((1, 2, 5), marks=pytest.mark.slow)])
def test_an_extended_run_equals_one_that_was_asked_for_at_once(cuts, tmp_path):
    probes = {
        "norms": select("norms", schedule="every 7"),
        "count": select("counting", schedule="every 2"),
        "late": select("counting", schedule="last"),
        "host": select("on_the_host", schedule="every 3"),
        "picture": select("arrays_only", schedule="every 4"),
    }
    for steps in cuts:
        train(tiny(steps, probes=probes), tmp_path / "extended")
    train(tiny(9, probes=probes), tmp_path / "extended")
    train(tiny(9, probes=probes), tmp_path / "at_once")
    assert_same_run(tmp_path / "extended", tmp_path / "at_once")
    counted = load_run(tmp_path / "extended").series("count/calls")
    assert [list(column) for column in counted] == [[0, 2, 4, 6, 8, 9], [1, 2, 3, 4, 5, 6]]


def test_a_restart_from_weights_only_is_another_run(tmp_path, uninterrupted):
    unseen = {"probes": {}, "events": {"metrics": "at 50"}}
    train(tiny(3, **unseen), tmp_path / "half")
    train(tiny(3, init_from=str(tmp_path / "half"), **unseen), tmp_path / "restarted")
    assert leaves(tmp_path / "half", 3)["params.W"] == leaves(uninterrupted, 3)["params.W"]
    assert leaves(tmp_path / "restarted", 0)["params.W"] == leaves(tmp_path / "half", 3)["params.W"]
    assert leaves(tmp_path / "restarted", 3)["params.W"] != leaves(uninterrupted, 6)["params.W"]  # Adam's moments are lost
    with pytest.raises(UserError, match="after @ comes a step"):
        train(tiny(3, init_from=f"{tmp_path / 'half'}@newest"), tmp_path / "never")
    with pytest.raises(UserError, match="do not fit"):
        train(tiny(3, init_from=str(tmp_path / "half"), model=select("quadratic", width="5")), tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_step_count_of_the_optimizer_and_rows_agree_after_a_resume(tmp_path):
    train(tiny(4), tmp_path)
    train(tiny(7), tmp_path)
    stored = leaves(tmp_path)
    assert {np.frombuffer(stored[name][1], np.int32)[0] for name in ("step", "opt_state.0.count")} == {7}
    assert [json.loads(row)["step"] for row in rows(tmp_path)] == [0, 2, 3, 4, 6, 7]


def test_a_finished_run_is_left_as_it_is(tmp_path, caplog):
    caplog.set_level(logging.INFO, "whygrok")
    config = tiny(5, recording=QUIET | {"tensorboard": True})
    train(config, tmp_path)
    before = content(tmp_path)
    caplog.clear()
    train(config, tmp_path)
    assert [record.getMessage() for record in caplog.records] == [f"already complete at step 5: {tmp_path}"]
    assert content(tmp_path) == before


@pytest.mark.parametrize("probes", [{}, {"picture": select("arrays_only", schedule="last")}, {"norms": select("norms", schedule="at 3")}])
def test_a_finished_run_without_numbers_at_its_last_step_is_finished_too(probes, tmp_path):
    config = tiny(5, events={"metrics": "at 50"}, probes=probes)
    train(config, tmp_path)
    before = content(tmp_path)
    train(config, tmp_path)
    assert content(tmp_path) == before
    assert complete_steps(tmp_path / "checkpoints")[-1] == 5


def test_fewer_steps_than_were_made_are_refused(tmp_path, capfd):
    train(tiny(6), tmp_path)
    before = content(tmp_path)
    assert run_command(["run", f"--workdir={tmp_path}", "--config.steps=4"]) == 2
    assert "this run is at step 6; steps=4 is less" in capfd.readouterr().err
    assert content(tmp_path) == before


def test_a_run_may_end_at_a_state_that_was_saved_where_nothing_was_measured(tmp_path):
    """Its last row is then due only because it ends there: nothing is missing, and nothing is set aside."""
    rare = {"probes": {}, "events": {"metrics": "every 4"}, "checkpoint": {"every_steps": 3, "every_seconds": 0.0, "keep": 5}}
    train(tiny(8, **rare), tmp_path / "run")
    assert complete_steps(tmp_path / "run" / "checkpoints") == [0, 3, 6, 8]
    for step in (6, 8):
        shutil.rmtree(tmp_path / "run" / "checkpoints" / str(step))
    metrics = tmp_path / "run" / "metrics.jsonl"
    metrics.write_text(metrics.read_text().splitlines(keepends=True)[0])  # that of step 0; step 3 has none
    train(tiny(3, **rare), tmp_path / "run")
    train(tiny(3, **rare), tmp_path / "short")
    assert rows(tmp_path / "run") == rows(tmp_path / "short") and leaves(tmp_path / "run") == leaves(tmp_path / "short")
    assert not [*tmp_path.rglob("*.later")]


def test_a_changed_trajectory_is_refused_field_by_field(tmp_path):
    train(tiny(), tmp_path)
    before = content(tmp_path)
    changed = tiny(seed=1, optimizer=select("adamw", learning_rate=0.5), model=select("quadratic", width="8", init_scale=2.0))
    with pytest.raises(UserError) as refusal:
        train(changed, tmp_path)
    said = str(refusal.value)
    assert "optimizer.learning_rate: the run has 0.01, you gave 0.5" in said
    assert "model.width: the run has '4', you gave '8'" in said
    assert "seed: the run has 0, you gave 1" in said
    assert said.count("the run has") == 3 and "--workdir" in said and "--init_from" in said
    assert content(tmp_path) == before


def test_of_another_plugin_its_name_is_enough_and_of_many_fields_the_first(tmp_path):
    train(tiny(), tmp_path)
    with pytest.raises(UserError) as refusal:
        train(tiny(model=select("mlp"), optimizer=select("sgd")), tmp_path)
    other = "model.name: the run has 'quadratic', you gave 'mlp'; optimizer.name: the run has 'adamw', you gave 'sgd'"
    assert str(refusal.value).splitlines()[0] == f"{tmp_path} holds another run: {other}"
    task = select("modular_addition", p=7, k=3, train_size="50%", loss="square")
    with pytest.raises(UserError) as refusal:
        train(tiny(seed=1, task=task, optimizer=select("adamw", learning_rate=0.5, weight_decay=0.3)), tmp_path)
    first, second = str(refusal.value).splitlines()
    assert first.count("the run has") == 5 and first.endswith("; and 1 more") and second.startswith("Use a new --workdir")


def test_a_new_probe_or_another_plugin_is_refused(tmp_path):
    train(tiny(), tmp_path)
    with pytest.raises(UserError, match="probes.late.name: the run has no such field, you gave 'norms'"):
        train(tiny(probes={"late": select("norms")}), tmp_path)
    with pytest.raises(UserError, match="optimizer.name: the run has 'adamw', you gave 'adam'"):
        train(tiny(optimizer=select("adam")), tmp_path)


def test_harmless_fields_may_change_and_change_no_bit(tmp_path, uninterrupted):
    train(tiny(3), tmp_path)
    harmless = {"every_steps": 2, "every_seconds": 1e-6, "keep": 5, "keep_at": "every 1"}
    train(tiny(6, checkpoint=harmless, numerics={"on_divergence": "continue"}, recording=QUIET | {"tensorboard": True}), tmp_path)
    assert rows(tmp_path) == rows(uninterrupted)
    assert leaves(tmp_path) == leaves(uninterrupted)
    assert arrays(tmp_path) == arrays(uninterrupted)


def test_fresh_sets_the_old_run_aside_and_deletes_nothing(tmp_path):
    train(tiny(), tmp_path / "run")
    old = {Path(name).relative_to(tmp_path / "run"): kept for name, kept in content(tmp_path / "run").items()}
    train(tiny(), tmp_path / "run", fresh=True)
    aside = {Path(name).relative_to(tmp_path / "run.old"): kept for name, kept in content(tmp_path / "run.old").items()}
    assert aside == old
    sessions = json.loads((tmp_path / "run" / "environment.json").read_text())["sessions"]
    assert [session["from_step"] for session in sessions] == [0]
    train(tiny(), tmp_path / "run", fresh=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.old", "run.old-2"]


def test_the_first_line_says_whether_the_run_is_new(tmp_path, caplog):
    caplog.set_level(logging.INFO, "whygrok")
    train(tiny(3), tmp_path)
    assert caplog.records[0].getMessage() == f"new run of 3 steps: {tmp_path}"
    caplog.clear()
    train(tiny(6), tmp_path)
    assert caplog.records[0].getMessage() == f"resuming at step 3 of 6: {tmp_path}"


@pytest.mark.parametrize("steps", [5, 6], ids=["off the interval", "on the interval"])
def test_the_last_step_is_saved_once(steps, tmp_path):
    train(tiny(steps), tmp_path)
    assert complete_steps(tmp_path / "checkpoints")[-1] == steps


def test_a_work_directory_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(tiny(3), "a")
    train(tiny(3), "./a/../b")
    assert leaves(tmp_path / "a") == leaves(tmp_path / "b")
    assert PLUGINS.startswith("/")
