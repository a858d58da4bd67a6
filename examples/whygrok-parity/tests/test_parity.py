"""The promises of whygrok's plugins, what these are for, and what the config's docstring expects."""

import re
from pathlib import Path

import numpy as np
import pytest
import whygrok_parity.config
from whygrok_parity.probe import parity_of

from framework import build, train
from framework.config import experiment, load_config, override, select
from framework.errors import FieldError, UserError
from framework.reading import fitted_step, grokked_step
from framework.testing import check, check_probe, every_plugin
from framework.training import Experiment

SMALL = experiment(
    task=select("chosen_parity", bits=5, hidden=(0, 3)), model=select("sine_network", width=8), optimizer=select("gd", learning_rate=0.1)
)


@every_plugin("task", package="whygrok_parity", chosen_parity={"bits": 5, "hidden": (0, 3)})
def test_the_task_keeps_its_promises(plugin):
    check(plugin)


@every_plugin("model", package="whygrok_parity")
def test_the_model_keeps_its_promises(plugin):
    check(plugin)


def test_the_probe_keeps_its_promises_in_an_experiment_of_its_own():
    check_probe(build("probe", "walsh_coefficients", spectrum=True), around=Experiment.from_config(SMALL))


def test_labels_are_parities_bit_by_bit():
    population = build("task", "chosen_parity", bits=6, hidden=(5, 0, 2)).population()
    assert [int(target) for target in population.targets] == [(row[5] + row[0] + row[2]) % 2 for row in population.inputs.tolist()]
    assert population.inputs[1].tolist() == [0, 0, 0, 0, 0, 1]


def test_coefficients_are_correlations_with_parities():
    run = train(override(SMALL, {"steps": 3, "probes.walsh": select("walsh_coefficients", spectrum=True), "recording.progress": False}))
    inputs = run.experiment.task.population().inputs
    outputs = np.asarray(run.model()(inputs))
    answers = np.sign(outputs[:, 1] - outputs[:, 0])
    slow = [np.mean(answers * parity_of(inputs, np.flatnonzero(subset))) for subset in np.asarray(inputs)]
    np.testing.assert_allclose(run.arrays("walsh/spectrum")[3], slow, atol=1e-6)
    assert run.series("walsh/hidden")[1][-1] == pytest.approx(-np.mean(answers * parity_of(inputs, (0, 3))))


def test_mistakes_are_named():
    with pytest.raises(FieldError, match="must be different places below bits = 4"):
        build("task", "chosen_parity", bits=4, hidden=(1, 4))
    config = experiment(task=select("modular_addition", p=5), model=select("quadratic"), optimizer=select("gd"))
    config = override(config, {"probes.walsh": select("walsh_coefficients")})
    with pytest.raises(UserError, match="needs the task chosen_parity, not ModularAddition"):
        train(config)


def test_the_config_does_what_it_expects():
    file = Path(whygrok_parity.config.__file__)
    fitted, grokked = (int(step) for step in re.findall(r"near step (\d+)", file.read_text()))
    run = train(load_config(str(file), {"recording.progress": "false"}))
    assert fitted / 1.6 <= fitted_step(run) <= fitted * 1.6
    assert grokked / 1.6 <= grokked_step(run) <= grokked * 1.6
