"""The compiled loop: one program, the same bits however it is cut, and untouched by who looks."""

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import train
from framework.config import Checkpoint, select
from framework.run import Checkpoints
from framework.testing.subject import compiled_programs
from framework.training import Experiment, named_leaves, place
from framework.training.sharing import program_of
from tests.helpers import leaves, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")


def bits(state):
    return {name: leaf.tobytes() for name, leaf in named_leaves(state).items()}


@pytest.fixture(scope="module")
def experiment():
    return Experiment.from_config(tiny(probes={}))


@pytest.mark.parametrize("optimizer", ["adamw", "scheduled"])
def test_a_thousand_chunks_of_any_length_and_a_resume_compile_one_program(optimizer, tmp_path):
    program_of.cache_clear()
    experiment = Experiment.from_config(tiny(optimizer=select(optimizer)))
    chance = random.Random(0)
    state, made = experiment.initial_state(), 0
    with compiled_programs() as names:
        for _ in range(1_000):
            made += (count := chance.randint(1, 20))
            state, _ = experiment.advance(state, count)
        checkpoints = Checkpoints(tmp_path, Checkpoint())
        checkpoints.save(state)
        restored = checkpoints.restore(experiment.initial_state(), experiment.device)
        experiment.advance(restored, 3)
    assert names.count("jit(advance)") == 1
    assert int(state.step) == made > 1_000


def test_every_probe_and_the_metrics_compile_once_and_a_resume_compiles_nothing(tmp_path):
    program_of.cache_clear()
    with compiled_programs() as names:
        train(tiny(40, events={"metrics": "every 1"}), tmp_path)
    assert [names.count(f"jit({name})") for name in ("advance", "metrics", "measure")] == [1, 1, 2]
    with compiled_programs() as names:
        train(tiny(60, events={"metrics": "every 1"}), tmp_path)
    assert [names.count(f"jit({name})") for name in ("advance", "metrics", "measure")] == [0, 0, 0]


def test_a_state_made_of_python_numbers_compiles_no_second_time():
    placed = place({"count": jnp.asarray(0.0), "momentum": 0.5}, jax.devices()[0])
    assert not any(leaf.weak_type for leaf in placed.values())


def test_bits_do_not_depend_on_how_the_steps_are_cut(experiment):
    ends = []
    for seed in range(4):
        chance, state, left = random.Random(seed), experiment.initial_state(), 300
        while left:
            count = 300 if seed == 0 else min(left, chance.randint(1, 60))
            state, _ = experiment.advance(state, count)
            left -= count
        ends.append(bits(state))
    assert all(end == ends[0] for end in ends)


def test_no_step_at_all_changes_nothing(experiment):
    before = bits(experiment.initial_state())
    assert bits(experiment.advance(experiment.initial_state(), 0)[0]) == before


def test_probes_change_no_bit_of_the_run(tmp_path):
    train(tiny(6, probes={}), tmp_path / "alone")
    train(tiny(6, events={"metrics": "every 1"}), tmp_path / "watched")
    alone = {name: value for name, value in leaves(tmp_path / "alone").items() if not name.startswith("probe_state.")}
    watched = {name: value for name, value in leaves(tmp_path / "watched").items() if not name.startswith("probe_state.")}
    assert alone == watched and "opt_state.0.mu.W" in alone


def test_a_probe_may_keep_the_first_parameters_though_training_donates_its_buffers():
    experiment = Experiment.from_config(tiny(6))
    state = experiment.initial_state()
    first = {name: np.array(leaf) for name, leaf in state.params.items()}
    for event in experiment.events_after(-1):
        state, _ = experiment.advance(state, event.step - int(state.step))
        values, state = experiment.measure(state, event)
        if "count/moved" in values:
            moved = np.sqrt(sum(np.sum((np.asarray(state.params[name], float) - first[name]) ** 2) for name in first))
            np.testing.assert_allclose(values["count/moved"], moved, rtol=1e-5)
    assert moved > 0.1
    np.testing.assert_array_equal(state.probe_state["count"]["start"]["W"], first["W"])


def test_nothing_is_moved_between_host_and_device_behind_our_back(experiment):
    state, _ = experiment.advance(experiment.initial_state(), 0)  # the data are on the device from here on
    with jax.transfer_guard("disallow"):
        state, diverged = experiment.advance(state, 5)
    assert diverged == -1 and int(state.step) == 5


def test_the_first_step_with_a_loss_that_is_not_finite_is_named():
    experiment = Experiment.from_config(tiny(optimizer=select("gd", learning_rate=1e6), probes={}))
    state = experiment.initial_state()
    while np.isfinite(experiment.objective(state.params, state.variables, experiment.splits.train)[0]):
        state, diverged = experiment.advance(state, 1)
        assert diverged == -1
    assert 0 < int(state.step) < 20
    assert experiment.advance(experiment.initial_state(), 30)[1] == int(state.step)
