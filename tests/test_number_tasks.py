"""Tasks whose inputs are numbers, against what their formulas say, in NumPy and in Python's own arithmetic."""

import itertools
import math
import sys

import numpy as np
import pytest

from framework import build
from framework.errors import FieldError, UserError
from plugins.tasks.numbers.teacher_student import linear_layer, teach

DRAWN = {
    "teacher_student": {"points": 40, "train_size": "50%"},
    "polynomial_regression": {"points": 40, "train_size": "50%", "dimension": 3},
    "hidden_parity": {"points": 40, "dimension": 8},
}


def arrays(split):
    return np.asarray(split.inputs, np.float64), np.asarray(split.targets)


@pytest.mark.parametrize("name", DRAWN)
def test_examples_are_those_of_the_seed_or_of_a_seed_of_their_own(name):
    task = build("task", name, **DRAWN[name])
    one, same, other = (task.splits(seed).population for seed in (0, 0, 1))
    for a, b, c in zip(arrays(one), arrays(same), arrays(other), strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.any(a != c)
    fixed = build("task", name, population_seed=5, **DRAWN[name])
    zero, first = fixed.splits(0), fixed.splits(1)
    np.testing.assert_array_equal(zero.population.inputs, first.population.inputs)
    assert len(zero.train) == len(zero.test) == 20 and np.any(np.asarray(zero.train.inputs) != np.asarray(first.train.inputs))


def test_a_polynomial_is_half_the_square_of_one_direction():
    task = build("task", "polynomial_regression", points=4_000, dimension=2, train_size="50%")
    x, y = arrays(task.population())
    assert x.shape == (4_000, 2) and y.shape == (4_000, 1)
    features = np.stack([x[:, 0] ** 2, x[:, 0] * x[:, 1], x[:, 1] ** 2], axis=1)
    (a, b, c), residual, *_ = np.linalg.lstsq(features, y[:, 0].astype(np.float64), rcond=None)
    assert residual[0] < 1e-8 * np.sum(y**2)
    np.testing.assert_allclose(b**2, 4 * a * c, rtol=1e-4)  # (β₁x₁ + β₂x₂)²/2 has such coefficients
    # Entries of x have variance 1/D, known to √(2/8000) of that; five standard deviations.
    assert abs(np.mean(x**2) - 1 / 2) < 5 * (2 / 8_000) ** 0.5 / 2


def test_the_published_sizes_are_the_defaults():
    polynomial, teacher = build("task", "polynomial_regression"), build("task", "teacher_student")
    splits = polynomial.splits(0)
    assert (len(splits.train), len(splits.test), splits.train.inputs.shape[1]) == (550, 1_000, 100)
    splits = teacher.splits(0)
    assert (len(splits.train), len(splits.test), splits.train.inputs.shape[1], splits.train.targets.shape[1]) == (100, 100, 5, 5)


def test_a_teacher_is_sums_of_products_with_tanh_between_them():
    generator = np.random.default_rng(0)
    layers, x = [linear_layer(generator, 2, 3), linear_layer(generator, 3, 1)], generator.normal(size=(4, 2))
    (W, b), (V, c) = layers
    for row, answer in zip(x.tolist(), teach(x, layers)[:, 0], strict=True):
        hidden = [math.tanh(sum(row[i] * W[i, j] for i in range(2)) + b[j]) for j in range(3)]
        assert math.isclose(answer, sum(hidden[j] * V[j, 0] for j in range(3)) + c[0], rel_tol=1e-12)
    wide, shift = linear_layer(generator, 100, 400)
    assert wide.shape == (100, 400) and shift.shape == (400,) and np.abs(wide).max() <= 0.1
    assert abs(wide.var() - 0.2**2 / 12) < 1e-4  # of U(±1/√100)


def test_a_parity_is_that_of_one_hidden_set_of_places():
    task = build("task", "hidden_parity", points=120, dimension=8, relevant=3)
    x, labels = arrays(task.population())
    assert set(np.unique(x)) == {-1.0, 1.0} and len(np.unique(x, axis=0)) == 120 and labels.dtype == np.int32
    fitting = [places for places in itertools.combinations(range(8), 3) if np.all((np.prod(x[:, places], axis=1) < 0) == labels)]
    assert len(fitting) == 1
    other, answers = arrays(build("task", "hidden_parity", points=120, dimension=8, relevant=3, population_seed=1).population())
    assert np.any((np.prod(other[:, fitting[0]], axis=1) < 0) != answers)  # another seed hides another set


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"dimension": 5, "relevant": 6}, "relevant = 6: must be at most dimension = 5"),
        ({"dimension": 5, "points": 33}, "points = 33: must be at most the 32 inputs of 5 signs"),
    ],
)
def test_a_parity_that_cannot_be_is_refused(fields, said):
    with pytest.raises(FieldError, match=said):
        build("task", "hidden_parity", **fields)


def test_digits_are_the_images_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    bunch = datasets.load_digits()
    task = build("task", "digits")
    x, labels = arrays(task.population())
    np.testing.assert_array_equal(x[..., 0], bunch.images / 16)
    np.testing.assert_array_equal(labels, bunch.target)
    splits = task.splits(0)
    assert (len(splits.train), len(splits.test), task.sizes.kind) == (1_000, 797, "images")


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UserError, match=r"task.name = 'digits': needs scikit-learn.*pip install 'whygrok\[digits\]'"):
        build("task", "digits").population()
