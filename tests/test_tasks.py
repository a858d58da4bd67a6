"""The two tasks against their definitions, tuple by tuple."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from framework import build
from framework.errors import FieldError
from plugins.mathematics.modular import linear_rule, weighted_sum
from tests.helpers import slow_but


def brute_force(p, length):
    return np.array(list(itertools.product(range(p), repeat=length)))


def network_of(task, seed=0):
    return build("model", "quadratic", width=6).build(task, rngs=nnx.Rngs(seed))


@pytest.mark.parametrize(("p", "k"), [(5, 1), (5, 2), (4, 3), (2, 4)])
def test_classification_enumerates_every_tuple_once_with_its_sum(p, k):
    population = build("task", "modular_addition", p=p, k=k).population()
    assert population.inputs.dtype == population.targets.dtype == jnp.int32
    np.testing.assert_array_equal(population.inputs, brute_force(p, k))
    np.testing.assert_array_equal(population.targets, brute_force(p, k).sum(axis=1) % p)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(1, 3), st.integers(0, 5), st.booleans())
def test_a_sample_and_the_rest_make_the_population(p, k, seed, replacement):
    task = build("task", "modular_addition", p=p, k=k, train_size="50%", replacement=replacement)
    splits = task.splits(seed)
    rows = {name: list(map(tuple, np.asarray(split.inputs))) for name, split in splits}
    assert len(splits.train) == p**k // 2
    assert set(rows["train"]) | set(rows["test"]) == set(rows["population"])
    assert not set(rows["train"]) & set(rows["test"])
    assert replacement or len(set(rows["train"])) == len(rows["train"])
    again = task.splits(seed)
    np.testing.assert_array_equal(splits.train.inputs, again.train.inputs)


def test_different_seeds_draw_different_samples_and_every_point_is_drawn_equally_often():
    task = build("task", "modular_addition", p=5, train_size=10)
    drawn = [np.asarray(task.splits(seed).train.inputs) @ [5, 1] for seed in range(300)]
    counts = np.bincount(np.concatenate(drawn), minlength=25)
    # Each point is drawn with probability 10/25 in each of 300 samples: mean 120, standard deviation 8.5.
    assert np.all(np.abs(counts - 120) < 5 * 8.5)


@pytest.mark.parametrize(
    ("size", "count"), [("2*p^(5/3)", 1224), ("1224", 1224), (1224, 1224), ("50%", 1104), ("2 * p ** (5/3)", 1224), ("N/2", 1104)]
)
def test_sample_sizes_are_numbers_shares_and_formulas(size, count):
    assert len(build("task", "modular_addition", p=47, train_size=size).splits(0).train) == count


def test_the_papers_regression_sample_sizes():
    """2·p^2.25 is 2,316 at p = 23 and 11,567 at p = 47."""
    for p, count in ((23, 2316), (47, 11567)):
        assert len(build("task", "modular_addition_regression", p=p).splits(0).train) == count


@pytest.mark.parametrize("task", ["modular_addition", "modular_addition_regression"])
@pytest.mark.parametrize("size", ["0", "110%", "p^9", "-3", "q", "1/0"])
def test_a_sample_that_cannot_be_is_refused(task, size):
    with pytest.raises(FieldError, match="train_size"):
        build("task", task, p=7, train_size=size).splits(0)


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize(("p", "k"), slow_but(lambda size: size == (5, 2), [(5, 2), (3, 3), (7, 1)]))
def test_regression_losses_are_those_of_the_rows(p, k, replacement):
    """The dense form against the definition: mean of (f_c(a) − p·1[Σa ≡ c])² over sampled tuples, repeats included."""
    task = build("task", "modular_addition_regression", p=p, k=k, train_size="60%", replacement=replacement)
    splits, net = task.splits(3), network_of(task)
    found = task.metrics(net, splits)
    for name, split in splits:
        rows, targets = np.asarray(split.inputs), np.asarray(split.targets)
        assert len(rows) == len(split)
        np.testing.assert_array_equal(targets, np.where(rows[:, :-1].sum(axis=1) % p == rows[:, -1], p, 0))
        outputs = np.asarray(net(jnp.asarray(rows[:, :-1])), np.float64)
        answers = outputs[np.arange(len(rows)), rows[:, -1]]
        assert float(found[f"{name}/loss"]) == pytest.approx(np.mean((answers - targets) ** 2), rel=1e-5)
        assert float(task.mean_loss(net, split)) == pytest.approx(np.mean((answers - targets) ** 2), rel=1e-5)
        assert float(found[f"{name}/accuracy"]) == pytest.approx(np.mean((answers > p / 2) == (targets > 0)), abs=1e-6)
        true = {tuple(row[:-1]) for row in rows[targets > 0]}
        hits = [np.argmax(np.asarray(net(jnp.array([pair], jnp.int32)))) == sum(pair) % p for pair in map(list, true)]
        assert float(found[f"{name}/pair_accuracy"]) == pytest.approx(np.mean(hits), abs=1e-6)


@pytest.mark.parametrize(("p", "k"), [(5, 2), (4, 3)])
def test_the_zero_predictor_has_population_loss_p(p, k):
    task = build("task", "modular_addition_regression", p=p, k=k)
    splits = task.splits(0)
    values = task.metrics(lambda inputs: jnp.zeros((len(inputs), p)), splits)
    assert float(values["population/loss"]) == pytest.approx(p, rel=1e-6)


@pytest.mark.slow
def test_large_populations_are_sampled_not_enumerated():
    """97^4 is 88 million tuples: only the sampled ones are gathered, and test stays apart from train."""
    task = build("task", "modular_addition_regression", p=97, k=3, train_size=3000, evaluation_size=5000)
    splits = task.splits(0)
    assert len(splits.train) == 3000 and splits.train.summands.shape[0] <= 3000
    assert len(splits.population) == 5000 and 4000 < len(splits.test) <= 5000
    rows = {name: set(map(tuple, np.asarray(split.inputs))) for name, split in splits}
    assert not rows["train"] & rows["test"]
    values = task.metrics(network_of(task), splits)
    assert np.isfinite(float(values["test/loss"])) and np.isfinite(float(task.mean_loss(network_of(task), splits.train)))


def test_regression_gradients_are_those_of_the_rows():
    task = build("task", "modular_addition_regression", p=5, train_size="50%", replacement=True)
    net, split = network_of(task), task.splits(1).train
    rows, targets = jnp.asarray(split.inputs), jnp.asarray(split.targets)

    def by_rows(module):
        return jnp.mean((module(rows[:, :-1])[jnp.arange(len(rows)), rows[:, -1]] - targets) ** 2)

    ours, theirs = (nnx.grad(loss)(net) for loss in (lambda module: task.mean_loss(module, split), by_rows))
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.lists(st.integers(-(10**20), 10**20), min_size=1, max_size=3))
def test_coefficients_weigh_the_summands(p, coefficients):
    population = build("task", "modular_addition", p=p, k=len(coefficients), coefficients=coefficients).population()
    tuples = itertools.product(range(p), repeat=len(coefficients))
    expected = [sum(c * a for c, a in zip(coefficients, row, strict=True)) % p for row in tuples]
    np.testing.assert_array_equal(population.targets, expected)


def test_large_moduli_and_coefficients_do_not_overflow():
    """46,340² is just below 2^31: the last tuples hold the largest products that can be."""
    p, rng = 46_340, np.random.default_rng(0)
    rows = np.concatenate([np.full((4, 16), p - 1), rng.integers(0, p, (200, 16))])
    coefficients = [p - 1] * 8 + [int(c) for c in rng.integers(-(2**62), 2**62, 8)]
    expected = [sum(c * int(a) for c, a in zip(coefficients, row, strict=True)) % p for row in rows]
    np.testing.assert_array_equal(weighted_sum(jnp.asarray(rows, jnp.int32), coefficients, p), expected)


@pytest.mark.parametrize("k", [1, 3])
def test_there_is_one_coefficient_for_each_summand(k):
    with pytest.raises(FieldError, match=f"coefficients = .2, 5.: has 2 numbers.*k = {k}"):
        build("task", "modular_addition", k=k, coefficients="2,5")


def test_the_linear_rule_is_found_where_there_is_one():
    for p, coefficients in ((7, [1, 1]), (7, [1, 6]), (6, [2, 3, 5]), (2, [1]), (5, [0, 3])):
        inputs = brute_force(p, len(coefficients))
        np.testing.assert_array_equal(linear_rule(inputs, inputs @ coefficients % p, p), coefficients)
    inputs = brute_force(7, 2)
    assert linear_rule(inputs, inputs[:, 0] * inputs[:, 1] % 7, 7) is None
    assert linear_rule(inputs, (inputs.sum(axis=1) + 1) % 7, 7) is None
    few = inputs[10:20]  # neither (0, 1) nor (1, 0) is among these
    np.testing.assert_array_equal(linear_rule(few, few.sum(axis=1) % 7, 7), [1, 1])
    assert linear_rule(few, (few[:, 0] - few[:, 1]) % 7, 7) is None
