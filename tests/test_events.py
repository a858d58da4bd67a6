"""Schedules: which steps are due, and that it never depends on how long a run is."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.errors import UserError
from framework.training import check_schedule, parse_schedule
from framework.training.moments.schedule import events_after, saves


def steps_of(text: str, end: int) -> list[int]:
    return [step for step in range(end + 1) if parse_schedule(text).regularly(step)]


def walked(text: str, end: int) -> list[int]:
    return [event.step for event in events_after(-1, end, {"metrics": parse_schedule(text)}) if "metrics" in event.due]


def test_log_is_every_step_early_and_twenty_a_decade_later():
    due = walked("log", 100_000)
    assert due[:9] == list(range(9))
    assert [sum(low <= step < 10 * low for step in due) for low in (100, 1000, 10_000)] == [20, 20, 20]
    assert due[-1] == 100_000


def test_log_follows_its_formula():
    powers = {0, *(round(10 ** (i / 20)) for i in range(101))}
    assert walked("log", 100_000) == sorted(powers)


@pytest.mark.parametrize("per_decade", [1, 7, 40, 1000])
def test_log_with_a_number_has_so_many_a_decade(per_decade):
    powers = {0, *(round(10 ** (i / per_decade)) for i in range(3 * per_decade + 1))}
    assert steps_of(f"log {per_decade}", 1000) == sorted(powers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every 250", [0, 250, 500, 750, 1000]),
        ("every 1e2", list(range(0, 1001, 100))),
        ("at 0 10 100", [0, 10, 100]),
        ("at 3,7", [3, 7]),
        ("last", []),
        ("at 5+every 500", [0, 5, 500, 1000]),
        ("EVERY 400 + at 1", [0, 1, 400, 800]),
    ],
)
def test_a_schedule_is_due_at_its_steps(text, expected):
    assert steps_of(text, 1000) == expected


def test_the_last_step_is_due_except_for_a_plain_at():
    assert walked("last", 77) == [77]
    assert walked("every 50", 77) == [0, 50, 77]
    assert walked("at 5", 77) == [5]
    assert walked("at 5+last", 77) == [5, 77]


@pytest.mark.parametrize(
    "text",
    ["", "sometimes", "every", "every 0", "every -5", "every 2.7", "every nan", "every inf", "log 0", "log 1e9", "log 2 3", "at", "at -1"]
    + ["at 0.5", "last 3", "log+", "+", "every five", "log every 5"],
)
def test_what_is_no_schedule_is_refused_by_field_value_and_examples(text):
    with pytest.raises(UserError) as error:
        check_schedule("probes.x.schedule", text)
    assert f"probes.x.schedule = {text!r}" in str(error.value)
    assert "every 500" in str(error.value)


SCHEDULES = st.one_of(
    st.just("log"),
    st.just("last"),
    st.integers(1, 300).map("log {}".format),
    st.integers(1, 5000).map("every {}".format),
    st.lists(st.integers(0, 5000), min_size=1, max_size=4).map(lambda steps: "at " + " ".join(map(str, steps))),
)


@given(SCHEDULES, st.integers(0, 1000), st.integers(1, 1000))
def test_a_longer_run_has_all_regular_events_of_the_shorter(text, short, more):
    def regular(end):
        schedules = {"metrics": parse_schedule(text)}
        return [event.step for event in events_after(-1, end, schedules) if "metrics" in event.measured]

    assert [step for step in regular(short + more) if step <= short] == regular(short)


@given(SCHEDULES, SCHEDULES, st.integers(0, 300), st.integers(0, 7), SCHEDULES, st.data())
def test_events_are_the_union_and_a_walk_may_begin_anywhere(one, other, end, save_every, keep_at, data):
    schedules = {"a": parse_schedule(one), "b": parse_schedule(other)}
    when, kept = saves(save_every, keep_at), parse_schedule(keep_at)
    events = list(events_after(-1, end, schedules, when))
    steps = [event.step for event in events]
    saved = {end, *(range(0, end + 1, save_every) if save_every else ()), *filter(kept.regularly, range(end + 1))}
    expected = set(saved)
    expected |= {step for step in range(end + 1) for due in schedules.values() if due.regularly(step)}
    assert steps == sorted(expected)
    assert [event.last for event in events] == [False] * (len(events) - 1) + [True]
    assert {event.step for event in events if event.saved} == saved
    begin = data.draw(st.integers(-1, end))
    assert list(events_after(begin, end, schedules, when)) == [event for event in events if event.step > begin]


def test_far_steps_cost_no_more_than_near_ones():
    due = parse_schedule("log 10000")
    steps = list(itertools.accumulate(range(5), lambda step, _: due.regular.next(step), initial=10**15))
    assert all(math.log10(after / before) == pytest.approx(1e-4, rel=1e-3) for before, after in itertools.pairwise(steps[1:]))
