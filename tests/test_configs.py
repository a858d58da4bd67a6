"""Every config that ships does what the line "Expected:" of its docstring says."""

import re

import numpy as np
import pytest

from framework import Experiment, train
from framework.config import PLUGIN_SECTIONS, load_config, shipped_configs
from framework.reading import first_at_least, fitted_step, grokked_step
from tests.helpers import slow_but

CLAUSE = re.compile(r"(training|test) (accuracy|loss) (above |below )?([\d.]+) (near|before) step ([\d,]+)")
NEAR = 1.6  # seeds, versions and processors move a step by less than this factor

runs = {}


def run_of(name):
    if name not in runs:
        runs[name] = train(load_config(name, {"recording.progress": "false"}))
    return runs[name]


def seconds(config):
    """How long the docstring says that the run takes; None where it has a published outcome, not one seen here."""
    found = re.search(r"^Expected: .*; ([\d.]+) (s|minutes?) on two cores\.$", config.file.read_text(), re.MULTILINE)
    return float(found[1]) * (1 if found[2] == "s" else 60) if found else None


README = ("quickstart", "paper/classification")
QUICK = [config for config in shipped_configs() if (seconds(config) or 1e9) <= 30]


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("config", slow_but(lambda config: config.name in README, shipped_configs()), ids=lambda config: config.name)
def test_a_config_is_a_document_and_an_experiment(config):
    """Those that take minutes are begun here; what they end with was seen when docs/classics.md was written."""
    text = config.file.read_text()
    assert all(f"{head}:" in text for head in ("Run", "Try"))
    assert ("Expected:" in text) != ("Published:" in text)
    assert "Published:" in text or seconds(config)
    made = Experiment.from_config(load_config(config.name))
    made.notices()
    assert made.initial_state().step == 0


@pytest.mark.slow
@pytest.mark.parametrize("config", QUICK, ids=lambda config: config.name)
def test_a_config_does_what_its_docstring_expects(config):
    text = config.file.read_text()
    clauses = CLAUSE.findall(next(line for line in text.splitlines() if line.startswith("Expected:")))
    assert len(clauses) == 2
    for split, quantity, relation, value, when, step in clauses:
        name = f"{'train' if split == 'training' else 'test'}/{quantity}"
        expected, level = int(step.replace(",", "")), float(value)
        if quantity == "accuracy":
            found = first_at_least(run_of(config.name), name, level)
            assert found is not None and found <= expected * (NEAR if when == "near" else 1)
            assert when == "before" or found >= expected / NEAR
        else:
            steps, values = run_of(config.name).series(name)
            there = values[np.argmin(np.abs(steps - expected))]
            assert there < level if relation == "below " else there > level


@pytest.mark.slow
def test_the_quickstart_generalizes_long_after_it_has_memorized():
    run = run_of("quickstart")
    fitted, grokked = fitted_step(run), grokked_step(run)
    assert fitted is not None and grokked is not None and grokked >= 5 * fitted
    steps, accuracy = run.series("test/accuracy")
    assert accuracy[steps <= fitted].max() < 0.1  # not a network that fits and generalizes together


@pytest.mark.slow
def test_the_papers_classification_reaches_losses_that_textbook_float32_cannot():
    run = run_of("paper/classification")
    columns = run.metrics()
    assert columns["test/accuracy"].max() == 1.0 and columns["test/accuracy"][-1] > 0.99  # one of 157 comes and goes on some processors
    assert 0 < columns["train/loss"].min() < 1e-18
    assert not any({"nonfinite", "failed"} & row.keys() for row in run.rows)


@pytest.mark.parametrize("config", shipped_configs(), ids=lambda config: config.name)
def test_a_config_swaps_whole_plugins(config):
    swapped = load_config(f"{config.name}:optimizer=adam,penalty=l2")
    assert (swapped.optimizer.name, swapped.penalty.name) == ("adam", "l2")
    assert set(PLUGIN_SECTIONS) <= set(swapped.keys())
    assert len(config.file.read_text().splitlines()) <= 65
