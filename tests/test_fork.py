"""A fork goes on from the whole state of another run: with no change at all, as if that run had never stopped."""

import json

import numpy as np
import pytest

from framework import load_run, registry, run_sweep, train
from framework.cli import run_command
from framework.config import members, override, product, select
from framework.errors import UserError
from framework.reading import draw_curves
from tests.helpers import leaves, rows, slow_but, tiny

pytestmark = pytest.mark.usefixtures("clean_registry", "quick_compilation")

FORK, STEPS = 6, 12
INNER = {"grokfast", "grokfast_ma", "orthograd", "sam", "noisy", "scheduled", "by_part", "fixed_norm"}


def optimizers():
    return sorted(entry.name for entry in registry.entries("optimizer"))


def origin(folder, **changes):
    return train(tiny(STEPS, **{"checkpoint": {"every_steps": 3, "every_seconds": 0.0, "keep": 9}} | changes), folder)


def forked(run, step=FORK, **changes):
    return override(run.config, {"fork_of": f"{run.path}@{step}", **changes})


def after(folder, step=FORK):
    return [line for line in rows(folder) if json.loads(line)["step"] > step]


@pytest.mark.parametrize("name", slow_but(lambda name: name == "adamw", optimizers()))
def test_a_fork_without_changes_ends_in_the_rows_and_the_bits_of_the_run_that_never_stopped(name, tmp_path):
    run = origin(tmp_path / "whole", optimizer=select(name))
    train(forked(run), tmp_path / "fork")
    assert rows(tmp_path / "fork") == after(tmp_path / "whole")
    assert leaves(tmp_path / "fork") == leaves(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{"task.batch_size": "5"}, {"task.batch_size": "5", "task.batch_order": "drawn"}, {"task.label_noise": 0.3}]
)
def test_what_is_drawn_in_training_goes_on_too(changes, tmp_path):
    run = train(override(tiny(STEPS, checkpoint={"every_steps": 3, "every_seconds": 0.0, "keep": 9}), changes), tmp_path / "whole")
    train(forked(run), tmp_path / "fork")
    assert leaves(tmp_path / "fork") == leaves(tmp_path / "whole")


def test_a_fork_of_a_fork_is_the_same_run_still(tmp_path):
    run = origin(tmp_path / "whole")
    middle = train(forked(run, 3), tmp_path / "middle")
    train(forked(middle, 9), tmp_path / "end")
    assert rows(tmp_path / "end") == after(tmp_path / "whole", 9)
    assert leaves(tmp_path / "end") == leaves(tmp_path / "whole")


@pytest.mark.slow
def test_a_fork_in_memory_has_the_parameters_of_the_one_on_disk(tmp_path):
    run = origin(tmp_path / "whole")
    here = train(forked(run, **{"optimizer.learning_rate": 0.5}))
    there = train(forked(run, **{"optimizer.learning_rate": 0.5}), tmp_path / "fork")
    for name, array in here.params().items():
        np.testing.assert_array_equal(array, there.params()[name])
    assert [row["step"] for row in here.rows] == [row["step"] for row in there.rows] == [8, 9, 10, 12]


def test_a_changed_rate_acts_from_the_fork_on(tmp_path):
    """Gradient descent with a rate far below rounding stays where it is; with twice the rate its first step is twice as long."""
    run = origin(tmp_path / "whole", optimizer=select("gd", learning_rate=0.01))
    start = run.params(FORK)["W"]
    still = train(forked(run, **{"optimizer.learning_rate": 1e-30}))
    np.testing.assert_array_equal(still.params()["W"], start)
    one, two = (train(forked(run, steps=FORK + 1, **{"optimizer.learning_rate": rate})).params()["W"] - start for rate in (0.01, 0.02))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-4, atol=1e-7)


def test_a_fork_that_was_stopped_goes_on_without_the_run_that_it_came_from(tmp_path):
    run = origin(tmp_path / "whole")
    train(forked(run, steps=9), tmp_path / "fork")
    run.path.rename(tmp_path / "elsewhere")
    train(forked(run), tmp_path / "fork")
    assert leaves(tmp_path / "fork") == leaves(tmp_path / "elsewhere")
    assert rows(tmp_path / "fork") == after(tmp_path / "elsewhere")


