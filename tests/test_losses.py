"""Losses beyond the exact cross-entropy (test_numbers.py), against their formulas in high precision."""

import re
from dataclasses import dataclass
from decimal import Decimal, getcontext

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework import Experiment, Loss, Split, build, field, losses, register, train
from framework.config import from_dict, override, select, to_dict
from framework.errors import FieldError, UserError
from plugins.tasks.modular_addition import ModularAddition
from tests.helpers import tiny

getcontext().prec = 60
LOGITS = st.lists(st.floats(-300, 300, width=32), min_size=2, max_size=6)


def exact_cross_entropy(logits, label):
    """In 60 digits."""
    gaps = [Decimal(float(z)) - Decimal(float(logits[label])) for z in logits]
    return (sum(gap.exp() for gap in gaps)).ln()


@pytest.mark.slow
@given(LOGITS, st.data())
def test_the_logarithm_of_the_cross_entropy_is_right_where_the_loss_underflows(logits, data):
    label = data.draw(st.integers(0, len(logits) - 1))
    getcontext().prec = 600  # 1 + exp(-600) must keep its second term
    expected = float(exact_cross_entropy(np.float32(logits), label).ln())
    with jax.enable_x64(True):
        found, slope = jax.value_and_grad(lambda z: losses.log_cross_entropy(z, jnp.array([label]))[0])(
            jnp.array([np.float32(logits)], jnp.float64)
        )
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert np.all(np.isfinite(slope))


def test_its_gradient_is_that_of_the_mean_loss_divided_by_the_loss():
    logits, labels = jnp.array([[0.0, 3.0, -1.0], [2.0, 0.5, 0.1]]), jnp.array([1, 0])
    with jax.enable_x64(True):
        z = jnp.asarray(logits, jnp.float64)
        plain, slope = jax.value_and_grad(lambda z: jnp.mean(losses.cross_entropy(z, labels)))(z)
        value, found = jax.value_and_grad(lambda z: losses.log_mean(losses.log_cross_entropy(z, labels)))(z)
    np.testing.assert_allclose(value, np.log(plain), rtol=1e-12)
    np.testing.assert_allclose(found, slope / plain, rtol=1e-10)


def test_margin_maximization_goes_on_where_the_loss_is_zero_in_float32():
    logits, labels = jnp.array([[0.0, 200.0, 3.0]]), jnp.array([1])
    assert losses.cross_entropy(logits, labels)[0] == 0
    slope = jax.grad(lambda z: losses.log_mean(losses.log_cross_entropy(z, labels)))(logits)
    np.testing.assert_allclose(slope[0], [np.exp(-3) / (1 + np.exp(-3)), -1, 1 / (1 + np.exp(-3))], rtol=1e-5)


@given(LOGITS, st.data())
def test_stablemax_is_its_definition(logits, data):
    """Prieto et al. 2025, section 4: s(x) = x + 1 above 0, 1/(1 − x) below."""
    label = data.draw(st.integers(0, len(logits) - 1))
    s = [x + 1 if x >= 0 else 1 / (1 - x) for x in np.float64(np.float32(logits))]
    with jax.enable_x64(True):
        found = losses.stablemax(jnp.array([np.float32(logits)], jnp.float64), jnp.array([label]))[0]
    np.testing.assert_allclose(found, -np.log(s[label] / sum(s)), rtol=1e-9, atol=1e-12)


def test_stablemax_has_its_slope_at_zero_and_far_out():
    """d log s/dx = 1/(1 + |x|): at 0 it is 1, from both sides, so that a network that begins at 0 moves."""
    slope = jax.grad(lambda z: losses.stablemax(z, jnp.array([0]))[0])(jnp.zeros((1, 4)))
    np.testing.assert_allclose(slope[0], [-0.75, 0.25, 0.25, 0.25], rtol=1e-6)
    far = jax.grad(lambda z: losses.stablemax(z, jnp.array([0]))[0])(jnp.array([[1e30, -1e30]]))
    assert np.all(np.isfinite(far))


def test_a_temperature_divides_the_logits():
    logits, labels = jnp.array([[1.0, 2.0, 0.5]]), jnp.array([2])
    warm = build("task", "modular_addition", p=3, temperature=4.0)
    np.testing.assert_allclose(warm.losses(logits, labels), losses.cross_entropy(logits / 4, labels), rtol=1e-6)
    with pytest.raises(FieldError, match="task.temperature = 2.0: must be 1 with Square"):
        Experiment.from_config(override(tiny(), {"task.loss": "square", "task.temperature": 2})).notices()


def test_training_on_the_log_loss_minimizes_it_and_reports_the_loss_itself():
    made = Experiment.from_config(override(tiny(), {"task.loss": "log_cross_entropy", "penalty.name": "none"}))
    state = made.initial_state()
    values, _ = made.measure(state, next(made.events_after(-1)))
    np.testing.assert_allclose(values["objective"], np.log(values["train/loss"]), rtol=1e-5)


OUTPUTS, TARGETS = np.random.default_rng(3).normal(size=(6, 4)).astype(np.float32), np.array([0, 1, 2, 3, 1, 0], np.int32)
OUTPUTS[0, 0] = 5  # one example is answered with a large lead
EXAMPLES = jnp.asarray(OUTPUTS), jnp.asarray(TARGETS)


