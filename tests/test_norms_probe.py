import jax.numpy as jnp
import numpy as np
import pytest

from framework import train
from framework.config import select
from plugins.probes.norms import share_at_bound, spectral_norm
from tests.small_runs import TASKS, small_config


def test_the_spectral_norm_is_the_largest_singular_value():
    stack = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    expected = np.linalg.svd(stack.reshape(10, 4), compute_uv=False)[0]
    assert float(spectral_norm(jnp.asarray(stack))) == pytest.approx(expected, rel=1e-5)
    assert float(spectral_norm(jnp.array([3.0, -4.0]))) == pytest.approx(5, rel=1e-6)


def test_the_spectral_norm_of_tiny_and_of_zero_matrices():
    assert float(spectral_norm(jnp.full((4, 4), 1e-30))) == pytest.approx(4e-30, rel=1e-5)
    assert float(spectral_norm(jnp.zeros((3, 2)))) == 0


def test_the_share_at_the_bound_is_a_count():
    params = {"W": jnp.array([[2.0, -1.99], [1.9, 0.0]]), "V": jnp.array([-2.0])}
    assert float(share_at_bound(params)) == pytest.approx(3 / 5)
    assert float(share_at_bound(params, 0.0)) == pytest.approx(2 / 5)
    assert float(share_at_bound({"V": jnp.ones(41)})) == 1


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_run_records_the_norms_of_its_last_network(task):
    run = train(small_config({"norms": select("norms", per_matrix=True)}, task))
    row, V = run.rows[-1], run.params()["V"]
    assert row["norms/V/spectral"] == pytest.approx(np.linalg.svd(V, compute_uv=False)[0], rel=1e-5)
    assert row["norms/V/linf"] == pytest.approx(np.abs(V).max(), rel=1e-6)
    assert row["norms/at_linf"] >= 1 / (3 * 7 * 28)