@pytest.mark.slow
def test_a_probe_that_is_new_begins_at_the_fork_and_an_old_one_goes_on(tmp_path):
    run = origin(tmp_path / "whole")
    drift = select("ntk_drift", outputs="first", points="train", schedule="every 3")
    fork = train(override(forked(run), {"probes.ntk_drift": drift}))
    counted = {row["step"]: row["count/count"] for row in run.rows if "count/count" in row}
    assert {row["step"]: row["count/count"] for row in fork.rows if "count/count" in row} == {
        step: count for step, count in counted.items() if step > FORK
    }
    early = train(override(forked(run), {"probes.ntk_drift": drift, "optimizer.learning_rate": 1e-30, "optimizer.weight_decay": 0.0}))
    assert early.series("ntk_drift/absolute")[1].tolist() == [0.0, 0.0]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["processes", "batch"])
def test_the_members_of_a_sweep_are_forks_over_the_changed_field(engine, tmp_path):
    run = origin(tmp_path / "whole")
    rates = [0.01, 0.1]
    standings = run_sweep(members(forked(run), product({"optimizer.learning_rate": rates})), tmp_path / "sweep", engine=engine)
    alone = [train(forked(run, **{"optimizer.learning_rate": rate})) for rate in rates]
    for standing, one in zip(standings, alone, strict=True):
        found = load_run(tmp_path / "sweep" / standing.member).params()["W"]
        np.testing.assert_allclose(found, one.params()["W"], rtol=0 if engine == "processes" else 1e-4)
    np.testing.assert_array_equal(alone[0].params()["W"], run.params()["W"])


@pytest.mark.slow
def test_the_picture_of_a_fork_shows_the_curve_that_leads_to_it(tmp_path):
    run = origin(tmp_path / "whole")
    fork = train(forked(run, **{"optimizer.learning_rate": 1e-30}), tmp_path / "fork")
    before, step = fork.origin
    assert (before.path, step) == (run.path, FORK)
    assert all(file.is_file() for file in draw_curves([fork], tmp_path / "fork.png"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model.width": "5"}, r"params\.V is float32\(4, 5\), this run needs float32\(5, 5\)"),
        ({"optimizer": select("gd")}, r"opt_state\S* is not part of this run"),
        ({"steps": FORK}, "steps = 6: the fork begins at step 6, so ask for more"),
        ({"init_from": "elsewhere"}, "a run has one origin"),
        ({"fork_of": "RUN"}, r"name the step at which to go on, as RUN@STEP; saved: \[0, 3, 6, 9, 12\]"),
        ({"fork_of": "RUN@5"}, r"no parameters are saved at step 5; saved: \[0, 3, 6, 9, 12\]"),
        ({"fork_of": "RUN@half"}, "after @ comes a step"),
        ({"fork_of": "nowhere@3"}, "nowhere is not a run"),
    ],
)
def test_what_cannot_be_forked_is_told_in_a_sentence_before_anything_is_written(changes, said, tmp_path):
    run = origin(tmp_path / "whole")
    changes = {name: value.replace("RUN", str(run.path)) if isinstance(value, str) else value for name, value in changes.items()}
    with pytest.raises(UserError, match=said):
        train(override(forked(run), changes), tmp_path / "fork")
    assert not (tmp_path / "fork").exists()


def test_the_command_goes_on_from_the_newest_step_or_from_the_one_that_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    origin("runs/a", init_from="")
    assert run_command(["fork", "runs/a", "--config.steps=14", "--workdir=newest"]) == 0
    assert load_run("newest").config.fork_of == f"{tmp_path}/runs/a@12"
    assert run_command(["fork", "runs/a@6", "--config.optimizer.learning_rate=0.5"]) == 0
    assert [path.name for path in (tmp_path / "runs").iterdir() if path.name != "a"] == ["a-1"]
    assert load_run("runs/a-1").rows[0]["step"] == 8
    assert run_command(["fork", "runs/a@7"]) == 2
    assert "saved steps of" in capsys.readouterr().err
    assert run_command(["fork", "runs/a", "--config=quickstart"]) == 2
