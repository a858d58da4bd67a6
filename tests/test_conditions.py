"""Conditions on columns: truth against Python's own eval and by hand, and what is refused, with its place."""

import math
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from framework.errors import FieldError
from framework.fields import check_condition

NAMES = ("test/accuracy", "norms/W.0/linf", "late-1/at[2]", "step", "objective", '"odd name/x - y"')
RENAMED = {name: f"v{number}" for number, name in enumerate(NAMES)}


def holds(text, **values):
    return check_condition("stop_when", text).holds({name.replace("_", "/"): value for name, value in values.items()})


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a/x >= 0.99", {"a_x": 0.99}, True),
        ("a/x >= 0.99", {"a_x": 0.9899}, False),
        ("step > 10*fitted", {"step": 2_830, "fitted": 282}, True),
        ("step > 10*fitted", {"step": 2_820, "fitted": 282}, False),
        ("a/x / b/x == 2", {"a_x": 6, "b_x": 3}, True),  # with blanks, / divides
        ("2/a/x > 1", {"a_x": 1.5}, True),
        ("a/x+b/x>4", {"a_x": 2, "b_x": 3}, True),
        ("1 < step <= 3", {"step": 3}, True),
        ("1 < step <= 3 != step", {"step": 3}, False),
        ("2^3^2 == step", {"step": 512}, True),  # a power of a power is read from the right
        ("-step^2 < 0", {"step": 1}, True),
        ("007 == step", {"step": 7}, True),
        ("step > .5e1 or step < 2 and step > 5", {"step": 1}, False),
        ("not step > 3", {"step": 3}, True),
        # A value that is not there: no comparison with it is met, nor is its opposite.
        ("a/x > 1", {}, False),
        ("not a/x > 1", {}, False),
        ("not a/x > 1", {"a_x": None}, False),
        ("not a/x > 1", {"a_x": math.nan}, False),
        ("a/x > 1", {"a_x": math.inf}, False),
        ("a/x != 1", {}, False),
        ("a/x > 1 or step > 1", {"step": 2}, True),
        ("not (a/x > 1 or step > 1)", {"step": 0}, False),
        ("not (a/x > 1 and step > 1)", {"step": 0}, True),
        ("not not a/x > 1", {}, False),
        ("0 < step < a/x", {"step": 1}, False),
        ("not 0 < step < a/x", {"step": -1}, True),
        # What has no finite value is not there either.
        ("1 / step >= 0", {"step": 0}, False),
        ("not 1 / step >= 0", {"step": 0}, False),
        ("(0 - step)^0.5 != 1", {"step": 2}, False),
        ("10^step > 1", {"step": 400}, False),
        ("1e200 * step * 1e200 > 1", {"step": 3}, False),
    ],
)
def test_truth_by_hand(text, values, expected):
    assert holds(text, **values) is expected


operands = st.sampled_from([*NAMES, "0.5", "1", "2", "3"])


@st.composite
def texts(draw):
    """Comparisons of arithmetic without parentheses, joined by and, or and not: what binds tighter is Python's to say."""

    def comparison():
        sides = [draw(operands)]
        for _ in range(draw(st.integers(1, 5))):
            sides += [draw(st.sampled_from(["+", "-", "*", " / ", "^", "**", " <", " <= ", " > ", ">= ", " == ", "!="])), draw(operands)]
        text = " ".join(sides)
        return text if re.search("[<>=]", text) else f"{text} > {draw(operands)}"

    parts = [draw(st.sampled_from(["", "not ", "not -"])) + comparison()]
    for _ in range(draw(st.integers(0, 3))):
        parts += [draw(st.sampled_from(["and", "or"])), draw(st.sampled_from(["", "not "])) + comparison()]
    return " ".join(parts)


@given(texts(), st.lists(st.sampled_from([-1.0, 0.0, 0.25, 1.0, 1.5, 2.0]), min_size=len(NAMES), max_size=len(NAMES)))
@example("step - 2 ^ 2 / 2 * 3 < -5 and not step > 1 or objective <= step", [0.0] * 3 + [0.5, 1.0, 0.0])
def test_truth_is_that_of_pythons_eval_where_every_value_is_there(text, numbers):
    assume(any(name in text for name in NAMES))
    source = text.replace("^", "**")
    for name, variable in RENAMED.items():
        source = source.replace(name, variable)
    variables = dict(zip(RENAMED.values(), numbers, strict=True))
    try:  # every comparison on its own: what has no value is left to the tests by hand
        for part in re.split(r" (?:and|or|not) ", f" {source}"):
            sides = [eval(side, {}, variables) for side in re.split("[<>=!]=?", part.removeprefix("not "))]
            assume(all(isinstance(side, float | int) and math.isfinite(side) for side in sides))
    except (ArithmeticError, SyntaxError):
        assume(False)
    values = {name.strip('"'): number for name, number in zip(NAMES, numbers, strict=True)}
    assert check_condition("stop_when", text).holds(values) is eval(source, {}, variables)


