"""Polynomials mod p against Python's own integers."""

import itertools
import re

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework import build, train
from framework.config import select
from framework.errors import FieldError
from plugins.mathematics.polynomials import evaluate_polynomial, parse_polynomial, variables_of
from tests.small_runs import small_config

FORMULAS = {  # as written in a config → as a function of Python integers of any size
    "a^2+b^2": lambda a, b: a**2 + b**2,
    "a^2+a*b+b^2+a": lambda a, b: a**2 + a * b + b**2 + a,
    "a^3+a*b^2+b": lambda a, b: a**3 + a * b**2 + b,
    "(4*a+b^2)^3": lambda a, b: (4 * a + b**2) ** 3,
    "(2a + 3b)^4 - a^2": lambda a, b: (2 * a + 3 * b) ** 4 - a**2,
    "2(x+1)(y-1)": lambda x, y: 2 * (x + 1) * (y - 1),
    "-a^2": lambda a: -(a**2),
    "+c**0 + 5": lambda c: 6,
    "a" + "+a" * 149: lambda a: 150 * a,
    "a - b*-3 - 10000000000000000000000*c": lambda a, b, c: a + 3 * b - 10**22 * c,
}


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("p", [2, 5, 6])
def test_every_tuple_has_the_value_of_the_polynomial(p, formula):
    function = FORMULAS[formula]
    task = build("task", "modular_polynomial", p=p, expression=formula)
    population = task.population()
    tuples = list(itertools.product(range(p), repeat=function.__code__.co_argcount))
    assert list(map(tuple, population.inputs.tolist())) == tuples
    assert population.targets.tolist() == [function(*row) % p for row in tuples]
    assert population.inputs.dtype == population.targets.dtype == jnp.int32
    assert (task.sizes.tokens, task.sizes.values, task.sizes.outputs) == (len(tuples[0]), p, p)


@given(st.sampled_from(sorted(FORMULAS)), st.integers(2, 46_340), st.data())
def test_no_step_overflows_at_large_moduli(formula, p, data):
    tree, function = parse_polynomial(formula), FORMULAS[formula]
    rows = [[p - 1] * function.__code__.co_argcount, [data.draw(st.integers(0, p - 1)) for _ in variables_of(tree)]]
    values = dict(zip(variables_of(tree), jnp.array(rows, jnp.int32).T, strict=True))
    assert evaluate_polynomial(tree, values, p).tolist() == [function(*row) % p for row in rows]


terms = st.recursive(
    st.sampled_from("abc") | st.integers(0, 99).map(str),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner)
        | st.builds("({})^{}".format, inner, st.integers(0, 5))
        | st.builds("(-{})".format, inner)
    ),
    max_leaves=8,
)


@given(terms, st.integers(2, 46_340))
def test_random_polynomials_are_those_of_python(text, p):
    text += " + a"
    names = variables_of(parse_polynomial(text))
    assert names == tuple(sorted(set(re.findall("[abc]", text))))
    point = {name: p - 1 - i for i, name in enumerate(names)}
    python = eval(text.replace("^", "**"), {"__builtins__": {}}, dict(point))  # the test's own text, not a user's
    found = evaluate_polynomial(parse_polynomial(text), {name: jnp.array([x % p], jnp.int32) for name, x in point.items()}, p)
    assert int(found[0]) == python % p


def test_the_numbers_of_answers_of_sums_of_two_squares():
    """x² + y² mod p = 97 takes 0 on 2p − 1 pairs and every other value on p − 1 (p ≡ 1 mod 4)."""
    counts = np.bincount(build("task", "modular_polynomial").population().targets)
    assert counts.tolist() == [2 * 97 - 1] + [96] * 96


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("a/b", "modular_division"),
        ("ab+1", "'ab' is not a variable: a variable is one letter a … z; a product is written a*b"),
        ("A+b", "'A' is not a variable"),
        ("a^-1", "the exponent -1 is not understood"),
        ("a^b", "the exponent b is not understood"),
        ("a^2^3", "the exponent 2^3 is not understood"),
        ("a^2.0", "the exponent 2.0 is not understood"),
        ("1.5*a", "1.5 is not an integer"),
        ("True*a", "True is not"),
        ("a+", "'a+' is not a formula"),
        ("", "'' is not a formula"),
        ("a=1", "'a=1' is not a formula"),
        ("f(a)", "f(a) is not understood"),
        ("a%5", "a % 5 is not understood"),
        ("[a]", "[a] is not understood"),
        ("__import__('os')", "is not understood"),
        ("7+1", "it has no variable"),
        ("a" + "+a" * 150, "is 301 characters long; at most 300 are read"),
        ("(" * 201 + "a", "is not a formula"),
    ],
)
def test_a_formula_that_is_not_understood_is_said(formula, said):
    with pytest.raises(FieldError, match=re.escape(said)) as raised:
        build("task", "modular_polynomial", expression=formula)
    assert raised.value.path == "task.expression"


def test_a_small_network_learns_its_sample():
    task = select("modular_polynomial", p=7, train_size="70%")
    accuracy = train(small_config({}, task, steps=150)).metrics()["train/accuracy"]
    assert accuracy[0] < 0.5 and accuracy[-1] == 1


@pytest.mark.slow
def test_a_function_of_a_sum_is_learned_and_one_more_monomial_spoils_it():
    """Doshi et al. 2024, table 2, mod 23: (2a+3b)^4 reaches 100 %, with − a² it stays at 7 % (here with fewer neurons)."""
    accuracy = {}
    for formula in ("(2a+3b)^4", "(2a+3b)^4-a^2"):
        task = select("modular_polynomial", p=23, expression=formula, train_size="70%", loss="square")
        model = select("quadratic", width=128, init="normal", init_std=0.1)
        optimizer = select("adamw", learning_rate=1e-2, b2=0.98, weight_decay=5.0)
        run = train(small_config({}, task, model=model, optimizer=optimizer, steps=300))
        assert run.metrics()["train/accuracy"][-1] > 0.99
        accuracy[formula] = run.metrics()["test/accuracy"][-1]
    assert accuracy["(2a+3b)^4"] > 0.99 and accuracy["(2a+3b)^4-a^2"] < 0.25
