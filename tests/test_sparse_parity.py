"""Sparse parity against Python's own bits."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest

from framework import build, train
from framework.config import select
from framework.errors import FieldError
from plugins.tasks.sparse_parity import distinct_bits
from tests.small_runs import small_config


def rows(split):
    return list(map(tuple, np.asarray(split.inputs).tolist()))


@pytest.mark.parametrize(("bits", "relevant"), [(1, 1), (2, 1), (4, 2), (6, 3), (5, 5)])
def test_all_inputs_have_the_parity_of_the_first_bits(bits, relevant):
    task = build("task", "sparse_parity", bits=bits, relevant=relevant)
    population = task.population()
    expected = list(itertools.product((0, 1), repeat=bits))
    assert rows(population) == expected
    assert population.targets.tolist() == [row[:relevant].count(1) % 2 for row in expected]
    signs = [math.prod((-1) ** bit for bit in row[:relevant]) for row in expected]  # as Barak et al. write it
    assert [(-1) ** c for c in population.targets.tolist()] == signs
    assert population.inputs.dtype == population.targets.dtype == jnp.int32
    assert (task.sizes.tokens, task.sizes.values, task.sizes.outputs) == (bits, 2, 2)


@pytest.mark.parametrize("bits", [12, 43, 62, 63, 200])
def test_drawn_inputs_are_distinct_and_those_of_the_seed(bits):
    task = build("task", "sparse_parity", bits=bits, relevant=3, population_size=2000, train_size="50%")
    one, same, other = (task.splits(seed) for seed in (0, 0, 1))
    assert (len(one.train), len(one.test), len(one.population)) == (1000, 1000, 2000)
    assert len(set(rows(one.population))) == 2000 and rows(one.population) == sorted(rows(one.population))
    assert set(rows(one.train)) | set(rows(one.test)) == set(rows(one.population))
    assert one.population.targets.tolist() == [sum(row[:3]) % 2 for row in rows(one.population)]
    assert rows(one.population) == rows(same.population) and rows(one.train) == rows(same.train)
    assert rows(one.population) != rows(other.population)
    # Each bit is 1 in half of the inputs: 1000 of 2000, standard deviation below 22.4.
    assert np.all(np.abs(np.sum(one.population.inputs, axis=0) - 1000) < 5 * 22.4)


def test_the_population_may_have_a_seed_of_their_own():
    task = build("task", "sparse_parity", bits=20, population_size=100, population_seed=5)
    zero, one = task.splits(0), task.splits(1)
    assert rows(zero.population) == rows(one.population) == rows(task.population()) and rows(zero.train) != rows(one.train)
    drawn = build("task", "sparse_parity", bits=20, population_size=100).splits(5)
    assert rows(drawn.population) == rows(task.population())


def test_every_input_is_drawn_equally_often():
    drawn = [distinct_bits(np.random.default_rng(seed), 4, 6) @ [8, 4, 2, 1] for seed in range(400)]
    # Each of 16 inputs is drawn with probability 6/16: mean 150, standard deviation 9.7.
    assert np.all(np.abs(np.bincount(np.concatenate(drawn), minlength=16) - 150) < 5 * 9.7)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"bits": 21}, r"population_size = '2\^bits': is 2097152 inputs; .* 1,048,576 for 21 bits; take fewer"),
        ({"bits": 43}, r"is 8.796093e\+12 inputs; .*take fewer, such as population_size=2000"),
        ({"bits": 4, "population_size": 17}, "is 17 inputs; it must be between 1 and 16 for 4 bits$"),
        ({"population_size": 0}, "is 0 inputs"),
        ({"population_size": "50%"}, "a percentage has no meaning here"),
        ({"population_size": "n"}, "'n' is not known here"),
        ({"bits": 5, "relevant": 6}, "relevant = 6: must be at most bits = 5"),
    ],
)
def test_what_cannot_be_is_refused(fields, said):
    with pytest.raises(FieldError, match=said):
        build("task", "sparse_parity", **fields).splits(0)


@pytest.mark.slow
def test_a_small_network_learns_its_sample():
    task = select("sparse_parity", bits=5, relevant=2, train_size="70%")
    model = select("quadratic", width=32, degree=2, init_scale=2.0)
    accuracy = train(small_config({}, task, model=model, steps=300)).metrics()["train/accuracy"]
    assert accuracy[0] < 0.8 and accuracy[-1] == 1