trees = st.recursive(
    st.sampled_from(["a", "b", "c"]),
    lambda inner: st.one_of(st.tuples(st.just("not"), inner), st.tuples(inner, st.sampled_from(["and", "or"]), inner)),
)


def written(tree):
    return (
        f"{tree}/x > 1"
        if isinstance(tree, str)
        else "(" + " ".join(part if part in ("and", "or", "not") else written(part) for part in tree) + ")"
    )


def surely(tree, wanted, values):
    """Whether a tree has the wanted truth, where what is not known is neither true nor false: `not` is carried inwards to the leaves."""
    if isinstance(tree, str):
        return values[tree] is not None and (values[tree] > 1) is wanted
    if len(tree) == 2:
        return surely(tree[1], not wanted, values)
    left, right = surely(tree[0], wanted, values), surely(tree[2], wanted, values)
    return (left and right) if (tree[1] == "and") is wanted else (left or right)


@given(trees, st.fixed_dictionaries({name: st.sampled_from([None, 0.0, 2.0]) for name in "abc"}))
def test_what_is_not_there_meets_no_comparison_also_under_not(tree, values):
    assert check_condition("x", written(tree)).holds({f"{name}/x": value for name, value in values.items()}) is surely(tree, True, values)


@pytest.mark.parametrize(("text", "events"), [("a/x > 1", 1), ("a/x > 1 for 3 events", 3), ("a/x > 1 or b/x > 1  for 1 event ", 1)])
def test_the_number_of_events_in_a_row(text, events):
    assert check_condition("stop_when", text).events == events


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("test/accuracy>=.9 and step>10*fitted", ("test/accuracy", "step", "fitted")),
        ("(norms/W/linf)^2 > norms/W/linf", ("norms/W/linf",)),
        ("-objective < 'a b/c' / 2", ("objective", "a b/c")),
        ("2-objective-1 > x-1/y", ("objective", "x-1/y")),
    ],
)
def test_the_names_that_occur(text, names):
    assert check_condition("stop_when", text).names == names


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("test/accuracy >= ", "at its end", "not understood"),
        ("a/x > 1 and", "at its end", "not understood"),
        ("(a/x > 1", "at character 1, '(a/x > 1'", "never closed"),
        ("a/x > 1) or b/x > 1", "at character 8, ') or b/x > 1'", "unmatched"),
        ("a/x > 1 b/x > 1", "at character 9, 'b/x > 1'", "not understood"),
        ("a/x > > 1", "at character 7, '> 1'", "not understood"),
        ("a/x ^ 2 ^ b/x == 1 1", "at character 20, '1'", "not understood"),
        ("a/x = 1", "at character 5, '= 1'", "no meaning"),
        ("step % 2 == 0", "at character 6, '% 2 == 0'", "no meaning"),
        ("a/x > 1; b/x > 1", "at character 8", "no meaning"),
        ("\N{GREEK SMALL LETTER LAMDA} > 1", "at character 1", "no meaning"),
        ("a/x > 1\x00", "at character 8", "no meaning"),
        ("a/x", "at character 1, 'a/x'", "a number, not a condition"),
        ("a/x > 1 or 2 * b/x", "at character 12, '2 * b/x'", "a number, not a condition"),
        ("not 3", "at character 5, '3'", "a number, not a condition"),
        ("a/x > (b/x > 1)", "at character 8", "only numbers can be compared"),
        ("1 + (a/x and b/x) > 1", "at character 6, 'a/x and b/x) > 1'", "only numbers can be compared"),
        ("__import__(os) > 1", "at character 1", "only numbers can be compared"),
        ("1 > 0", "at character 1", "names no column"),
        ("a/x > 1e999", "at character 7, '1e999'", "not finite"),
        ("a/x > 1 for 0 events", "at character 9, 'for 0 events'", "a number of events"),
        ("a/x > 1 for 3 events and b/x > 1", "at character 9", "a number of events"),
        ("a/x > 1 for ever", "at character 9", "a number of events"),
        ("(" * 240 + "a/x > 1" + ")" * 240, "at character", ""),
        ("-" * 60 + "a/x > 1", "at character 1, ", "nested too deeply"),
        ("+".join(["1"] * 20_000) + "> a/x", "at character 1, ", "nested too deeply"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place_and_what_is_allowed(text, place, said):
    with pytest.raises(FieldError) as error:
        check_condition("stop_when", text)
    assert f": {place}" in str(error.value) and said in error.value.rule and 'for 3 events" may stand at the end' in error.value.rule


@given(st.text("ab/x0123.>=<!+-*^() orandntf'\"", max_size=30))
def test_any_text_is_read_or_refused_in_words(text):
    try:
        condition = check_condition("stop_when", text)
    except FieldError:
        return
    assert condition.holds(dict.fromkeys(condition.names, 1.0)) in (True, False)
    assert condition.holds({}) is False


def test_depth_ends_in_a_truth_or_in_words():
    assert holds("-" * 40 + "step > 0", step=1) is True
    assert holds("not " * 40 + "step > 0", step=1) is True
    assert holds(" or ".join(["step > 1"] * 5_000) + " or step > 0", step=1) is True
