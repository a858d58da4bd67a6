"""What two runs differ in: fields, environment, milestones, and the first number."""

import json

import pytest

from framework import train
from framework.cli import run_command
from framework.config import override, select
from tests.helpers import tiny


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    config = tiny(6)
    for name, changes in {
        "one": {},
        "same": {},
        "faster": {"optimizer.learning_rate": 0.02},
        "more": {"steps": 8, "probes.margins": select("margins", schedule="every 2")},
    }.items():
        train(override(config, changes), folder / name)
    return folder


def diff(capsys, *arguments):
    assert run_command(["diff", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_a_run_repeated_is_the_same_in_every_number(runs, capsys):
    found = diff(capsys, runs / "one", runs / "same")
    assert found["fields"] == found["environment"] == []
    assert found["rows"]["first_difference"] is None and found["rows"]["in_common"] == 5


def test_the_field_and_the_first_number_that_differ_are_named(runs, capsys):
    found = diff(capsys, runs / "one", runs / "faster")
    assert found["fields"] == [{"field": "optimizer.learning_rate", "one": 0.01, "other": 0.02, "in_one": True, "in_other": True}]
    assert found["rows"]["first_difference"]["step"] == 2  # step 0 is before the first update
    assert run_command(["diff", str(runs / "one"), str(runs / "faster")]) == 0
    shown = capsys.readouterr().out
    assert "optimizer.learning_rate  0.01  0.02" in shown and "first difference at step 2" in shown


def test_columns_and_fields_that_only_one_has_are_told(runs, capsys):
    found = diff(capsys, runs / "one", runs / "more")
    assert found["rows"]["first_difference"] is None and found["rows"]["rows"] == [5, 6]
    assert "margins/train_min" in found["rows"]["only_in_other"] and found["rows"]["only_in_one"] == []
    fields = {row["field"]: (row["in_one"], row["in_other"]) for row in found["fields"]}
    assert fields["steps"] == (True, True) and fields["probes.margins.name"] == (False, True)
    assert found["milestones"]["other"]["last_step"] == 8


def test_another_environment_and_other_data_are_told(runs, tmp_path, capsys):
    import shutil

    shutil.copytree(runs / "one", tmp_path / "elsewhere")
    file = tmp_path / "elsewhere" / "environment.json"
    content = json.loads(file.read_text())
    content["bits_depend_on"]["jax"] = "0.1"
    file.write_text(json.dumps(content | {"data": "0" * 64}))
    changed = {row["what"] for row in diff(capsys, runs / "one", tmp_path / "elsewhere")["environment"]}
    assert changed == {"jax", "data"}


def test_configs_are_compared_by_their_fields(runs, capsys):
    found = diff(capsys, "quickstart", "quickstart:optimizer=gd")
    assert set(found) == {"fields"}
    assert {"field": "optimizer.name", "one": "adamw", "other": "gd", "in_one": True, "in_other": True} in found["fields"]
    assert run_command(["diff", str(runs / "one"), "quickstrat"]) == 2
    assert "Did you mean 'quickstart'" in capsys.readouterr().err
