"""One run on eight virtual devices: the numbers of one device, its arrays divided, its checkpoints anybody's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from framework import load_run, train
from framework.config import override
from framework.errors import UserError
from framework.run import complete_steps
from tests.batches_of_members import assert_close
from tests.helpers import assert_same_run, leaves, tiny
from tests.mesh_runs import MESHES, batches, config

pytestmark = [pytest.mark.usefixtures("clean_registry"), pytest.mark.slow]


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """(folder, what was printed), of one process with eight devices."""
    folder = tmp_path_factory.mktemp("mesh")
    train(config(3), folder / "up")
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    words = [sys.executable, "-m", "tests.mesh_runs", str(folder)]
    done = subprocess.run(words, cwd=Path(__file__).parents[1], env={**os.environ, "XLA_FLAGS": flags}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    train(config(), folder / "run")
    return folder / "run"


@pytest.mark.parametrize("name", MESHES)
def test_a_mesh_gives_the_numbers_of_one_device_though_it_does_not_divide_the_sample(name, spread, alone):
    assert_close(spread[0] / name, alone)


def test_a_mesh_gives_the_same_bits_again_also_after_a_resume(spread):
    assert_same_run(spread[0] / "again", spread[0] / "both")
    assert_same_run(spread[0] / "cut", spread[0] / "both")


def test_batches_noise_and_hidden_maps_have_the_numbers_of_one_device(spread, tmp_path):
    train(batches((1, 1)), tmp_path / "alone")
    assert_close(spread[0] / "batches", tmp_path / "alone")


def test_parameters_moments_and_what_a_probe_keeps_of_them_are_divided_over_neurons_and_nothing_else_is(spread):
    found = spread[1]["shares"]
    divided = {"W": [2, 5, 2], "V": [2, 5]}
    for part in ("params", "opt_state.0.mu", "opt_state.0.nu", "probe_state.count.start"):  # the probe keeps θ_0
        assert {name: found.pop(f"{part}.{name}") for name in divided} == divided
    assert {"step", "rng", "opt_state.0.count", "probe_state.count.calls"} < found.keys()
    assert all(shape == [] for shape in found.values())


def test_what_eight_devices_saved_goes_on_on_one_and_back(spread, alone, caplog):
    assert complete_steps(spread[0] / "down" / "checkpoints") == [0, 3]
    assert {leaf.shape for leaf in load_run(spread[0] / "down").params().values()} == {(2, 5, 8), (8, 5)}
    train(config(), spread[0] / "down")
    assert "equal bits are not promised: mesh: 2 × 4 → 1 × 1" in caplog.text
    for name in ("down", "up"):
        assert_close(spread[0] / name, alone)


def test_a_mesh_that_does_not_fit_is_refused_in_words(spread):
    said = spread[1]
    assert said["product"] == (
        "mesh.examples = 2: times mesh.neurons = 3 makes 6, and 8 devices are there: "
        "examples × neurons may be 8 × 1, 4 × 2, 2 × 4, 1 × 8; 1 × 1 uses one device"
    )
    assert said["width"] == "mesh.neurons = 4: must divide the number of neurons; the parameter W has 6 of them"
    assert any("the model linear names no axis of neurons" in notice for notice in said["linear"])


def test_one_device_refuses_a_mesh_of_two():
    with pytest.raises(UserError, match=r"mesh.examples = 2: times mesh.neurons = 1 makes 2, and one device is there: .* may be 1 × 1$"):
        train(override(tiny(3), {"mesh.examples": 2}))


def test_bytes_on_a_device_are_those_of_the_formula(spread):
    p, h, k, E, N = 251, 1004, 2, 4, 2
    n, P = p**k // 2, k * p * h + h * p
    found = spread[1]["sizes"]
    state, data = 12 * P / N, 4 * (k + 1) * n
    assert 0 <= found["state"] - state < 64
    assert 0 <= found["arguments"] - state - data < 128
    activations = 4 * n * h / (E * N)
    assert found["step"] < (k + 2) * activations + 4 * (1.5 * n * p / E + 2 * P / N), "and not, as on one device, eight times that"
    assert found["step"] > activations


def test_a_run_from_before_there_were_meshes_goes_on_to_the_same_bits(tmp_path):
    train(tiny(3), tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    plain = json.loads(file.read_text())
    assert plain.pop("mesh") == {"examples": 1, "neurons": 1}
    file.write_text(json.dumps(plain))
    train(tiny(6), tmp_path / "run")
    train(tiny(6), tmp_path / "whole")
    assert leaves(tmp_path / "run") == leaves(tmp_path / "whole")
