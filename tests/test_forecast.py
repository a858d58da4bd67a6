"""Probes that take longer than training are told of before they have taken it."""

import logging

import pytest

from framework import train
from framework.config import select
from framework.sessions import forecast as module
from framework.sessions.forecast import Forecast, events_from
from framework.training import Experiment, parse_schedule
from framework.training.clock import Clock
from framework.training.moments.schedule import events_after
from tests.helpers import tiny

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.mark.parametrize("schedule", ["log", "log 5", "every 7", "at 0 10 100", "last", "log 3+every 50", "every 40+at 3"])
@pytest.mark.parametrize("step, steps", [(0, 120), (1, 120), (11, 119), (120, 120)])
def test_events_are_counted_as_they_will_come(schedule, step, steps):
    due = parse_schedule(schedule)
    expected = sum("x" in event.due for event in events_after(step - 1, steps, {"x": due}))
    assert events_from(due, step, steps) == expected


def test_very_many_events_are_estimated(monkeypatch):
    monkeypatch.setattr(module, "COUNTED", 10)
    assert events_from(parse_schedule("every 3"), 0, 3000) == pytest.approx(1001, rel=0.15)


def forecast(clock, steps=3000, done=-1, begin=0, **probe):
    config = tiny(steps, probes={"drift": select("ntk_drift", **probe)})
    return Forecast(Experiment.from_config(config), clock, done, begin)


def clock_of(training, event, events=1):
    clock = Clock()
    clock.add("training", training)
    for _ in range(events):
        clock.add("probes.drift", event)
    return clock


def test_probes_that_take_longer_than_training_are_told_of_once_with_what_makes_it_less(caplog):
    said = forecast(clock_of(0.01, 20.0), outputs="all", points="population")
    said.consider(3)  # three steps took 0.01 s: 3,000 take 10 s
    said.consider(4)
    (record,) = [record for record in caplog.records if record.name == "whygrok"]
    count = events_from(parse_schedule("log"), 0, 3000)
    fewer = events_from(parse_schedule("log 5"), 0, 3000)
    assert record.levelno == logging.WARNING and record.getMessage() == (
        f"drift: 20 s per event, {count} events, {20 * count / 60:.0f} minutes beside 10 s of training; "
        f'less with --config.probes.drift.schedule="log 5" ({fewer} events) or .outputs=first or .points=train'
    )


def test_of_a_dozen_probes_that_cost_alike_one_is_named(caplog):
    """Each is below a tenth of the whole."""
    names = [f"drift{number}" for number in range(12)]
    clock = Clock()
    clock.add("training", 0.01)
    for name in names:
        clock.add(f"probes.{name}", 20.0)
    made = Experiment.from_config(tiny(3000, probes={name: select("ntk_drift") for name in names}))
    Forecast(made, clock, -1, 0).consider(3)
    (record,) = [record for record in caplog.records if record.name == "whygrok"]
    assert record.getMessage().startswith("drift0: 20 s per event, ")


@pytest.mark.parametrize(
    "training, event, why",
    [
        (0.01, 0.05, "five seconds are not worth a line"),
        (0.5, 1.0, "less than training, and a sixth of the whole"),
        (0.1, 0.5, "less than training, and less than a minute"),
    ],
)
def test_of_probes_that_take_little_nothing_is_said(training, event, why, caplog):
    forecast(clock_of(training, event)).consider(3)
    assert not caplog.records, why


def test_a_long_time_is_told_of_though_training_takes_longer(caplog):
    forecast(clock_of(0.2, 1.5)).consider(3)
    assert "beside 3 minutes of training" in caplog.text


def test_nothing_is_said_before_training_has_begun_nor_when_little_is_left(caplog):
    forecast(clock_of(0.01, 20.0)).consider(0)
    count = events_from(parse_schedule("log"), 0, 3000)
    forecast(clock_of(0.01, 20.0, events=count)).consider(3000)
    assert not caplog.records


def test_a_session_that_resumes_counts_what_is_left(caplog):
    forecast(clock_of(1.0, 20.0), done=1000, begin=1000).consider(2000)
    count = events_from(parse_schedule("log"), 1001, 3000)
    assert f"20 s per event, {count} events" in caplog.text and "beside 2 s of training" in caplog.text


def test_a_run_says_it_while_it_trains(monkeypatch, caplog, tmp_path):
    caplog.set_level(logging.WARNING, "whygrok")
    monkeypatch.setattr(module, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr("plugins.probes.ntk.ntk_drift", slowly)
    train(tiny(4, probes={"drift": select("ntk_drift", schedule="every 1")}), tmp_path)
    (said,) = [record.getMessage() for record in caplog.records if "per event" in record.getMessage()]
    assert said.startswith("drift: ") and ", 5 events, " in said and 'schedule="last" (1 event)' in said


def slowly(*_):
    """A drift that takes longer than any step."""
    import time

    from plugins.probes.ntk import Drift

    time.sleep(0.05)
    return Drift(0.0, 0.0, 1.0)