def test_hinge_and_logistic_are_those_of_optax_and_of_the_formula():
    np.testing.assert_allclose(build("loss", "hinge")(*EXAMPLES), optax.losses.multiclass_hinge_loss(OUTPUTS, TARGETS), rtol=1e-5)
    each = optax.sigmoid_binary_cross_entropy(OUTPUTS, np.eye(4)[TARGETS])
    np.testing.assert_allclose(build("loss", "logistic")(*EXAMPLES), each.mean(-1), rtol=1e-5)
    lead = [z[y] - max(np.delete(z, y)) for z, y in zip(OUTPUTS, TARGETS, strict=True)]
    squared = build("loss", "hinge", margin=0.7, power=2)(*EXAMPLES)
    np.testing.assert_allclose(squared, np.maximum(0.7 - np.array(lead), 0) ** 2, rtol=1e-4, atol=1e-6)
    assert 0 < np.count_nonzero(squared) < 6


@pytest.mark.parametrize("name", ["cross_entropy", "square", "hinge", "logistic", "stablemax"])
def test_class_weights_multiply_the_losses_of_their_classes_and_the_mean_divides_by_n(name):
    weights = (1.0, 0.0, 3.0, 0.5)
    plain, weighted = (build("task", "modular_addition", p=5, loss=build("loss", name, class_weights=w)) for w in ((), weights))
    expected = np.array(weights)[TARGETS] * plain.losses(*EXAMPLES)
    np.testing.assert_allclose(weighted.losses(*EXAMPLES), expected, rtol=1e-6)
    split = Split(jnp.zeros((6, 2), jnp.int32), jnp.asarray(TARGETS))
    np.testing.assert_allclose(weighted.mean_loss(lambda inputs: jnp.asarray(OUTPUTS), split), expected.sum() / 6, rtol=1e-5)


def test_the_logarithm_of_the_mean_has_the_weights_inside():
    weights = (1.0, 0.25, 3.0, 0.5)
    log, plain = (build("loss", name, class_weights=weights) for name in ("log_cross_entropy", "cross_entropy"))
    np.testing.assert_allclose(log.mean(*EXAMPLES), np.log(plain.mean(*EXAMPLES)), rtol=1e-5)


def test_a_loss_is_named_as_before_and_its_fields_follow():
    """A config from before losses had fields holds a name where the section is now."""
    plain = to_dict(tiny())
    plain["task"]["loss"] = "stablemax"
    assert from_dict(plain).task.loss.name == "stablemax"
    changed = override(tiny(), {"task.loss.margin": 2, "task.loss": "hinge"})
    assert changed.task.loss.to_dict() == {"name": "hinge", "class_weights": (), "margin": 2.0, "power": 1}
    assert override(tiny(), {"task.loss": select("hinge", power=2)}).task.loss.power == 2
    with pytest.raises(UserError, match="task.loss.margn: there is no such field. Did you mean 'margin'"):
        override(changed, {"task.loss.margn": 2})


def test_class_weights_that_no_class_has_and_losses_that_do_not_fit_are_refused():
    with pytest.raises(FieldError, match=r"task.loss.class_weights = \(1.0, 2.0\): must be 5 numbers"):
        Experiment.from_config(override(tiny(), {"task.loss.class_weights": "1,2"})).notices()
    regression = {"task": select("modular_addition_regression", p=5, loss="hinge")}
    with pytest.raises(FieldError, match="task.loss = .*: must be square"):
        Experiment.from_config(tiny(**regression)).notices()


@dataclass(frozen=True, kw_only=True)
class Distances(ModularAddition):
    """A task that judges by losses of its own: how far the first output is from the label."""

    def losses(self, outputs, targets):
        return jnp.abs(outputs[:, 0] - targets)


def test_a_task_with_losses_of_its_own_is_trained_on_them():
    """Outputs that are all 2 are 2, 1, 0, 1, 2 away from the labels 0 … 4, each of which has as many pairs."""
    task = Distances(p=5)
    split = task.population()
    assert task.mean_loss(lambda inputs: jnp.full((len(inputs), 5), 2.0), split) == pytest.approx(6 / 5)


@dataclass(frozen=True, kw_only=True)
class Shaped(Loss):
    """Losses shaped as none may be."""

    how: str = field("", "how", harmless=True)

    def __call__(self, outputs, targets):
        each = outputs[:, 0] - targets
        return {"a row": outputs, "all": jnp.mean(each), "short": each[1:], "whole": each.astype(int), "complex": each + 1j}.get(
            self.how, each
        )


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize(
    ("how", "given"),
    [
        ("a row", "float32 [12, 5]"),
        ("all", "float32 []"),
        ("short", "float32 [11]"),
        ("whole", "int32 [12]"),
        ("complex", "complex64 [12]"),
    ],
)
def test_losses_that_are_not_one_number_for_each_example_are_refused_before_anything_is_written(how, given, tmp_path):
    register("shaped")(Shaped)
    config = tiny(task=select("modular_addition", p=5, k=2, loss=select("shaped")))
    Experiment.from_config(config).notices()
    with pytest.raises(FieldError, match=re.escape(f"task.loss.name = 'shaped': gives {given} for 12 examples, and must give")):
        train(override(config, {"task.loss.how": how}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
