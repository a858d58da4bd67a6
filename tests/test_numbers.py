"""Numbers that stay right at any scale."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework import build, losses
from framework.numbers import euclidean_norm, largest_entry, share
from framework.storage import json_number
from plugins.optimizers.rules.normalized_gd import scale_to_unit_norm


def exact_cross_entropy(logits, label):
    """(value, gradient) in float64 through expm1 and log1p of differences, nothing cancelled."""
    gaps = np.delete(np.asarray(logits, np.float64), label) - float(logits[label])
    total = np.sum(np.exp(gaps))
    wrong = np.exp(gaps) / (1 + total)
    return np.log1p(total), np.insert(wrong, label, -np.sum(wrong))


def test_cross_entropy_at_the_gap_where_the_textbook_form_gives_zero():
    """Logits (0, 60, −3), label 1: 9.19e-27, gradient (8.76e-27, −9.19e-27, 4.4e-28)."""
    logits = jnp.array([[0.0, 60.0, -3.0]])
    value, gradient = jax.value_and_grad(lambda z: losses.cross_entropy(z, jnp.array([1]))[0])(logits)
    assert float(value) == pytest.approx(9.19e-27, rel=1e-3)
    np.testing.assert_allclose(gradient[0], [math.exp(-60), -math.exp(-60) - math.exp(-63), math.exp(-63)], rtol=1e-5)
    textbook = jax.nn.logsumexp(logits) - logits[0, 1]
    assert textbook == 0


@given(st.lists(st.floats(-40, 40, width=32), min_size=2, max_size=7), st.data())
def test_cross_entropy_and_its_gradient_are_right_to_rounding(logits, data):
    label = data.draw(st.integers(0, len(logits) - 1))
    value, gradient = jax.value_and_grad(lambda z: losses.cross_entropy(z, jnp.array([label]))[0])(jnp.array([logits], jnp.float32))
    expected, slopes = exact_cross_entropy(np.float32(logits), label)
    # exp of a float32 difference of size 80 carries a relative error of 80 times the rounding unit.
    np.testing.assert_allclose(float(value), expected, rtol=3e-5, atol=1e-37)
    np.testing.assert_allclose(gradient[0], slopes, rtol=3e-5, atol=1e-37)


def test_square_of_labels_is_that_of_one_hot_targets():
    outputs, labels = jnp.array([[0.5, 0.0, 1.0], [1.0, 2.0, 3.0]]), jnp.array([2, 0])
    by_hand = [(0.25 + 0 + 0) / 3, (0 + 4 + 9) / 3]
    np.testing.assert_allclose(losses.square(outputs, labels), by_hand, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-25, 1e-22, 1.0, 1e25])
def test_norms_do_not_underflow_or_overflow(scale):
    tree = {"W": scale * jnp.array([3.0, 0.0]), "V": scale * jnp.array([-4.0])}
    assert float(euclidean_norm(tree)) == pytest.approx(5 * scale, rel=1e-6)
    assert float(largest_entry(tree)) == pytest.approx(4 * scale, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e25])
def test_normalized_gradient_descent_moves_by_its_learning_rate(scale):
    gradient = {"W": scale * jnp.array([3.0, 0.0]), "V": scale * jnp.array([4.0])}
    transform = build("optimizer", "normalized_gd", learning_rate=0.5).transform()
    updates, _ = transform.update(gradient, transform.init(gradient), gradient)
    np.testing.assert_allclose(updates["W"], [-0.3, 0.0], rtol=1e-6)
    np.testing.assert_allclose(updates["V"], [-0.4], rtol=1e-6)


def test_a_zero_gradient_gives_a_zero_update_and_nan_stays_visible():
    transform = scale_to_unit_norm()
    updates, _ = transform.update({"W": jnp.zeros(3)}, transform.init({}))
    assert np.array_equal(updates["W"], np.zeros(3))
    updates, _ = transform.update({"W": jnp.array([jnp.nan, 1.0])}, transform.init({}))
    assert np.isnan(updates["W"]).all()


def test_the_largest_entry_penalty_has_a_subgradient_on_ties():
    penalty = build("penalty", "linf", coefficient=0.5)
    params = {"W": jnp.array([2.0, -2.0, 1.0]), "V": jnp.array([0.5])}
    value, gradient = jax.value_and_grad(penalty)(params)
    assert float(value) == 1.0
    np.testing.assert_allclose(gradient["W"], [0.25, -0.25, 0.0])
    np.testing.assert_allclose(gradient["V"], [0.0])
    zero = jax.grad(penalty)({"W": jnp.zeros(2)})
    assert np.isfinite(zero["W"]).all()


def test_penalties_include_their_coefficient():
    params = {"W": jnp.array([3.0, -4.0])}
    assert float(build("penalty", "l2", coefficient=0.1)(params)) == pytest.approx(2.5)
    assert float(build("penalty", "linf", coefficient=0.1)(params)) == pytest.approx(0.4)
    assert float(build("penalty", "none")(params)) == 0


@pytest.mark.parametrize("total", range(1, 400))
def test_all_of_them_is_exactly_one(total):
    assert float(COMPILED_SHARE(jnp.int32(total), total)) == 1.0


COMPILED_SHARE = jax.jit(share, static_argnums=1)


@given(st.floats(width=32))
def test_json_numbers_round_trip_in_float32_and_stay_standard(number):
    written = json_number(np.float32(number))
    text = json.dumps(written, allow_nan=False)
    assert np.array_equal(np.float32(json.loads(text)), np.float32(number), equal_nan=True)
