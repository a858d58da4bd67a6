"""Resuming a run whose data have changed since, and one from before a field existed."""

import json
import logging

import pytest

from framework import load_run, train
from framework.config import override, select
from framework.errors import UserError
from framework.records.record import read_record
from framework.run import complete_steps
from tests.helpers import assert_same_run, tiny

CYCLIC = "0,1,2\n1,2,0\n2,0,1\n"


@pytest.mark.slow
def test_a_run_whose_table_was_edited_is_not_resumed(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(CYCLIC)
    config = tiny(3, task=select("cayley_table", file=str(table)))
    longer = override(config, {"steps": 6})
    train(config, tmp_path / "run")
    table.write_text(CYCLIC.replace("0,1,2\n1", "0,2,1\n1"))
    with pytest.raises(UserError, match="the examples are not those that this run began with.*A file that the task reads has changed"):
        train(longer, tmp_path / "run")
    table.write_text(CYCLIC)
    assert train(longer, tmp_path / "run").steps[-1] == 6


def test_a_run_from_before_a_field_existed_goes_on_with_its_default(tmp_path):
    train(tiny(3), tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    plain = json.loads(file.read_text())
    for field in ("batch_size", "label_noise", "temperature"):
        del plain["task"][field]
    file.write_text(json.dumps(plain))
    train(tiny(6), tmp_path / "run")
    train(tiny(6), tmp_path / "whole")
    assert_same_run(tmp_path / "run", tmp_path / "whole")
    with pytest.raises(UserError, match="task.temperature: the run has 1.0, you gave 2.0"):
        train(override(tiny(6), {"task.temperature": 2}), tmp_path / "run")


@pytest.mark.parametrize(("older", "now"), [(0, "last"), ("0", "last"), (4, "every 4"), ("4", "every 4")])
def test_keep_every_is_read_as_the_schedule_that_has_replaced_it(older, now):
    assert tiny(checkpoint={"keep_every": older}).checkpoint.keep_at == now
    assert override(tiny(), {"checkpoint.keep_every": older}).checkpoint.keep_at == now
    with pytest.raises(UserError, match="checkpoint.keep_every is what checkpoint.keep_at was called before: give"):
        tiny(checkpoint={"keep_every": older, "keep_at": now})


def test_a_run_with_keep_every_in_its_config_goes_on_and_is_collected_under_the_new_name(tmp_path, caplog):
    caplog.set_level(logging.INFO, "whygrok")
    kept = {"every_steps": 1, "every_seconds": 0.0, "keep": 1}
    train(tiny(3, checkpoint=kept), tmp_path)
    file = tmp_path / "config.json"
    plain = json.loads(file.read_text())
    del plain["checkpoint"]["keep_at"]
    plain["checkpoint"]["keep_every"] = 2
    file.write_text(json.dumps(plain))
    assert read_record(str(tmp_path)).fields["checkpoint.keep_at"] == "every 2"
    caplog.clear()
    train(override(load_run(tmp_path).config, {"steps": 5}), tmp_path)
    assert complete_steps(tmp_path / "checkpoints") == [4, 5]
    assert "keep_at is new" not in caplog.text
    assert "keep_every" not in json.loads(file.read_text())["checkpoint"]
