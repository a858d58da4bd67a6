"""Each value of a config, and where it comes from."""

import dataclasses

from framework import Optimizer, Probe, part, register, registry
from framework.cli import run_command
from framework.config import load_config, override, select
from framework.config.sources import sourced


def sources(changes, arg=""):
    config = load_config(f"quickstart{':' if arg else ''}{arg}", changes)
    return {row.field: row.source for row in sourced(config, changes, "quickstart.py", arg)}


def test_every_field_is_there_once():
    from framework.config import flatten

    config = load_config("quickstart:optimizer=grokfast+sgd,probes=margins")
    fields = [row.field for row in sourced(config, {}, "quickstart.py", "")]
    assert len(set(fields)) == len(fields)
    assert set(fields) == set(flatten(config))


def test_a_value_is_from_the_command_line_the_colon_the_file_or_a_default():
    found = sources({"task.p": "23", "probes.late.name": "norms"}, "optimizer=grokfast+gd,probes=margins")
    assert found["task.p"] == found["probes.late.name"] == "command line"
    assert found["optimizer.name"] == found["optimizer.inner.name"] == found["probes.margins.name"] == "after the colon"
    assert found["model.init_scale"] == found["model.name"] == found["steps"] == "quickstart.py"
    assert found["task.k"] == found["optimizer.inner.learning_rate"] == found["penalty.name"] == found["checkpoint.keep"] == "default"


def test_a_plugin_inside_another_is_a_default_only_as_a_whole():
    assert sources({}, "optimizer=scheduled")["optimizer.inner.learning_rate"] == "default"
    config = load_config("quickstart:optimizer=grokfast")
    with config.unlocked():
        config.optimizer.inner.learning_rate = 0.25
    found = {row.field: row.source for row in sourced(config, {}, "mine.py", "")}
    assert (found["optimizer.inner.learning_rate"], found["optimizer.inner.b1"]) == ("mine.py", "default")


def test_a_plugin_of_another_kind_two_deep_has_its_sources_and_can_be_changed(clean_registry):
    @register("holds_an_optimizer")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Holds(Probe):
        """Nothing; it holds grokfast, which holds another optimizer."""

        rule: Optimizer = part(registry.build("optimizer", "grokfast"), "an optimizer")

        def measure(self, params, context, state):
            return {}, state

    added = {"probes.x.name": "holds_an_optimizer"}
    assert sources(added)["probes.x.rule.inner.name"] == "default"
    found = sources(added | {"probes.x.rule.inner.learning_rate": "0.5"})
    assert (found["probes.x.rule.inner.learning_rate"], found["probes.x.rule.inner.b1"]) == ("command line", "default")


def test_a_section_that_was_assigned_and_is_not_complete_yet_stops_no_other_change():
    config = load_config("quickstart")
    config.optimizer = select("grokfast")
    assert override(config, {"seed": 1}).seed == 1


def test_the_commands_show_them(capsys):
    assert run_command(["config", "--config=quickstart", "--config.seed=3", "--sources"]) == 0
    shown = capsys.readouterr().out
    assert "seed" in shown.splitlines()[0] and shown.splitlines()[0].endswith("3                   command line")
    assert run_command(["config", "--config=quickstart", "--all"]) == 0
    assert "task.p = 47\n    modulus; an integer >= 2" in capsys.readouterr().out
    assert run_command(["config", "--config=quickstart", "--all", "--sweep"]) == 2


def test_a_field_under_its_older_name_is_from_the_command_line_too():
    found = sources({"task.loss": "square", "checkpoint.keep_every": "5"})
    assert found["task.loss.name"] == found["checkpoint.keep_at"] == "command line"
    assert found["task.loss.class_weights"] == "default"
