"""The task that reads a file of the user's: what the types of its arrays mean, and what is said of a file that is not right."""

import json
import os
import signal
import subprocess
import sys
import time

import jax.numpy as jnp
import numpy as np
import pytest

from framework import Experiment, build, train
from framework.cli import run_command
from framework.config import experiment, override, select, to_dict
from framework.errors import FieldError, UserError
from framework.run import complete_steps
from framework.training import METRICS, Event
from tests.helpers import QUIET, assert_same_run

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.normal(size=(12, 4, 5))
LABELS = np.arange(12) % 3
MINUS = LABELS.copy()
MINUS[4] = -1
HOLE = IMAGES.copy()
HOLE[7, 1, 2] = np.nan


def written(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


@pytest.mark.parametrize(
    ("inputs", "said", "shape", "dtype"),
    [
        (GENERATOR.integers(0, 7, (12, 3)), "tokens [3]", (12, 3), np.int32),
        (GENERATOR.normal(size=(12, 3)), "values [3]", (12, 3), np.float32),
        (GENERATOR.normal(size=12).astype(np.float16), "values [1]", (12, 1), np.float32),
        (IMAGES, "images [4, 5, 1]", (12, 4, 5, 1), np.float32),
        (GENERATOR.normal(size=(12, 4, 5, 3)), "images [4, 5, 3]", (12, 4, 5, 3), np.float32),
    ],
)
def test_inputs_are_what_their_type_and_their_axes_say(inputs, said, shape, dtype, tmp_path):
    task = build("task", "array_file", file=written(tmp_path / "data.npz", inputs=inputs, targets=LABELS))
    population = task.population()
    assert str(task.sizes) == said and task.sizes.outputs == 3 and np.isclose(task.losses(jnp.zeros((1, 3)), jnp.array([1]))[0], np.log(3))
    assert (population.inputs.shape, population.inputs.dtype, population.targets.dtype) == (shape, dtype, np.int32)
    np.testing.assert_array_equal(np.asarray(population.inputs), inputs.reshape(shape).astype(dtype))
    np.testing.assert_array_equal(population.targets, LABELS)
    assert task.sizes.values == (inputs.max() + 1 if said == "tokens [3]" else 0)


def test_arrays_with_a_name_each_are_a_dict(tmp_path):
    file = written(tmp_path / "data.npz", **{"inputs.picture": IMAGES, "inputs.mood": LABELS, "targets": LABELS})
    task = build("task", "array_file", file=file)
    assert str(task.sizes) == "arrays mood [], picture [4, 5]"
    inputs = task.splits(0).train.inputs
    assert {name: array.shape for name, array in inputs.items()} == {"mood": (6,), "picture": (6, 4, 5)}


@pytest.mark.parametrize("targets", [GENERATOR.normal(size=12), GENERATOR.normal(size=(12, 2))])
def test_floats_are_values_that_are_met_within_a_tolerance(targets, tmp_path):
    file = written(tmp_path / "data.npz", inputs=GENERATOR.normal(size=(12, 3)), targets=targets)
    task = build("task", "array_file", file=file, tolerance=0.5)
    splits, wanted = task.splits(0), targets.reshape(12, -1)
    assert task.sizes.outputs == wanted.shape[1]
    np.testing.assert_array_equal(np.asarray(splits.population.targets), wanted.astype(np.float32))
    spread = np.sqrt(np.mean(np.sum((wanted - wanted.mean(axis=0)) ** 2, axis=1)))
    near = np.linalg.norm(wanted, axis=1) <= 0.5 * spread  # an answer of 0
    found = task.metrics(lambda x: jnp.zeros((len(x), wanted.shape[1])), splits)
    np.testing.assert_allclose(found["population/accuracy"], near.mean(), rtol=1e-6)
    np.testing.assert_allclose(found["population/loss"], np.mean(wanted**2), rtol=1e-5)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"input": IMAGES, "targets": LABELS}, "has no array 'inputs'. Did you mean 'input'.*It has input, targets"),
        ({"inputs": IMAGES}, "has no array 'targets'"),
        ({"inputs": IMAGES, "targets": LABELS[:5]}, "has 12 rows in 'inputs' and 5 in 'targets'"),
        ({"inputs": HOLE, "targets": LABELS}, "has nan in row 7 of 'inputs': it must be finite"),
        ({"inputs": IMAGES, "targets": MINUS}, "has -1 in row 4 of 'targets': integers are tokens or labels, from 0 on"),
        ({"inputs": IMAGES.astype(int) + 9, "targets": LABELS}, r"has integer inputs of shape \[12, 4, 5\].*inputs.astype\('float32'\)"),
        ({"inputs": IMAGES, "targets": LABELS[:, None]}, r"has int32 targets of shape \[12, 1\]"),
        ({"inputs": IMAGES.astype(complex), "targets": LABELS}, "of complex128: it must hold integers or floats"),
        ({"inputs": IMAGES, "inputs.more": IMAGES, "targets": LABELS}, "has an array 'inputs' and also 'inputs.more'"),
        ({"inputs": IMAGES[:0], "targets": LABELS[:0]}, r"has an array 'inputs' of shape \[0, 4, 5\]"),
        ({"inputs": np.array([{}] * 12), "targets": LABELS}, "is no .npz file of arrays of numbers"),
    ],
)
def test_a_file_that_is_not_right_is_explained(arrays, said, tmp_path):
    with pytest.raises(FieldError, match=said):
        build("task", "array_file", file=written(tmp_path / "data.npz", **arrays))


