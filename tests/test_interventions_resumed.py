"""A run that is killed around an intervention, and a fork after it, end in the rows and the bits of the run that never stopped."""

import shutil

import numpy as np
import pytest

from framework import run_sweep, train
from framework.config import members, override, product, select
from tests.batches_of_members import assert_close
from tests.changed_runs import STEP, STEPS, plain, row, state
from tests.helpers import assert_same_run, leaves, rows

pytestmark = pytest.mark.usefixtures("clean_registry")  # all runs share the compiled programs of this file

ALL = {
    "cut": select("scale", schedule="at 5", factor=0.5),
    "later": select("noise", when="step >= 4", std=0.1, leaves="W"),
    "stop": select("freeze", schedule="at 3", leaves="V"),
    "zero": select("reset_optimizer", schedule="every 4"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(plain(STEPS, interventions=ALL), tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize("saved", range(2, STEPS))
def test_what_is_killed_around_them_resumes_to_the_same_bits(saved, whole, tmp_path):
    """As kill -9 leaves it: rows are there that come after the newest checkpoint."""
    shutil.copytree(whole.path, tmp_path / "run")
    for step in range(saved + 1, STEPS + 1):
        shutil.rmtree(tmp_path / "run" / "checkpoints" / str(step))
    train(whole.config, tmp_path / "run")
    assert_same_run(tmp_path / "run", whole.path)


def test_each_is_made_when_it_is_due(whole):
    made = {name: [row["step"] for row in whole.rows if f"{name}/distance" in row] for name in ALL}
    assert made == {"cut": [5], "later": [5], "stop": [3], "zero": [0, 4, 8]}


@pytest.mark.parametrize("step", [3, 4, 5])
def test_a_fork_makes_none_of_them_twice(step, whole, tmp_path):
    train(override(whole.config, {"fork_of": f"{whole.path}@{step}"}), tmp_path / "fork")
    assert leaves(tmp_path / "fork") == leaves(whole.path)


def test_a_fork_makes_one_of_its_own_at_its_first_step(whole, tmp_path):
    own = {"interventions.new": select("set_to", schedule=f"at {STEP}", value=1.0), "fork_of": f"{whole.path}@{STEP}", "steps": STEP + 1}
    run = train(override(whole.config, own), tmp_path / "fork")
    assert np.all(state(run)["params.W"] == 1) and row(run)["new/distance"] > 0 and "cut/distance" not in row(run)


def test_a_run_that_is_made_longer_is_the_long_one(whole, tmp_path):
    train(override(whole.config, {"steps": STEP}), tmp_path / "run")
    train(whole.config, tmp_path / "run")
    assert leaves(tmp_path / "run") == leaves(whole.path) and rows(tmp_path / "run")[-1] == rows(whole.path)[-1]


def test_without_interventions_a_state_has_the_leaves_that_it_had_before_there_were_any(tmp_path):
    run = train(plain(2), tmp_path / "run")
    assert {name.partition(".")[0] for name in state(run, 2)} == {"step", "params", "opt_state", "rng"}


@pytest.mark.slow
def test_members_of_a_batch_have_the_numbers_of_runs_of_their_own(tmp_path):
    sweep = members(plain(STEPS, interventions=ALL), product({"seed": [0, 1], "interventions.cut.factor": [0.5]}))
    assert [standing.state for standing in run_sweep(sweep, tmp_path / "runs", engine="batch")] == ["finished"] * 2
    for member in sweep:
        train(member.config, tmp_path / member.name)
        assert_close(tmp_path / "runs" / member.name, tmp_path / member.name)
