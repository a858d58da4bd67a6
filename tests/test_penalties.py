"""Penalties and their gradients against NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import build, train
from framework.config import select
from framework.errors import FieldError, UserError
from tests.small_runs import small_config

pytestmark = pytest.mark.usefixtures("quick_compilation")

K, P, H = 2, 5, 6
PENALTIES = {"l1": {}, "l2": {}, "linf": {}, "lq": {"order": 1.5}, "group": {"order": 3}, "nuclear": {}}


def parameters(seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return {"W": scale * rng.normal(size=(K, P, H)), "V": scale * rng.normal(size=(H, P))}


def entries(params):
    return np.concatenate([leaf.ravel() for leaf in params.values()])


def by_neurons(params, order):
    columns = np.concatenate([params["W"].reshape(K * P, H), params["V"].T])
    return np.sum(np.sum(columns**2, axis=0) ** (order / 2))


def by_eigenvalues(params):
    matrices = (params["W"].reshape(K * P, H), params["V"])
    return sum(
        np.sum(np.sqrt(np.linalg.eigvalsh(M.T @ M))) if M.shape[0] > M.shape[1] else np.sum(np.sqrt(np.linalg.eigvalsh(M @ M.T)))
        for M in matrices
    )


DEFINITIONS = {
    ("l1", ()): lambda params: np.sum(np.abs(entries(params))),
    ("lq", (1.0,)): lambda params: np.sum(np.abs(entries(params))),
    ("lq", (1.5,)): lambda params: np.sum(np.abs(entries(params)) ** 1.5),
    ("lq", (4.0,)): lambda params: np.sum(entries(params) ** 4),
    ("group", (3.0,)): lambda params: by_neurons(params, 3),
    ("group", (1.0,)): lambda params: by_neurons(params, 1),
    ("group", (2.0,)): lambda params: np.sum(entries(params) ** 2),
    ("nuclear", ()): lambda params: by_eigenvalues(params),
}


def penalty(name, order, coefficient):
    return build("penalty", name, coefficient=coefficient, **({"order": order[0]} if order else {}))


@pytest.mark.parametrize(("name", "order"), DEFINITIONS)
def test_value_and_gradient_are_those_of_the_definition(name, order):
    params, definition = parameters(), DEFINITIONS[name, order]
    made = penalty(name, order, 0.3)
    with jax.enable_x64(True):
        exact = jax.tree.map(jnp.asarray, params)
        assert float(made(exact)) == pytest.approx(0.3 * definition(params), rel=1e-10)
        gradient = jax.grad(made)(exact)
    rng, step = np.random.default_rng(1), 1e-6
    for label, leaf in params.items():
        for _ in range(8):  # entries chosen at random, moved by hand
            place = tuple(rng.integers(0, leaf.shape))
            moved = [{key: value.copy() for key, value in params.items()} for _ in range(2)]
            moved[0][label][place] -= step
            moved[1][label][place] += step
            slope = 0.3 * (definition(moved[1]) - definition(moved[0])) / (2 * step)
            assert float(gradient[label][place]) == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("order", [None, 1, 2.5])
def test_at_zero_the_penalty_and_its_gradient_are_zero(name, order):
    if order and "order" not in PENALTIES[name]:
        return
    made = build("penalty", name, coefficient=0.5, **(PENALTIES[name] | ({"order": order} if order else {})))
    zero = jax.tree.map(jnp.zeros_like, jax.tree.map(jnp.asarray, parameters()))
    assert float(made(zero)) == 0
    for leaf in jax.tree.leaves(jax.grad(made)(zero)):
        assert not np.any(leaf)  # which NaN would be as well


def test_the_largest_entry_is_pulled_where_there_is_one_and_shared_among_equals():
    """λ sign θ_i at the one largest entry; λ/m at each of m in one matrix; nothing elsewhere, at entries of 0 too."""
    made = build("penalty", "linf", coefficient=0.5)
    one = {"W": jnp.array([[-3.0, 0.0], [1.0, 2.0]]), "V": jnp.array([0.0, -2.0])}
    expected = {"W": [[-0.5, 0], [0, 0]], "V": [0, 0]}
    assert float(made(one)) == 1.5 and jax.tree.map(np.ndarray.tolist, jax.tree.map(np.asarray, jax.grad(made)(one))) == expected
    equal = {"W": jnp.array([2.0, -2.0, 0.0, 2.0, -2.0]), "V": jnp.zeros(3)}
    gradient = jax.grad(made)(equal)
    assert gradient["W"].tolist() == [0.125, -0.125, 0, 0.125, -0.125] and not np.any(gradient["V"])


@pytest.mark.slow
def test_the_displacements_of_a_kernel_begin_at_zero_and_no_penalty_moves_them_from_there():
    """One step of gradient descent from δ = 0 is the same with the penalty and without: 0 is its subgradient there."""
    config = {"model": select("kernel"), "optimizer": select("gd", learning_rate=0.1), "steps": 1}
    with_and_without = [
        train(small_config({}, **config, penalty=section)).params() for section in (select("linf", coefficient=0.5), select("none"))
    ]
    first, second = (jax.tree.leaves(params) for params in with_and_without)
    assert first and all(np.array_equal(a, b) and np.any(a) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("order", [1.0, 3.0])
def test_a_dead_neuron_stays_and_the_others_are_pulled(order):
    params = jax.tree.map(jnp.asarray, parameters())
    params = {"W": params["W"].at[:, :, 2].set(0), "V": params["V"].at[2].set(0)}
    gradient = jax.grad(build("penalty", "group", coefficient=1.0, order=order))(params)
    assert not np.any(gradient["W"][:, :, 2]) and not np.any(gradient["V"][2])
    assert np.all(np.abs(np.delete(gradient["V"], 2, axis=0)) > 0)


def test_small_neurons_do_not_vanish_in_float32():
    """Entries of 1e-25 have squares that float32 rounds to 0; their neurons' norms are still there."""
    params = parameters(scale=1e-25)
    made = build("penalty", "group", coefficient=1.0, order=1)
    single = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params)
    assert float(made(single)) == pytest.approx(by_neurons({k: v * 1e25 for k, v in params.items()}, 1) * 1e-25, rel=1e-5)
    direction = jax.grad(made)(single)["V"]
    columns = np.concatenate([params["W"].reshape(K * P, H), params["V"].T]) * 1e25
    np.testing.assert_allclose(direction, (columns / np.linalg.norm(columns, axis=0))[-P:].T, rtol=1e-4)


