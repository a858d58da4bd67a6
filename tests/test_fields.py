"""What a field accepts, how its errors read, and that nothing else gets through."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework import Penalty, field, part, register
from framework.config import override, select
from framework.errors import FieldError, UserError, did_you_mean
from framework.fields import Fields, declared_fields, make
from framework.run import RunDirectory
from tests.helpers import tiny


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example(Fields):
    rate: float = field(0.5, "a rate", above=0, at_most=2)
    count: int = field(3, "a count", at_least=0)
    on: bool = field(False, "a switch")
    kind: str = field("near", "a choice", choices=("near", "far"))
    size: str = field("4*p", "a size", expression=True)
    steps: tuple[int, ...] = field((), "steps", at_least=0)
    rates: tuple[float, ...] = field((), "rates")
    names: tuple[str, ...] = field((), "names")
    limit: float | None = field(None, "a limit", above=0)


@pytest.mark.parametrize(
    ("name", "given_value", "expected"),
    [
        ("rate", 1, 1.0),
        ("rate", "1", 1.0),
        ("rate", "1e-3", 0.001),
        ("rate", np.float32(0.5), 0.5),
        ("count", "23", 23),
        ("count", 23.0, 23),
        ("count", "23.0", 23),
        ("count", "2.3e1", 23),
        ("count", "1e3", 1000),
        ("count", "9007199254740993", 9007199254740993),  # 2^53 + 1 is no float64
        ("count", np.int64(5), 5),
        ("on", "true", True),
        ("on", "TRUE", True),
        ("on", "1", True),
        ("on", "yes", True),
        ("on", "false", False),
        ("on", "0", False),
        ("on", 1, True),
        ("size", 12, "12"),
        ("size", "50%", "50%"),
        ("steps", "(1,2)", (1, 2)),
        ("steps", "[1, 2]", (1, 2)),
        ("steps", "1,2", (1, 2)),
        ("steps", "1", (1,)),
        ("steps", "(1,)", (1,)),
        ("steps", "()", ()),
        ("steps", 1, (1,)),
        ("steps", [1.0, 2], (1, 2)),
        ("rates", "(1,2)", (1.0, 2.0)),
        ("names", "a,b", ("a", "b")),
        ("names", "a", ("a",)),
        ("limit", "none", None),
        ("limit", "None", None),
        ("limit", None, None),
        ("limit", "3", 3.0),
    ],
)
def test_a_value_arrives_in_the_type_of_its_field(name, given_value, expected):
    value = getattr(Example(**{name: given_value}), name)
    assert value == expected
    assert type(value) is type(expected)
    if isinstance(expected, tuple):
        assert [type(x) for x in value] == [type(x) for x in expected]


@pytest.mark.parametrize(
    ("name", "wrong", "allowed"),
    [
        ("rate", "fast", "a number > 0 and <= 2"),
        ("rate", 0, "a number > 0 and <= 2"),
        ("rate", 2.5, "a number > 0 and <= 2"),
        ("rate", "nan", "a number"),
        ("rate", "inf", "a number"),
        ("rate", math.nan, "a number"),
        ("rate", True, "a number"),
        ("rate", None, "a number"),
        ("rate", "", "a number"),
        ("count", "23.5", "an integer >= 0"),
        ("count", -1, "an integer >= 0"),
        ("count", "-1", "an integer >= 0"),
        ("count", True, "an integer"),
        ("count", "nan", "an integer"),
        ("count", "1e999", "an integer"),
        ("count", None, "an integer"),
        ("on", "maybe", "true or false"),
        ("on", None, "true or false"),
        ("kind", "nearr", "one of near, far"),
        ("kind", 3, "one of near, far"),
        ("size", "__import__('os')", "expression"),
        ("size", "", "expression"),
        ("size", True, "expression"),
        ("size", None, "expression"),
        ("steps", "(1.5,2)", "integers"),
        ("steps", "1,-2", "integers"),
        ("steps", "a", "integers"),
        ("steps", None, "integers"),
        ("names", (1,), "strings"),
        ("limit", "0", "a number > 0, or none"),
        ("limit", "soon", "a number > 0, or none"),
    ],
)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(name, wrong, allowed):
    with pytest.raises(FieldError) as error:
        Example(**{name: wrong})
    assert f"{name} = {wrong!r}" in str(error.value)
    assert allowed in str(error.value)


def test_a_mistyped_choice_names_the_nearest():
    with pytest.raises(FieldError, match="Did you mean 'near'"):
        Example(kind="nearr")


def test_a_mistyped_field_names_the_nearest_and_lists_all():
    with pytest.raises(UserError) as error:
        make(Example, {"ratte": 1}, "example")
    assert "example.ratte" in str(error.value)
    assert "Did you mean 'rate'" in str(error.value)
    assert all(declared.name in str(error.value) for declared in declared_fields(Example))


def test_an_error_seen_from_the_config_carries_the_section():
    with pytest.raises(FieldError, match=r"^example\.count = -1: "):
        make(Example, {"count": -1}, "example")


@pytest.mark.parametrize(("typed", "meant"), [("lr", "learning_rate"), ("LR", "learning_rate"), ("wd", "weight_decay"), ("stpes", "steps")])
def test_abbreviations_and_typing_mistakes_find_the_field(typed, meant):
    assert repr(meant) in did_you_mean(typed, ["steps", "weight_decay", "learning_rate", "seed"])


def test_nothing_is_suggested_when_nothing_is_near():
    assert did_you_mean("zzz", ["steps", "seed"]) == ""


def test_limits_are_shown_exactly():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Large(Fields):
        seed: int = field(0, "a seed", below=2**63)

    assert "9223372036854775808" in declared_fields(Large)[0].allowed


@given(st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.booleans(), st.none(), st.lists(st.floats(), max_size=3)))
def test_anything_at_all_gives_a_value_in_range_or_an_explained_error(value):
    for name in ("rate", "count", "on", "kind", "size", "steps", "limit"):
        try:
            made = getattr(Example(**{name: value}), name)
        except FieldError:
            continue
        in_range = {
            "rate": lambda x: type(x) is float and 0 < x <= 2,
            "count": lambda x: type(x) is int and x >= 0,
            "on": lambda x: type(x) is bool,
            "kind": lambda x: x in ("near", "far"),
            "size": lambda x: type(x) is str,
            "steps": lambda x: type(x) is tuple and all(type(i) is int and i >= 0 for i in x),
            "limit": lambda x: x is None or (type(x) is float and 0 < x < math.inf),
        }
        assert in_range[name](made), (name, value, made)


@given(st.integers(0, 10**30))
def test_an_integer_survives_its_own_text(number):
    assert Example(count=str(number)).count == number


@given(st.floats(min_value=5e-324, max_value=2))
def test_a_float_survives_its_own_text(number):
    assert Example(rate=repr(number)).rate == number


def test_a_harmless_field_of_a_plugin_may_change_at_resume_and_one_inside_another_too(tmp_path, clean_registry):
    @register("with_words")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class WithWords(Penalty):
        """Nothing, with words beside it."""

        words: str = field("", "said somewhere", harmless=True)
        coefficient: float = field(0.0, "changes the run")

        def __call__(self, params):
            return jnp.zeros(())

    @register("around_it")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class AroundIt(Penalty):
        """Another penalty."""

        inner: Penalty = part(WithWords(), "the other one")

        def __call__(self, params):
            return self.inner(params)

    for penalty, path in ((select("with_words"), "penalty"), (select("around_it"), "penalty.inner")):
        directory = RunDirectory(tmp_path / path)
        directory.create()
        base = tiny(penalty=penalty)
        directory.write_config(base)
        directory.check_same_run(override(base, {f"{path}.words": "other"}))
        with pytest.raises(UserError, match=rf"{path}.coefficient: the run has 0.0"):
            directory.check_same_run(override(base, {f"{path}.coefficient": 1.0}))
