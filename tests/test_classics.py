"""docs/classics.md: every row is a command that can be given, and every classic has a row or says what was published."""

import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

from framework import Experiment
from framework.config import load_config, shipped_configs

TOOL = Path(__file__).parents[1] / "tools" / "classics"


def table():
    loader = importlib.machinery.SourceFileLoader("tool_classics", str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tool_classics", loader))
    loader.exec_module(module)
    return module.rows()


@pytest.mark.parametrize(("name", "fields"), table())
def test_a_row_is_an_experiment(name, fields):
    made = Experiment.from_config(load_config(name, fields))
    assert len(made.splits.train)


def test_every_classic_is_in_the_table():
    classics = {config.name: config.file.read_text() for config in shipped_configs() if config.name.startswith("classics/")}
    assert len(classics) >= 11
    named = {name for name, _ in table()}
    assert named <= classics.keys()
    assert {name for name in classics if name not in named} == {name for name, text in classics.items() if "Published:" in text}
