"""What is said of stop_when: mistakes before anything is written, conditions that are never met, and why a run ended."""

import json

import pytest

from framework import train
from framework.cli import run_command
from framework.config import flatten, override, to_dict
from framework.errors import UserError
from framework.training import Experiment
from tests.helpers import rows
from tests.stopped_runs import STEPS, long, stopping

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("test/acuracy > 0.5", r"stop_when = 'test/acuracy > 0.5': there is no column 'test/acuracy'. Did you mean 'test/accuracy'\?"),
        ("norm/linf > 0.5", r"no column 'norm/linf'. Did you mean 'norms/linf'\?.*Known here: step, fitted, grokked, .*norms/…"),
        ("objektive > 0.5", r"no column 'objektive'. Did you mean 'objective'\?"),
        ("step/objective > 3", r"no column 'step/objective'.*A division is written with blanks, a / b"),
        ("seconds > 0.5", "could not be reproduced; use step"),
        ("norms/linf >", "at its end: this is not understood"),
    ],
)
def test_a_name_that_is_neither_a_metric_nor_of_a_probe_is_refused_before_anything_is_written(text, said, tmp_path):
    with pytest.raises(UserError, match=said):
        train(stopping(text), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["norms/lnif > 1e9 and step > 100", "step > 100 or norms/lnif > 1e9"])
def test_a_quantity_that_no_probe_records_is_told_at_the_first_event_where_it_is_due(text, tmp_path):
    with pytest.raises(UserError, match=r"no column 'norms/lnif'. Did you mean 'norms/linf'\?.*Known here: .*norms/l2"):
        train(stopping(text), tmp_path)
    assert [json.loads(row)["step"] for row in rows(tmp_path)] == [0]
    assert train(stopping(text.replace("lnif", "linf")), tmp_path).steps[-1] == STEPS


def test_an_array_is_no_column(tmp_path):
    with pytest.raises(UserError, match="no column 'count/largest'.*Known here: .*count/calls"):
        train(stopping("count/largest > 0"), tmp_path)


@pytest.mark.parametrize(
    ("text", "changes", "told"),
    [
        ("late/moved > 3", {}, ["the probe late is never due before the last step (probes.late.schedule)"]),
        (
            "fitted > 3 and norms/l2 > 1",
            {"events": {"metrics": "at 50"}},
            ["the task's metrics are never due before the last step (events.metrics)"],
        ),
        ("step > 3", {"events": {"metrics": "last"}}, ["the task's metrics are never due before the last step (events.metrics)"]),
        ("norms/l2 > 3 and step > 3", {"events": {"metrics": "last"}}, []),
        ("", {"events": {"metrics": "last"}}, []),
    ],
)
def test_a_condition_that_can_never_be_evaluated_is_told(text, changes, told):
    notices = Experiment.from_config(stopping(text, **changes)).notices()
    assert notices == [f"stop_when: {what}, so what it says of them never ends the run" for what in told]


def test_the_command_says_why_the_run_ended_and_an_empty_condition_takes_it_away(tmp_path, capsys):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(to_dict(long())))
    again = ["run", f"--workdir={tmp_path / 'run'}", "--config.plugins=" + str(long().plugins[0])]
    assert run_command([*again, f"--config={config}", "--config.stop_when=step > 5"]) == 0
    printed = capsys.readouterr().out
    assert "step     6\n" in printed and "ended by stop_when: step > 5 (step 6)\n" in printed
    assert run_command(again) == 0
    assert "ended by stop_when: step > 5 (step 6)\n" in capsys.readouterr().out
    assert run_command([*again, "--config.stop_when="]) == 0
    printed = capsys.readouterr().out
    assert f"step     {STEPS}\n" in printed and "stop_when" not in printed
    assert run_command([*again, "--config.stop_when=step >"]) == 2


def test_it_is_a_harmless_field_that_a_config_shows():
    config = override(long(), {"stop_when": "test/accuracy >= 0.99"})
    assert flatten(to_dict(config))["stop_when"] == "test/accuracy >= 0.99"
    assert long().stop_when == ""
