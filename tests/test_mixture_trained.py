"""Runs of several tasks: resumed, forked, drawn, in a batch of members, under probes and interventions."""

import shutil

import numpy as np
import pytest

from framework import Experiment, run_sweep, train
from framework.config import members, override, product, select
from framework.errors import UserError
from framework.reading import draw_curves
from framework.reading.curves import title_of
from framework.training import METRICS, Event
from tests.batches_of_members import assert_close
from tests.helpers import assert_same_run, leaves, tiny
from tests.test_mixture import ADDITION, P

pytestmark = pytest.mark.usefixtures("clean_registry")

MIXED = {
    "task": select(
        "mixture",
        first=ADDITION | {"random_labels": 0.2},
        second=select("modular_multiplication", p=P, train_size="15"),
        batch_size="6",
        label_noise=0.1,
    ),
    "checkpoint": {"every_steps": 1, "every_seconds": 0.0, "keep": 20},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tiny(6, **MIXED), tmp_path_factory.mktemp("mixed") / "run")


@pytest.mark.slow
@pytest.mark.parametrize("saved", [1, 4])
def test_a_killed_run_resumes_to_the_same_bits(saved, whole, tmp_path):
    """As kill -9 leaves it, in the middle of an epoch: rows are there that come after the newest checkpoint."""
    shutil.copytree(whole.path, tmp_path / "run")
    for step in range(saved + 1, 7):
        shutil.rmtree(tmp_path / "run" / "checkpoints" / str(step))
    train(whole.config, tmp_path / "run")
    assert_same_run(tmp_path / "run", whole.path)


@pytest.mark.slow
def test_a_fork_with_nothing_changed_is_the_run(whole, tmp_path):
    train(override(whole.config, {"fork_of": f"{whole.path}@3"}), tmp_path / "fork")
    assert leaves(tmp_path / "fork") == leaves(whole.path)


@pytest.mark.slow
def test_the_picture_has_curves_of_all_and_of_each_task(whole, tmp_path):
    _, table = draw_curves([whole], tmp_path / "curves.png")
    columns = table.read_text().splitlines()[0].split(",")[2:]
    expected = []
    for what in ("accuracy", "loss"):
        expected += [
            f"train/{what}",
            f"test/{what}",
            *(f"{split}/{what}/{part}" for split in ("train", "test") for part in ("first", "second")),
        ]
    assert columns == expected
    assert title_of([whole]).startswith("mixture, quadratic, adamw")


def test_random_labels_are_those_of_one_task():
    train_split = Experiment.from_config(tiny(**MIXED)).splits.train
    for number, right in ((0, lambda x: x.sum(axis=1) % P), (1, lambda x: x.prod(axis=1) % P)):
        one = train_split.one(number)
        wrong = np.sum(np.asarray(one.targets) != right(np.asarray(one.inputs)[:, :2]))
        assert 0 < wrong <= 2 if number == 0 else wrong == 0


@pytest.mark.slow
def test_members_of_a_batch_have_the_numbers_of_runs_of_their_own(tmp_path):
    sweep = members(tiny(6, **MIXED), product({"seed": [0, 1], "task.share": [0.2, 0.9]}))
    assert [standing.state for standing in run_sweep(sweep, tmp_path / "runs", engine="batch")] == ["finished"] * 4
    for member in sweep:
        train(member.config, tmp_path / member.name)
        assert_close(tmp_path / "runs" / member.name, tmp_path / member.name)


@pytest.mark.slow
def test_probes_and_interventions_see_all_tasks():
    """Accuracies of the kernel method and of the linearized network by task; labels made right again, another sample."""
    parts = tiny(2, **MIXED | {"probes": {name: select(name) for name in ("laziness", "kernel_regression", "margins")}})
    again = {"right": select("labels", schedule="at 1", share=0.0), "other": select("sample", schedule="at 2", seed=7)}
    made = Experiment.from_config(override(parts, {f"interventions.{name}": section for name, section in again.items()}))
    assert made.notices() == []
    state = made.initial_state()
    values, state = made.measure(state, Event(0, (METRICS, *made.probes), (), last=False))
    assert {"laziness/linearized/test/accuracy/second", "kernel_regression/initial/test_accuracy_first"} <= set(values)
    said, state = made.change(state, ["right"])
    inputs, labels, mine = (np.asarray(array) for array in (state.data[0].inputs, state.data[0].targets, state.data[0].task))
    np.testing.assert_array_equal(labels, np.where(mine == 0, inputs[:, :2].sum(axis=1), inputs[:, :2].prod(axis=1)) % P)
    assert said["right/examples"] > 0
    _, state = made.change(state, ["other"])
    np.testing.assert_array_equal(state.data[0].inputs, made.task.splits(7).train.inputs)


def test_a_task_that_changes_its_size_with_each_sample_cannot_be_drawn_again():
    task = select("mixture", first=ADDITION | {"replacement": True}, second=ADDITION)
    made = Experiment.from_config(tiny(task=task, interventions={"x": select("sample", schedule="at 1")}))
    with pytest.raises(UserError, match="drawn with replacement"):
        made.notices()


def test_a_probe_of_one_tasks_frequencies_refuses_a_mixture():
    with pytest.raises(UserError, match="fourier reads the network of one task"):
        Experiment.from_config(tiny(2, **MIXED | {"probes": {"fourier": select("fourier")}})).initial_state()