def test_what_is_no_file_of_arrays_is_explained(tmp_path):
    np.save(tmp_path / "one.npy", IMAGES)
    (tmp_path / "text.npz").write_text("1,2")
    (tmp_path / "empty.npz").write_text("")
    for name, said in {"one.npy": "is no .npz", "text.npz": "is no .npz", "empty.npz": "is no .npz", "none.npz": "cannot be read"}.items():
        with pytest.raises(FieldError, match=said):
            build("task", "array_file", file=str(tmp_path / name))
    with pytest.raises(FieldError, match="file = '': must be the path of an .npz file"):
        build("task", "array_file")


def test_a_loss_of_labels_is_refused_for_values(tmp_path):
    file = written(tmp_path / "data.npz", inputs=IMAGES, targets=IMAGES[:, 0, 0])
    said = (
        "^task.loss.name = 'cross_entropy': is a loss of labels, and the answers of task.name = 'array_file' are values; losses of values: "
    )
    with pytest.raises(FieldError, match=said + ".*square"):
        Experiment.from_config(override(config_of(file), {"task.loss": "cross_entropy"})).notices()


def config_of(file, **changes):
    parts = {"task": select("array_file", file=file), "model": select("mlp", width="4"), "optimizer": select("gd", learning_rate=0.1)}
    return experiment(**parts | changes, steps=6, events={"metrics": "every 2"}, recording=QUIET)


@pytest.mark.slow
def test_a_file_that_has_changed_is_no_run_that_goes_on(tmp_path):
    file = written(tmp_path / "data.npz", inputs=IMAGES, targets=LABELS)
    config = config_of(file)
    train(config, tmp_path / "run")
    written(file, inputs=IMAGES + 1, targets=LABELS)
    config.steps = 8
    with pytest.raises(UserError, match="data"):
        train(config, tmp_path / "run")


def test_the_file_is_checked_on_the_command_line(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    written("data.npz", inputs=IMAGES, targets=LABELS)
    options = ["run", "--config=quickstart:task=array_file", "--config.task.file=data.npz", "--config.steps=2", "--workdir=run"]
    assert run_command(options) == 2
    error = capfd.readouterr().err
    assert "model.name = 'quadratic': takes tokens, not the images [4, 5, 1] of task.name = 'array_file'; models that take images:" in error
    assert "Traceback" not in error and not (tmp_path / "run").exists()


NETWORK = '''
from dataclasses import dataclass

import jax.numpy as jnp
from flax import nnx
from framework import Model, register


class Network(nnx.Module):
    def __init__(self, outputs, rngs):
        kind = {"param_dtype": jnp.result_type(float), "rngs": rngs}
        self.convolution, self.norm = nnx.Conv(1, 2, kernel_size=(3, 3), **kind), nnx.BatchNorm(2, **kind)
        self.out = nnx.Linear(2, outputs, **kind)

    def __call__(self, images):
        return self.out(nnx.relu(self.norm(self.convolution(images))).mean(axis=(1, 2)))


@register("small_cnn")
@dataclass(frozen=True, kw_only=True)
class SmallCNN(Model):
    """A convolution with statistics of batches (Ioffe and Szegedy 2015)."""

    inputs = ("images",)

    def build(self, task, *, rngs):
        return Network(task.sizes.outputs, rngs)
'''


def with_network(tmp_path, **changes):
    (tmp_path / "network.py").write_text(NETWORK)
    file = written(tmp_path / "data.npz", inputs=IMAGES, targets=LABELS)
    parts = {"model": select("small_cnn"), "optimizer": select("adamw", learning_rate=0.01), "plugins": (str(tmp_path / "network.py"),)}
    return config_of(file, task=select("array_file", file=file, batch_size="4"), **parts | changes)


@pytest.mark.usefixtures("clean_registry", "quick_compilation")
def test_a_network_of_the_users_learns_its_images_and_keeps_statistics_of_batches(tmp_path):
    made = Experiment.from_config(with_network(tmp_path))
    made.notices()
    state = made.initial_state()
    before, _ = made.measure(state, Event(0, (METRICS,), (), last=False))
    state, diverged = made.advance(state, 6)
    after, _ = made.measure(state, Event(6, (METRICS,), (), last=False))
    assert diverged == -1 and after["train/loss"] != before["train/loss"]
    assert np.all(np.asarray(state.variables["norm"]["mean"]) != 0)  # what Flax begins with


@pytest.mark.slow
def test_a_killed_run_of_a_network_with_statistics_resumes_to_the_same_bits(tmp_path):
    config = with_network(tmp_path, checkpoint={"every_steps": 10, "every_seconds": 0.0, "keep": 2})
    config.steps = 400
    (tmp_path / "config.json").write_text(json.dumps(to_dict(config)))

    def command(name):
        return [sys.executable, "-m", "whygrok", "run", f"--config={tmp_path / 'config.json'}", f"--workdir={tmp_path / name}"]

    running = subprocess.Popen(command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while running.poll() is None and max(complete_steps(tmp_path / "killed" / "checkpoints"), default=0) < 20:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    for name in ("killed", "straight"):
        subprocess.run(command(name), check=True, capture_output=True)
    assert_same_run(tmp_path / "killed", tmp_path / "straight")


def test_a_file_that_is_elsewhere_is_looked_for_in_the_folder_of_the_command(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    written(tmp_path / "work" / "data.npz", inputs=IMAGES, targets=LABELS)
    monkeypatch.chdir(tmp_path / "work")
    assert len(build("task", "array_file", file="data.npz").population()) == 12
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FieldError, match=f"No such file.*a relative path counts from the folder of the command, here {tmp_path}$"):
        build("task", "array_file", file="data.npz")
    with pytest.raises(FieldError, match="No such file or directory$"):
        build("task", "array_file", file=str(tmp_path / "data.npz"))
