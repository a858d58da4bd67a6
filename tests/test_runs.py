"""A run as data: what load_run gives, from files and from memory."""

import json
import shutil

import jax
import numpy as np
import pytest

from framework import load_run, train
from framework.errors import UserError
from framework.training import Experiment
from tests.helpers import rows, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture
def path(uninterrupted):
    return uninterrupted


def test_metrics_are_the_columns_of_the_file(path):
    lines = [json.loads(line) for line in rows(path)]
    columns = load_run(path).metrics()
    assert columns["step"].dtype == np.int64 and list(columns["step"]) == [line["step"] for line in lines] == [0, 2, 3, 4, 6]
    for name in {name for line in lines for name in line} - {"step"}:
        expected = np.array([np.nan if line.get(name) is None else line[name] for line in lines])
        np.testing.assert_array_equal(columns[name], expected)
    assert np.isnan(columns["train/loss"][2]) and np.isnan(columns["norms/l2"][1])


def test_a_series_holds_measured_values_only(path):
    run = load_run(path)
    assert list(run.series("norms/linf")[0]) == [0, 3, 6] and list(run.series("count/calls")[1]) == [1, 2, 3, 4]
    with pytest.raises(UserError, match="no metric 'norms/l1'.* Did you mean 'norms/l"):
        run.series("norms/l1")


def test_arrays_come_by_step(path):
    arrays = load_run(path).arrays("count/largest")
    assert list(arrays) == [0, 2, 4, 6] and not arrays[0].any()
    first, last = Experiment.from_config(tiny()).initial_state().params, load_run(path).params(6)
    largest = [np.abs(last[name] - np.asarray(first[name])).max() for name in ("V", "W")]
    np.testing.assert_array_equal(arrays[6], np.float32(largest))


def test_a_run_in_memory_has_the_numbers_of_one_in_a_directory(path):
    memory, stored = train(tiny()), load_run(path)
    assert memory.path is None and memory.steps == [6] and stored.steps == [3, 6]
    for name, column in stored.metrics().items():
        if name != "seconds":
            np.testing.assert_array_equal(memory.metrics()[name], column)
    assert memory.metrics().keys() == stored.metrics().keys()
    for ours, theirs in zip(jax.tree.leaves(memory.params()), jax.tree.leaves(stored.params()), strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert {step: array.tobytes() for step, array in memory.arrays("count/largest").items()} == {
        step: array.tobytes() for step, array in stored.arrays("count/largest").items()
    }


@pytest.mark.parametrize("step", [3, 6, None])
def test_the_network_of_a_step_computes_what_its_parameters_say(step, path):
    run = load_run(path)
    params = run.params(step)
    inputs = np.array([[0, 1], [4, 4], [2, 3]], np.int32)
    W, V = params["W"].astype(float), params["V"].astype(float)
    expected = (W[0, inputs[:, 0]] + W[1, inputs[:, 1]]) ** 2 @ V
    np.testing.assert_allclose(jax.jit(run.model(step))(inputs), expected, rtol=1e-5, atol=1e-6)


def test_the_network_of_the_last_step_has_the_recorded_accuracy(path):
    run = load_run(path)
    split = run.experiment.splits.population
    answers = np.argmax(np.asarray(run.model()(split.inputs)), axis=1)
    inputs = np.asarray(split.inputs)
    assert run.series("population/accuracy")[1][-1] == np.mean(answers == inputs.sum(1) % 5)


def test_parameters_of_a_step_that_is_not_saved_are_refused_with_those_that_are(path):
    with pytest.raises(UserError, match=r"no parameters are saved at step 5; saved: \[3, 6\]"):
        load_run(path).params(5)


def test_a_damaged_checkpoint_is_named_when_it_is_read(path, tmp_path):
    run = shutil.copytree(path, tmp_path / "run")
    (run / "checkpoints" / "6" / "default" / "manifest.ocdbt").write_bytes(b"")
    with pytest.raises(UserError, match="checkpoint 6 of .* is damaged"):
        load_run(run).params()
    assert load_run(run).params(3)["W"].shape == (2, 5, 4)


def test_a_living_run_is_read_with_a_torn_tail_and_without_a_checkpoint(path, tmp_path):
    run = shutil.copytree(path, tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"step": 7, "sec')
    living = load_run(run)
    assert list(living.metrics()["step"]) == [0, 2, 3, 4, 6] and living.steps == []
    with pytest.raises(UserError, match="saved: none"):
        living.params()


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a run: it has no config.json"):
        load_run(tmp_path)


def test_of_a_folder_of_runs_one_is_named(tmp_path):
    for name in ("b", "a"):
        train(tiny(2), tmp_path / name)
    with pytest.raises(UserError, match=f"{tmp_path} is not a run, but holds 2: name one of them, such as {tmp_path / 'a'}$"):
        load_run(tmp_path)


def test_a_run_without_rows_has_no_metrics(tmp_path):
    run = train(tiny(2, events={"metrics": "at 50"}, probes={}), tmp_path)
    assert run.metrics() == {} and run.steps == [0, 2]
    with pytest.raises(UserError, match="Metrics: none"):
        run.series("train/loss")
