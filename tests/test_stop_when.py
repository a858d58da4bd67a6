"""stop_when: a run ends where its condition holds as if that were its last step, after any death, and goes on without it."""

import csv
import json
import logging
import math
import re

import pytest

from framework import load_run, run_sweep, train
from framework.config import Member, members, override, product, select
from framework.errors import Diverged, UserError
from framework.run import Watch, ends_here
from framework.training import Experiment
from tests.helpers import Here, assert_same_run, content, rows, slow_but
from tests.stopped_runs import PROBES, STEPS, long, stopping
from tests.test_deaths import STEPS as VERBS_OF_THE_LOOP
from tests.test_deaths import VERBS, Killed, killing

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nothing stops."""
    path = tmp_path_factory.mktemp("whole") / "run"
    train(long(), path)
    return path


def sessions(path):
    return json.loads((path / "environment.json").read_text())["sessions"]


def recorded(path):
    """Step → the row there, without what was measured only because the run ended at its last step."""
    found = {row["step"]: row for row in map(json.loads, rows(path))}
    found[STEPS] = {name: value for name, value in found[STEPS].items() if not name.startswith("late/")}
    return found


def first_step(path, met, columns, in_a_row=1):
    """By brute force: the first step at which a Python function of the last recorded values was true so often in a row."""
    last, count = {}, 0
    for step, row in recorded(path).items():
        last |= row
        if set(columns) & set(row):
            count = count + 1 if set(columns) <= set(last) and met(last) else 0
            if count == in_a_row:
                return step
    return None


CONDITIONS = {
    "objective < 1.3": (lambda row: row["objective"] < 1.3, ["objective"], 1),
    "count/moved > 0.5 for 2 events": (lambda row: row["count/moved"] > 0.5, ["count/moved"], 2),
    "norms/linf * 2 > norms/l2 or count/calls >= 3": (
        lambda row: row["norms/linf"] * 2 > row["norms/l2"] or row["count/calls"] >= 3,
        ["norms/linf", "norms/l2", "count/calls"],
        1,
    ),
    "step > 9": (lambda row: row["step"] > 9, ["objective"], 1),
    "norms/l2 > 0 and step > 9": (lambda row: row["step"] > 9, ["norms/l2"], 1),
    "not count/calls < 4 and objective > 0": (lambda row: row["count/calls"] >= 4, ["count/calls", "objective"], 1),
}


@pytest.mark.parametrize("text", slow_but(lambda text: "for 2 events" in text or "calls >= 3" in text, CONDITIONS))
def test_a_run_ends_at_the_first_event_where_it_holds_as_if_that_were_its_last_step(text, whole, tmp_path):
    expected = first_step(whole, *CONDITIONS[text])
    assert expected is not None and 0 < expected < STEPS
    run = train(stopping(text), tmp_path / "stopped")
    train(long(expected), tmp_path / "short")
    assert_same_run(tmp_path / "stopped", tmp_path / "short")
    assert run.steps[-1] == run.rows[-1]["step"] == expected
    assert sessions(tmp_path / "stopped")[-1]["reason"] == f"stop_when: {text} (step {expected:,})"
    assert sessions(tmp_path / "stopped")[-1]["at_step"] == expected


@pytest.mark.parametrize("text", slow_but(lambda text: "for 2 events" in text or "calls >= 3" in text, CONDITIONS))
def test_a_stopped_run_goes_on_without_its_condition_to_the_bits_of_one_that_was_never_stopped(text, whole, tmp_path):
    train(stopping(text), tmp_path)
    assert load_run(tmp_path).steps[-1] < STEPS
    train(long(), tmp_path)
    assert_same_run(tmp_path, whole)
    assert sessions(tmp_path)[-1]["reason"] == "complete"


@pytest.mark.slow
def test_one_condition_after_another_and_none_in_the_end(whole, tmp_path):
    reached = [train(stopping(f"step > {step}"), tmp_path).steps[-1] for step in (1, 5, 5, 9)] + [train(long(), tmp_path).steps[-1]]
    assert reached == [2, 6, 6, 10, 24]
    assert_same_run(tmp_path, whole)


def test_a_run_in_memory_stops_too(whole, tmp_path):
    train(stopping("step > 5"), tmp_path)
    run = train(stopping("step > 5"))
    alone = [{name: value for name, value in row.items() if name != "seconds"} for row in run.rows]
    assert alone == [{name: value for name, value in row.items() if name != "seconds"} for row in load_run(tmp_path).rows]
    assert run.steps == [6] and list(run.arrays("picture/entries")) == [6] and "late/moved" in run.rows[-1]


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_dies_before_or_after_the_checkpoint_of_its_stopping_event(after, whole, tmp_path):
    for name, config in (("again", stopping("step > 9")), ("without", long())):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            killing(patch, *VERBS["save"], 4, after)  # saved are 0, 3, 6, 9 and, at its end, 10
            train(stopping("step > 9"), tmp_path / name)
        assert json.loads(rows(tmp_path / name)[-1])["step"] == 10 and "late/calls" in rows(tmp_path / name)[-1]
        train(config, tmp_path / name)
    train(long(10), tmp_path / "short")
    assert_same_run(tmp_path / "again", tmp_path / "short")
    assert_same_run(tmp_path / "without", whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "after"), [(verb, after) for verb in VERBS for after in ((False, True) if verb in VERBS_OF_THE_LOOP else (False,))]
)
def test_a_run_that_dies_at_any_event_stops_at_the_same_step_with_the_same_bits(verb, after, tmp_path):
    text = "count/moved > 0 and step > 2*count/calls for 2 events"  # count measures at every 4th step: met at 8 and 12
    train(stopping(text), tmp_path / "undisturbed")
    assert load_run(tmp_path / "undisturbed").steps[-1] == 12
    deaths = 0
    while True:
        path = tmp_path / str(deaths)
        with pytest.MonkeyPatch.context() as patch:
            killing(patch, *VERBS[verb], deaths, after)
            try:
                train(stopping(text), path)
            except Killed:
                deaths += 1
            else:
                break
        train(stopping(text), path)
        assert_same_run(path, tmp_path / "undisturbed")
        train(stopping(text), path)
        assert len(sessions(path)) == 2 and sessions(path)[-1]["reason"] == sessions(tmp_path / "undisturbed")[-1]["reason"]
    assert deaths >= (1 if verb in ("rewind", "remove") else 3)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["measure", "row", "save"])
def test_a_run_that_dies_around_its_stopping_event_goes_on_without_the_condition(verb, whole, tmp_path):
    """Counted from the end, so that the stopping event is hit: before and after the last two calls of each verb."""
    with pytest.MonkeyPatch.context() as patch:
        seen = killing(patch, *VERBS[verb], -1, False)
        train(stopping("step > 9"), tmp_path / "counted")
    for call in seen[-2:]:
        for after in (False, True):
            path = tmp_path / f"{call}-{after}"
            with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
                killing(patch, *VERBS[verb], call, after)
                train(stopping("step > 9"), path)
            train(long(), path)
            assert_same_run(path, whole)


def test_a_stopped_run_is_left_as_it_is_also_when_more_steps_are_asked_for(tmp_path, caplog):
    caplog.set_level(logging.INFO, "whygrok")
    train(stopping("step > 5"), tmp_path)
    before = content(tmp_path)
    for steps in (STEPS, 2 * STEPS):
        caplog.clear()
        assert train(stopping("step > 5", steps), tmp_path).steps[-1] == 6
        said = [record.getMessage() for record in caplog.records]
        assert said == [f"already complete at step 6: {tmp_path}, stop_when: step > 5 (step 6)"]
    assert content(tmp_path) == before


def test_a_condition_that_holds_at_the_last_step_keeps_a_longer_run_from_going_on(tmp_path):
    train(stopping("step > 5", 6), tmp_path)
    assert train(stopping("step > 5", 12), tmp_path).steps[-1] == 6
    assert train(stopping("step > 6", 12), tmp_path).steps[-1] == 8


def test_a_condition_given_to_a_run_that_is_beyond_it_ends_it_at_the_next_event(whole, tmp_path):
    ended = train(long(7), tmp_path)  # the step 7 is an event only because the run ended there
    assert not ends_here(Experiment.from_config(stopping("step > 3")), ended.rows, 7)
    assert train(stopping("step > 3"), tmp_path).steps[-1] == 8
    train(long(), tmp_path)
    assert_same_run(tmp_path, whole)


def test_what_is_measured_only_because_a_run_ends_does_not_count(tmp_path):
    text = "late/calls >= 1 or norms/l2 > 1e9"
    run = train(stopping(text, 6), tmp_path)
    assert run.rows[-1]["late/calls"] == 1 and sessions(tmp_path)[-1]["reason"] == "complete"
    assert train(stopping(text, 12), tmp_path).steps[-1] == 12
    train(stopping("norms/l2 > 0 and step > 11", 18), tmp_path)
    assert sessions(tmp_path)[-1]["reason"].endswith("(step 12)") and load_run(tmp_path).steps[-1] == 12
    assert train(stopping(text, 18), tmp_path).steps[-1] == 18


def test_a_probe_beside_it_does_not_change_where_a_run_ends():
    dense = PROBES | {"dense": select("norms", schedule="every 1")}
    alone, beside = (train(stopping("count/calls > 0 for 3 events", probes=probes)).steps for probes in (PROBES, dense))
    assert alone == beside == [8]


def test_a_sweep_over_conditions_counts_stopped_members_as_finished_and_shows_where_they_are(tmp_path):
    texts = ["step > 5", "test/accuracy >= 2 or step > 9*objective / 2 for 2 events", ""]
    swept = members(long(), product({"stop_when": texts}))
    names = [member.name for member in swept]
    assert all(re.fullmatch(r"[A-Za-z0-9._=,+^-]{1,120}", name) for name in names) and len({name.lower() for name in names}) == 3
    found = run_sweep(swept, tmp_path / "runs", engine=Here())
    # The objective is 1.381 at step 6 and 1.342 at step 8: 9·objective/2 is 6.21, then 6.04. So it is met at 8 and 10.
    assert [(one.state, one.step, one.steps) for one in found] == [("finished", 6, 24), ("finished", 10, 24), ("finished", 24, 24)]
    before = content(tmp_path / "runs" / names[0])
    again = run_sweep(swept, tmp_path / "runs", engine=Here())
    assert [one.step for one in again] == [6, 10, 24] and content(tmp_path / "runs" / names[0]) == before
    with open(tmp_path / "runs" / "sweep.csv", newline="") as file:
        assert [(row["stop_when"], row["state"], row["step"]) for row in csv.DictReader(file)] == list(
            zip(texts, ["finished"] * 3, ["6", "10", "24"], strict=True)
        )
    with pytest.raises(UserError, match=f"member {re.escape(names[0])}: stop_when = 'step >': at its end"):
        run_sweep([Member(names[0], {}, override(long(), {"stop_when": "step >"}))], tmp_path / "never", engine=Here())
    assert not (tmp_path / "never").exists()


ROWS = [  # step, train/accuracy, test/accuracy: fitted at 20; grokked at 30, not any more at 40, again at 50
    (10, 0.5, 0.1),
    (20, 1.0, 0.2),
    (30, 0.9, 0.99),
    (40, 1.0, 0.98),
    (50, 1.0, 1.0),
    (60, 1.0, None),
    (70, 1.0, 0.99),
]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("fitted > 0", [20, 30, 40, 50, 60, 70]),
        ("step >= 2*fitted", [40, 50, 60, 70]),
        ("grokked > 0", [30, 50, 60, 70]),
        ("step - grokked >= 20", [70]),
        ("grokked == 50 for 2 events", [60, 70]),
        ("not fitted > 30", [20, 30, 40, 50, 60, 70]),
        ("test/accuracy >= 0.99", [30, 50, 70]),  # at 60 it was not a number
        ("not test/accuracy >= 0.99", [10, 20, 40]),
        ("test/accuracy >= 0.98 for 3 events", [50]),
    ],
)
def test_milestones_and_numbers_that_are_none_row_by_row(text, ends):
    experiment = Experiment.from_config(stopping(text, 100, events={"metrics": "every 10"}, probes={}))
    made = [{"step": step, "seconds": 0.1, "objective": 1.0, "train/accuracy": one, "test/accuracy": two} for step, one, two in ROWS]
    assert [row["step"] for number, row in enumerate(made) if ends_here(experiment, made[: number + 1], row["step"])] == ends
    events = {event.step: event for event in experiment.events_after(-1)}
    watch = Watch(experiment)
    assert [row["step"] for row in made if watch.ends_at(events[row["step"]], row)] == ends


def test_a_value_that_is_not_a_number_meets_nothing_and_divergence_ends_as_before(tmp_path):
    diverging = {"optimizer": select("gd", learning_rate=1e6), "numerics": {"on_divergence": "continue"}, "probes": {}}
    run = train(stopping("objective > 1e30 or not objective < 1e30", 12, **diverging))
    assert run.rows[-1]["step"] == 12 and run.rows[-1]["objective"] is None
    assert train(stopping("objective > 1e30 or step > 5", 12, **diverging)).rows[-1]["step"] == 6
    with pytest.raises(Diverged):
        train(stopping("step > 0", 12, **diverging | {"numerics": {"on_divergence": "stop"}}), tmp_path)


def test_each_row_costs_the_same_however_many_there_are():
    experiment = Experiment.from_config(stopping("count/moved > 3 and step > 10*fitted for 3 events", 10**6, events={"metrics": "every 1"}))
    looked_at = 0

    class Row(dict):
        def __getitem__(self, name):
            nonlocal looked_at
            looked_at += 1
            return super().__getitem__(name)

    watch, costs = Watch(experiment), []
    for step in range(900):
        row = Row(step=step, seconds=0.0, objective=1.0, **{"train/accuracy": 1.0, "test/accuracy": math.sin(step), "count/moved": 1.0})
        watch.ends_at(next(experiment.events_after(step - 1)), row)
        costs.append(looked_at)
    assert costs[899] - costs[600] == costs[599] - costs[300]