@pytest.mark.parametrize("rank", [1, 2])
def test_the_nuclear_gradient_of_a_matrix_of_low_rank_is_its_own_directions(rank):
    """Σ u_i v_iᵀ over the non-zero singular values only: the subgradient of least norm."""
    rng = np.random.default_rng(rank)
    u, v = np.linalg.qr(rng.normal(size=(P, rank)))[0], np.linalg.qr(rng.normal(size=(H, rank)))[0]
    params = {"M": jnp.asarray(u * np.arange(1, rank + 1) @ v.T, jnp.float32), "bias": jnp.ones(7)}
    made = build("penalty", "nuclear", coefficient=2.0)
    assert float(made(params)) == pytest.approx(2 * rank * (rank + 1) / 2, rel=1e-5)  # vectors are left out
    gradient = jax.grad(made)(params)
    np.testing.assert_allclose(gradient["M"], 2 * u @ v.T, atol=1e-5)
    assert not np.any(gradient["bias"])


@pytest.mark.parametrize("name", ["lq", "group"])
@pytest.mark.parametrize("order", [0.5, 0, -1])
def test_orders_below_one_are_refused(name, order):
    with pytest.raises(FieldError, match="order.*a number >= 1"):
        build("penalty", name, order=order)


def test_the_group_penalty_says_which_networks_have_neurons():
    with pytest.raises(UserError, match=r"two-layer network, W \[k, p, h\] and V \[h, q\], such as model.name=quadratic"):
        build("penalty", "group")({"kernel": jnp.ones((2, 3))})


@pytest.mark.slow
@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_makes_what_it_penalizes_smaller(name):
    made = build("penalty", name, coefficient=1.0, **PENALTIES[name])
    sizes = []
    for coefficient in (0.0, 0.01):
        section = select(name, coefficient=coefficient, **PENALTIES[name])
        run = train(small_config({}, penalty=section, optimizer=select("adam", learning_rate=1e-2), steps=100))
        assert run.metrics()["train/accuracy"][-1] > 0.9 or coefficient
        sizes.append(float(made(jax.tree.map(jnp.asarray, run.params()))))
    assert sizes[1] < 0.95 * sizes[0]
