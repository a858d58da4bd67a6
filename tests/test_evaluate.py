"""`whygrok evaluate`: what interventions would make of a saved network; nothing is trained, and nothing is written."""

import json

import numpy as np
import pytest

from framework import train
from framework.cli import run_command
from tests.changed_runs import plain
from tests.helpers import content

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(plain(2), tmp_path_factory.mktemp("run") / "run")


def said(capsys, *words):
    assert run_command(["evaluate", *words]) == 0
    return capsys.readouterr().out


def test_as_it_was_saved_a_network_has_the_numbers_of_its_row(run, capsys):
    found = json.loads(said(capsys, f"{run.path}@2", "--json"))
    assert found["before"] == found["after"] and found["interventions"] == [] and found["step"] == 2
    for name, value in found["before"].items():
        assert value == pytest.approx(run.rows[-1][name], rel=1e-5)


def test_several_are_made_in_the_order_in_which_they_are_typed_and_nothing_is_written(run, capsys):
    there = content(run.path)
    half, zero = ["--intervention=scale", "--intervention.factor=0.5"], ["--intervention=set_to", "--intervention.value", "0"]
    found = json.loads(said(capsys, str(run.path), *half, *zero, *half, "--json"))
    assert [one["intervention"] for one in found["interventions"]] == ["scale", "set_to", "scale_2"]
    length = np.sqrt(sum(np.sum(leaf.astype(float) ** 2) for leaf in run.params().values()))
    assert [one["distance"] for one in found["interventions"]] == pytest.approx([length / 2, length / 2, 0], rel=1e-6)
    assert found["after"]["test/loss"] == pytest.approx(np.log(5), rel=1e-6)  # all logits are 0
    assert content(run.path) == there


def test_in_words_what_is_before_stands_beside_what_is_after(run, capsys):
    lines = said(capsys, str(run.path), "--intervention=neurons", "--intervention.indices=3").splitlines()
    assert any(line.split() == ["before", "after"] for line in lines) and any("neurons [3]" in line for line in lines)
    assert len(next(line for line in lines if line.startswith("test/loss")).split()) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--intervention=scal"], "Did you mean 'scale'"),
        (["--intervention"], "--intervention names none"),
        (["--intervention.factor=2"], "belongs to no intervention"),
        (["--intervention=scale", "--intervention.factr=2"], "Did you mean 'factor'"),
        (["--intervention=scale", "--intervention.leaves=U"], "there is no parameter 'U'"),
        (["--jsn"], "Did you mean --json"),
    ],
)
def test_a_mistake_is_named(run, words, message, capsys):
    assert run_command(["evaluate", str(run.path), *words]) == 2
    assert message in capsys.readouterr().err
