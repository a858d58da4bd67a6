"""Sizes as arithmetic: values against Python's own, and nothing but arithmetic."""

import contextlib
import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from framework.cli import run_command
from framework.fields import check_expression, evaluate


@pytest.mark.parametrize(
    ("text", "variables", "whole", "expected"),
    [
        ("1224", {}, None, 1224),
        ("4*p", {"p": 47}, None, 188),
        ("2*p^(5/3)", {"p": 47}, None, 1224),  # 2·47^(5/3) = 1224.19…
        ("2*p**(5/3)", {"p": 47}, None, 1224),
        ("2*p^2.25", {"p": 47}, None, 11567),  # 11567.6…
        ("2 p", {"p": 5}, None, 10),
        ("50%", {}, 2209, 1104),
        ("29%", {}, 100, 29),  # 28.999999999999996 in floating point
        ("57%", {}, 100, 57),
        ("p^2/2", {"p": 47}, None, 1104),
        ("8^(1/3)", {}, None, 2),
        ("-3+5", {}, None, 2),
        ("1e3", {}, None, 1000),
        ("2^17", {}, None, 131072),
        (" ( p - 1 ) * k ", {"p": 7, "k": 3}, None, 18),
    ],
)
def test_a_size_is_rounded_down_from_its_arithmetic(text, variables, whole, expected):
    assert evaluate(text, variables, whole) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "p p p p(", "f(p)", "p.x", "p[0]", "'a'", "[1]", "lambda: 1", "1 if p else 2", "p and 2", "p < 2", "~p", "p // 2", "p % 2"]
    + ["1j", "True", "None", "50%%", "%", "p := 3", "*p", "(" * 500, "import os", "\x00", "1" * 5000],
)
def test_what_is_no_arithmetic_is_refused(text):
    with pytest.raises(ValueError):
        evaluate(check_expression(text), {"p": 7}, 100)


@pytest.mark.parametrize("text", ["1/0", "0^(-1)", "10^400", "1e999", "(-8)^(1/3)", "9^9^9^9"])
def test_what_has_no_finite_value_is_refused_in_words(text):
    with pytest.raises(ValueError, match="no finite value"):
        evaluate(text, {})


def test_an_unknown_name_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'q' is not known here.*Known: p, N"):
        evaluate("2*q", {"p": 7, "N": 49})


def test_a_percentage_of_nothing_is_refused():
    with pytest.raises(ValueError, match="percentage"):
        evaluate("50%", {"p": 7})


@pytest.mark.parametrize("text", ["-" * 3000 + "1", "+".join(["1"] * 20_000), "(" * 90 + "1" + ")" * 90])
def test_depth_ends_in_a_value_or_in_words(text):
    with contextlib.suppress(ValueError):
        assert evaluate(text, {}) in (1, 20_000)


@given(st.integers(1, 100), st.integers(1, 10**9))
def test_a_percentage_is_exact(share, whole):
    assert evaluate(f"{share}%", {}, whole) == share * whole // 100


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 1000))
@example(999_851, 1_000_000, 1)
def test_integer_arithmetic_is_exact(a, b, c):
    assert evaluate(f"{a}*{b}/{c}", {}) == math.floor(Fraction(a * b, c))


@given(st.text("0123456789.+-*/^()% pqkN", max_size=15))
def test_any_text_gives_an_integer_or_a_value_error(text):
    try:
        value = evaluate(text, {"p": 7, "k": 2, "N": 49}, 49)
    except ValueError:
        return
    assert type(value) is int


ENDLESS = ["9**9**9", "9^9^9^9", "'a'*10**9", "(" * 10_000 + "1" + ")" * 10_000, "1+" * 500_000 + "1", "p" * 1_000_000, "1" * 5_000]


@pytest.mark.parametrize("text", ENDLESS, ids=lambda text: text[:12])
def test_what_would_take_for_ever_is_refused_in_one_short_sentence(text):
    with pytest.raises(ValueError, match=".") as error:
        evaluate(text, {"p": 7})
    assert len(str(error.value)) < 300 and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "field", ["task.train_size", "model.width", "events.metrics", "stop_when", "task.p", "penalty.name", "checkpoint.keep_best"]
)
@pytest.mark.parametrize(
    "text", [*ENDLESS[2:], "every 1+" * 100_000 + "last", "\x00", "\ud800", "a/x > 1 or " * 20_000 + "a/x > 1"], ids=lambda t: ascii(t[:9])
)
def test_a_field_of_a_megabyte_is_refused_without_repeating_it(field, text, capsys):
    assert run_command(["config", "--config=quickstart", f"--config.{field}={text}"]) == 2 or len(text) < 10
    said = capsys.readouterr().err
    assert len(said) < 12_000 and len(said.splitlines()) <= 3
