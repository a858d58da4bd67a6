"""Subtraction, multiplication and division against Python's integers, tuple by tuple."""

import functools
import itertools
import operator
import re

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework import build, train
from framework.config import select
from framework.errors import FieldError
from plugins.mathematics.modular import is_prime, nearest_prime, power, product
from tests.small_runs import small_config

PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]
STARTS = {"all": (0, 0), "first": (0, 1), "none": (1, 1)}


def rows(split):
    return list(map(tuple, np.asarray(split.inputs).tolist())), np.asarray(split.targets).tolist()


def tuples(p, k, first, later):
    return list(itertools.product(range(first, p), *[range(later, p)] * (k - 1)))


@pytest.mark.parametrize(("p", "k"), [(2, 2), (5, 2), (6, 2), (7, 3), (4, 4)])
def test_subtraction_takes_the_later_tokens_from_the_first(p, k):
    population = build("task", "modular_subtraction", p=p, k=k).population()
    expected = tuples(p, k, 0, 0)
    assert rows(population) == (expected, [(row[0] - sum(row[1:])) % p for row in expected])
    assert population.inputs.dtype == population.targets.dtype == jnp.int32


@pytest.mark.parametrize("zeros", STARTS)
@pytest.mark.parametrize(("p", "k"), [(2, 2), (5, 1), (5, 2), (6, 2), (7, 3)])
def test_multiplication_leaves_out_the_zeros_that_it_says(p, k, zeros):
    task = build("task", "modular_multiplication", p=p, k=k, zeros=zeros)
    expected = tuples(p, k, *STARTS[zeros])
    assert rows(task.population()) == (expected, [functools.reduce(operator.mul, row) % p for row in expected])
    assert task.population().inputs.dtype == task.population().targets.dtype == jnp.int32


@pytest.mark.parametrize("p", [2, 3, 5, 13])
@pytest.mark.parametrize("k", [2, 3])
def test_division_is_by_the_inverse(p, k):
    expected = tuples(p, k, 0, 1)
    answers = [row[0] * pow(functools.reduce(operator.mul, row[1:]), -1, p) % p for row in expected]
    assert rows(build("task", "modular_division", p=p, k=k).population()) == (expected, answers)


def test_the_counts_of_power_et_al():
    """97² pairs for a − b, 97 · 96 for a / b, in which every answer occurs 96 times."""
    assert len(build("task", "modular_subtraction").population()) == 97**2
    division = build("task", "modular_division").population()
    assert np.bincount(division.targets).tolist() == [96] * 97


@pytest.mark.parametrize(("p", "nearest"), [(4, 3), (96, 97), (98, 97), (46_340, 46_337)])
def test_division_by_a_composite_modulus_is_refused_with_the_nearest_prime(p, nearest):
    with pytest.raises(FieldError, match=rf"p = {p}: must be a prime.*the nearest is {nearest}$"):
        build("task", "modular_division", p=p)


def test_primes():
    assert [p for p in range(-3, 50) if is_prime(p)] == PRIMES
    assert is_prime(46_337) and nearest_prime(46_340, at_most=50_000) == 46_337 and nearest_prime(1) == 2


@given(st.integers(2, 46_340), st.integers(0, 10**12), st.data())
def test_powers_and_products_are_exact_for_every_modulus(p, exponent, data):
    residues = data.draw(st.lists(st.integers(0, p - 1), min_size=3, max_size=3)) + [p - 1] * 3
    base = jnp.array(residues, jnp.int32)
    assert power(base, exponent, p).tolist() == [pow(a, exponent, p) for a in residues]
    assert product(base[None], p).tolist() == [functools.reduce(operator.mul, residues) % p]


@pytest.mark.parametrize(("name", "number"), [("subtraction", "46337^9"), ("multiplication", "46337^9"), ("division", "46337^1 · 46336^8")])
def test_too_many_tuples_are_refused_with_their_number(name, number):
    with pytest.raises(FieldError, match=re.escape(f"p = 46337: {number} tuples are more than the 134,217,728")):
        build("task", f"modular_{name}", p=46_337, k=9).population()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["modular_subtraction", "modular_multiplication", "modular_division"])
def test_a_small_network_learns_its_sample(name):
    accuracy = train(small_config({}, select(name, p=7, train_size="70%"), steps=100)).metrics()["train/accuracy"]
    assert accuracy[0] < 0.5 and accuracy[-1] == 1
