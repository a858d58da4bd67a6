"""Kernel regression against NumPy's, written from the definition, and against training a linearized network."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import build
from framework.interfaces import Context
from framework.seeds import fold
from plugins.networks.quadratic import QuadraticNetwork
from plugins.probes.kernel_regression import kernel_regression, solve
from plugins.probes.ntk import as_matrix, empirical_ntk
from tests import reference


def network(W, V):
    return QuadraticNetwork(jnp.asarray(W), jnp.asarray(V), 2)


def regression_reference():
    weights, r = reference.load("quadratic"), reference.load("kernel_regression")
    population = np.array(list(itertools.product(range(7), repeat=3)))
    return weights, r, population, 7.0 * ((population[:, 0] + population[:, 1]) % 7 == population[:, 2])


def targets_of(tuples):
    return 7.0 * ((tuples[:, 0] + tuples[:, 1]) % 7 == tuples[:, 2])


def test_predictions_equal_the_reference():
    weights, r, population, targets = regression_reference()
    with jax.enable_x64(True):
        net = network(weights["W"], weights["V"])
        found = np.asarray(kernel_regression(net, r["train"], targets_of(r["train"]), population))
        fitted = np.asarray(kernel_regression(net, r["train"], targets_of(r["train"]), r["train"]))
        eigenvalues = np.linalg.eigvalsh(np.asarray(empirical_ntk(net, r["train"], outputs="own")))
    assert np.linalg.norm(found - r["prediction"]) < 1e-11 * np.linalg.norm(r["prediction"])
    np.testing.assert_allclose(eigenvalues, np.sort(r["eigenvalues"]), rtol=1e-10)
    assert np.mean((found - targets) ** 2) == pytest.approx(float(r["population_loss"]), rel=1e-11)
    assert np.mean((fitted - targets_of(r["train"])) ** 2) < 1e-20
    assert float(r["train_loss"]) < 1e-20


def test_predictions_from_float32_are_near_the_reference():
    weights, r, population, _ = regression_reference()
    net = network(weights["W"].astype(np.float32), weights["V"].astype(np.float32))
    found = kernel_regression(net, r["train"], targets_of(r["train"]).astype(np.float32), population)
    assert found.dtype == jnp.float32
    assert np.linalg.norm(found - r["prediction"]) < 1e-4 * np.linalg.norm(r["prediction"])


@pytest.mark.slow
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_classification_equals_the_definition(ridge):
    weights = reference.load("quadratic")
    x, x2, p = weights["train"][:9], weights["test"], 7
    y = np.sum(x, axis=1) % p
    with jax.enable_x64(True):
        net = network(weights["W"], weights["V"])
        found = kernel_regression(net, x, y, x2, ridge)
        as_values = kernel_regression(net, x, np.eye(p)[y], x2, ridge)
        f0, f02 = (np.asarray(net(jnp.asarray(points))) for points in (x, x2))
        K, K2 = (np.asarray(as_matrix(empirical_ntk(net, points, x, outputs="all"))) for points in (x, x2))
    inverse = np.linalg.inv(K + ridge * np.eye(len(K)))
    expected = f02 + (K2 @ inverse @ (np.eye(p)[y] - f0).ravel()).reshape(-1, p)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
    np.testing.assert_array_equal(found, as_values)


def test_a_singular_kernel_is_inverted_where_it_can_be():
    vectors = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0][:, :2]
    K = vectors @ np.diag([1.0, 5.0]) @ vectors.T
    y = np.arange(4.0)
    np.testing.assert_allclose(solve(K, y), np.linalg.pinv(K, hermitian=True) @ y, atol=1e-13)
    np.testing.assert_allclose(solve(K, y, 0.1), np.linalg.solve(K + 0.1 * np.eye(4), y), rtol=1e-12)
    np.testing.assert_array_equal(solve(np.zeros((3, 3)), y[:3]), np.zeros(3))


def _measure(task, max_rows, dtype=np.float32):
    weights = reference.load("quadratic")
    params = {name: weights[name].astype(dtype) for name in "WV"}
    splits = task.splits(0)
    context = Context(task, splits, lambda params: network(params["W"], params["V"]), 3, fold(0, "probe"), jnp.int32(0))
    probe = build("probe", "kernel_regression", max_rows=max_rows)
    later = {name: 1.5 * array for name, array in params.items()}
    return probe.measure(later, context, probe.init(params, context))[0]


def test_probe_judges_both_kernels_in_regression():
    values = _measure(build("task", "modular_addition_regression", p=7, train_size="85"), 2048)
    assert values["rows"] == 85
    assert values["initial/train_loss"] < 1e-15 and values["initial/train_accuracy"] == 1
    assert values["initial/population_loss"] > 7 / 4  # a kernel method cannot do much better than zero from 85 of 343 tuples
    assert 0 <= values["present/test_pair_accuracy"] <= 1
    assert values["initial/test_loss"] != values["present/test_loss"]


@pytest.mark.slow
def test_probe_caps_the_matrix_and_says_so():
    task = build("task", "modular_addition", p=7)
    whole, capped = _measure(task, 2048), _measure(task, 50)
    assert whole["rows"] == 24 * 7 and capped["rows"] == 49
    assert whole["initial/train_loss"] < capped["initial/train_loss"]
    assert whole["initial/train_accuracy"] >= capped["initial/train_accuracy"]
