"""whygrok bench transformer_step: what is timed is the same training."""

import importlib.util
import json

import numpy as np
import pytest

from framework import Experiment
from framework.cli import run_command
from framework.config import experiment, select
from plugins.benchmarks.transformer_step import torch_loss


def test_without_pytorch_a_step_is_timed_alone(monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None if name == "torch" else found(name, package))
    assert run_command(["bench", "transformer_step", "p=11", "d_model=8", "--repeats=1", "--seconds=0.01", "--json"]) == 0
    eager, compiled = json.loads(capsys.readouterr().out)
    assert [eager["reference"], compiled["reference"]] == ["torch", "torch compiled"]
    assert eager["setting"] == {"p": 11, "optimizer": "adamw", "d_model": 8, "train_size": 108} and eager["milliseconds"] > 0
    assert eager["ratio"] is None and compiled["reference_milliseconds"] is None


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed here: pip install torch")
def test_both_train_on_the_same_loss():
    config = experiment(
        task=select("modular_addition", p=11, train_size="60%"),
        model=select("transformer", d_model=32, d_mlp=64),
        optimizer=select("adamw"),
    )
    made = Experiment.from_config(config)
    state = made.initial_state()
    ours, _ = made.objective(state.params, state.variables, made.splits.train)
    parameters, loss = torch_loss(made)
    np.testing.assert_allclose(loss().item(), float(ours), rtol=1e-5)
    assert len(parameters) == 9
