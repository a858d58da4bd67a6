"""What must hold on whatever device JAX takes: `tools/on-gpu` runs these tests on a GPU, and the quick ones run on every CPU."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import Experiment, losses, train
from framework.config import experiment, select
from tests.helpers import leaves, rows, tiny

DEVICE = jax.default_backend()


def test_the_loss_of_a_confident_answer_is_exact():
    """log(1 + e^−m) for margins up to 46, where 1 + e^−m is 1 in float32."""
    margins = np.array([1.0, 10.0, 20.0, 46.0])
    logits = jnp.asarray(np.stack([margins, np.zeros(4)], axis=1), jnp.float32)
    found = jax.jit(losses.cross_entropy)(logits, jnp.zeros(4, jnp.int32))
    np.testing.assert_allclose(np.asarray(found), np.log1p(np.exp(-margins)), rtol=3e-6)


@pytest.mark.parametrize("shape", [(372, 92, 23), (1224, 188, 47)])
def test_the_products_of_float32_are_those_of_float32(shape):
    """Not of numbers with ten bits, which are the default of some devices."""
    n, h, p = shape
    draw = np.random.default_rng(0)
    inputs, W, V = draw.integers(0, p, (n, 2)), draw.normal(size=(2, p, h)), draw.normal(size=(h, p))
    made = Experiment.from_config(
        experiment(task=select("modular_addition", p=p), model=select("quadratic", width=str(h)), optimizer=select("gd"))
    )
    state = made.initial_state()
    params = jax.tree.unflatten(jax.tree.structure(state.params), [jnp.asarray(leaf, jnp.float32) for leaf in (V, W)])
    with made.scope():
        module = made.network.module(params, state.variables)
        found = np.asarray(jax.jit(lambda x: module(x))(jnp.asarray(inputs, jnp.int32)))
    expected = (W[0][inputs[:, 0]] + W[1][inputs[:, 1]]) ** 2 @ V
    assert np.abs(found - expected).max() <= 2e-6 * np.abs(expected).max()


def test_a_step_gives_the_same_bits_each_time():
    """Gradients of look-ups are sums whose order some devices leave open."""
    made = Experiment.from_config(
        experiment(task=select("modular_addition", p=11, train_size="90%"), model=select("quadratic"), optimizer=select("gd"))
    )
    ends = [made.advance(made.initial_state(), 20)[0].params for _ in range(5)]
    for end in ends[1:]:
        jax.tree.map(np.testing.assert_array_equal, jax.device_get(ends[0]), jax.device_get(end))


def test_a_run_that_is_resumed_has_the_same_bits(uninterrupted, tmp_path):
    train(tiny(steps=3), tmp_path / "run")
    train(tiny(), tmp_path / "run")
    assert rows(tmp_path / "run") == rows(uninterrupted) and leaves(tmp_path / "run") == leaves(uninterrupted)


def whygrok(*arguments, platform):
    command = [sys.executable, "-m", "whygrok", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"JAX_PLATFORMS": platform, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    )


@pytest.mark.slow
@pytest.mark.parametrize("platforms", [("cpu", DEVICE), (DEVICE, "cpu")])
def test_a_checkpoint_of_one_kind_of_device_is_continued_on_another(platforms, tmp_path):
    changes = ["--config.task.p=7", "--config.model.width=8", f"--workdir={tmp_path / 'run'}"]
    first, second = ("cuda" if name == "gpu" else name for name in platforms)
    for steps, platform in ((10, first), (20, second)):
        done = whygrok("run", "--config=quickstart:probes=none", *changes, f"--config.steps={steps}", platform=platform)
        assert done.returncode == 0, done.stderr
    recorded = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert recorded[-1]["step"] == 20 and np.isfinite(recorded[-1]["train/loss"])


@pytest.mark.slow
def test_doctor_names_the_device_and_finds_its_bits_equal():
    done = whygrok("doctor", "--json", "--repeats=3", platform="cuda" if DEVICE == "gpu" else DEVICE)
    said = done.stdout.lower()
    assert done.returncode == 0 and (DEVICE in said or "cuda" in said)


@pytest.mark.slow
def test_the_script_for_a_gpu_writes_what_it_found(tmp_path):
    """All its parts at small sizes, but for these tests themselves, which no time is left for."""
    command = [sys.executable, "tools/on-gpu", "--smoke", f"--json={tmp_path / 'found.json'}", "--seconds=1.5"]
    done = subprocess.run(command, capture_output=True, text=True)
    found = json.loads((tmp_path / "found.json").read_text())
    assert done.returncode == 1 and list(found) == ["doctor", "tests", "step", "transformer step", "batch"]
    assert found["batch"] == {"exit_code": None, "seconds": 0, "said": "no time was left"}
