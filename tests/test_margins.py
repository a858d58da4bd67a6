import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import build, train
from framework.config import select
from framework.errors import FieldError
from plugins.networks.parameters import neuron_norms, two_layer
from plugins.probes.margins import margins, max_margin, normalizers, summary
from tests.constructions import all_inputs, appendix_f, outputs, summands
from tests.helpers import slow_but
from tests.reference import load
from tests.small_runs import TASKS, small_config

# (p, k) → γ*, evaluated and confirmed by construction outside this project (classics.md, "Max margin").
KNOWN = {(5, 2): 0.030429, (7, 2): 0.0171448, (23, 2): 0.00257957, (5, 3): 0.009375, (7, 3): 0.00446429, (5, 4): 0.00339411}


def test_margins_are_those_of_the_reference():
    reference = load("quadratic")
    labels = reference["train"].sum(axis=1) % int(reference["p"])
    with jax.enable_x64(True):
        found = margins(jnp.asarray(reference["logits_train"]), jnp.asarray(labels))
        np.testing.assert_allclose(found, reference["margins_train"], rtol=1e-9)


def test_a_wrong_answer_has_a_negative_margin_and_equal_logits_have_none():
    found = margins(jnp.array([[1.0, 3.0, 2.0], [1.0, 3.0, 2.0], [5.0, 5.0, 5.0]]), jnp.array([1, 0, 2]))
    assert found.tolist() == [1.0, -2.0, 0.0]


@pytest.mark.parametrize("p", [5, 7])
def test_the_construction_of_appendix_f_has_margin_4p(p):
    W, V = appendix_f(p)
    inputs, labels = all_inputs(p, 2)
    with jax.enable_x64(True):
        q = margins(jnp.asarray(outputs(W, V, inputs)), jnp.asarray(labels))
        sizes = normalizers({"W": jnp.asarray(W), "V": jnp.asarray(V)}, 3)
        np.testing.assert_allclose(np.min(q) / sizes["linf"], 4 * p, rtol=1e-12)
        np.testing.assert_allclose(sizes["l2"], (8 * p * 3 * p / 2) ** 1.5, rtol=1e-12)  # cos² + sin² a pair of neurons


@pytest.mark.parametrize(("p", "k"), slow_but(lambda size: size in ((5, 2), (5, 3)), KNOWN))
def test_the_summand_construction_attains_the_known_maximum(p, k):
    W, V = summands(p, k, range(1, (p - 1) // 2 + 1))
    inputs, labels = all_inputs(p, k)
    with jax.enable_x64(True):
        q = margins(jnp.asarray(outputs(W, V, inputs)), jnp.asarray(labels))
        found = float(jnp.min(q) / normalizers({"W": jnp.asarray(W), "V": jnp.asarray(V)}, k + 1)["l2d"])
    assert found == pytest.approx(max_margin(p, k), rel=1e-12)
    assert found == pytest.approx(KNOWN[p, k], rel=1e-5)


@pytest.mark.parametrize("p", [2, 1, 9, 15])
def test_no_maximum_is_claimed_where_none_is_known(p):
    with pytest.raises(ValueError, match="odd primes"):
        max_margin(p)


def test_neuron_norms_do_not_underflow_and_a_dead_neuron_has_none():
    W, V = jnp.full((2, 3, 2), 1e-30).at[..., 1].set(0), jnp.full((2, 3), 1e-30).at[1].set(0)
    np.testing.assert_allclose(neuron_norms(W, V), [3e-30, 0], rtol=1e-6)


def test_other_parameters_have_no_group_norm():
    assert two_layer({"W": jnp.ones((2, 3)), "V": jnp.ones((3, 2))}) is None
    assert two_layer({"kernel": jnp.ones((2, 3))}) is None
    assert set(normalizers({"kernel": jnp.ones((2, 3))}, 2)) == {"linf", "l2"}


def test_what_is_not_asked_does_not_count():
    q, asked = jnp.array([-9.0, 1.0, 2.0, 6.0]), jnp.array([False, True, True, True])
    found = summary(q, asked, (0.5,))
    assert {name: float(value) for name, value in found.items()} == {"min": 1.0, "mean": 3.0, "q50": 2.0}
    assert np.isnan(summary(q, jnp.zeros(4, bool))["min"])


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_run_records_the_margins_of_its_last_network(task):
    run = train(small_config({"margins": select("margins"), "some": select("margins", points=("10",))}, task))
    row, params = run.rows[-1], run.params()
    W, V = (np.asarray(params[name], float) for name in "WV")
    inputs, labels = all_inputs(7, 2)
    f = outputs(W, V, inputs)
    right = f[np.arange(49), labels]
    f[np.arange(49), labels] = -np.inf
    q = right - f.max(axis=1)
    assert row["margins/population_min"] == pytest.approx(q.min(), rel=1e-4, abs=1e-5)
    assert row["margins/population_q50"] == pytest.approx(np.median(q), rel=1e-4, abs=1e-5)
    group = np.sum((np.sum(W**2, axis=(0, 1)) + np.sum(V**2, axis=1)) ** 1.5)
    assert row["margins/population_min_l2d"] == pytest.approx(q.min() / group, rel=1e-4, abs=1e-6)
    assert row["margins/known_max_l2d"] == pytest.approx(KNOWN[7, 2], rel=1e-5)
    assert row["margins/population_min"] == min(row["margins/train_min"], row["margins/test_min"])
    assert (row["margins/train_min"] > 0) == (row["train/pair_accuracy" if "regression" in task else "train/accuracy"] == 1)
    assert row["margins/population_min"] <= row["some/random_min"]


@pytest.mark.slow
def test_no_maximum_is_recorded_for_a_composite_modulus_or_another_degree():
    composite = train(small_config({"margins": select("margins")}, task=select_task(9), steps=1))
    cubic = train(small_config({"margins": select("margins")}, model=select("quadratic", width="8", degree=3), steps=1))
    assert not {"margins/known_max_l2d"} & (set(composite.metrics()) | set(cubic.metrics()))


def test_wrong_points_are_named():
    with pytest.raises(FieldError, match="points = 'validation'"):
        build("probe", "margins", points=("validation",))


def select_task(p):
    return select("modular_addition", p=p, train_size="70%")
