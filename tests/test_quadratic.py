"""The quadratic network against its definition with one-hot vectors, and its initialization against PyTorch's bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import Context, build
from framework.errors import FieldError, UserError
from framework.seeds import fold
from plugins.networks.quadratic import QuadraticNetwork
from plugins.probes.fourier import Fourier
from plugins.probes.margins import known_maximum
from plugins.probes.ntk import empirical_ntk, ntk_drift


def task_of(p=5, k=2):
    return build("task", "modular_addition", p=p, k=k)


def made(task, seed=0, **fields):
    return build("model", "quadratic", **fields).build(task, rngs=nnx.Rngs(seed))


@pytest.mark.parametrize(("k", "degree"), [(1, 0), (2, 0), (3, 0), (2, 4), (3, 1)])
def test_outputs_are_those_of_one_hot_vectors(k, degree):
    """Eq. 2.1: V (W x)^{⊙d} with x the stacked one-hot vectors, W as the paper's [h, kp] matrix."""
    task = task_of(5, k)
    net = made(task, width=7, degree=degree)
    inputs = task.population().inputs
    one_hot = np.eye(5)[np.asarray(inputs)].reshape(len(inputs), -1)
    W = np.concatenate([np.asarray(block, np.float64) for block in net.W[...]]).T
    expected = (one_hot @ W.T) ** (degree or k) @ np.asarray(net.V[...], np.float64)
    np.testing.assert_allclose(net(inputs), expected, rtol=1e-4, atol=1e-6)
    assert (net.W.shape, net.V.shape, net(inputs).dtype) == ((k, 5, 7), (7, 5), jnp.float32)


@pytest.mark.parametrize(("k", "degree"), [(2, 0), (3, 0), (2, 5)])
def test_outputs_are_homogeneous_of_the_degree_that_the_model_names(k, degree):
    task = task_of(5, k)
    model = build("model", "quadratic", width=6, degree=degree)
    net = model.build(task, rngs=nnx.Rngs(0))
    inputs = task.population().inputs
    before = net(inputs)
    net.W[...], net.V[...] = 2 * net.W[...], 2 * net.V[...]
    np.testing.assert_allclose(net(inputs), 2.0 ** model.homogeneity(task) * before, rtol=1e-5)


def test_uniform_entries_fill_pytorchs_bounds():
    """U(±1/√fan_in): fan-in kp for W, h for V; variance 1/(3 fan_in)."""
    net = made(task_of(23), width=400)
    for entries, fan_in in ((net.W[...], 46), (net.V[...], 400)):
        bound = fan_in**-0.5
        assert 0.99 * bound < float(jnp.max(jnp.abs(entries))) <= bound * (1 + 1e-6)
        assert float(jnp.var(entries)) == pytest.approx(1 / (3 * fan_in), rel=0.05)
        assert abs(float(jnp.mean(entries))) < 0.02 * bound


def test_normal_entries_have_the_standard_deviation_asked_for():
    net = made(task_of(23), width=400, init="normal", init_std=0.05)
    assert float(jnp.std(net.W[...])) == pytest.approx(0.05, rel=0.03)
    assert float(jnp.std(net.V[...])) == pytest.approx(0.05, rel=0.03)
    kurtosis = float(jnp.mean(net.W[...] ** 4) / jnp.mean(net.W[...] ** 2) ** 2)
    assert kurtosis == pytest.approx(3, rel=0.1)
    by_fan_in = made(task_of(23), width=400, init="normal")
    assert float(jnp.std(by_fan_in.W[...])) == pytest.approx((3 * 46) ** -0.5, rel=0.03)


def test_the_scale_multiplies_every_initial_entry():
    one, four = made(task_of(), width=6), made(task_of(), width=6, init_scale=4.0)
    np.testing.assert_allclose(four.W[...], 4 * one.W[...], rtol=1e-6)
    np.testing.assert_allclose(four.V[...], 4 * one.V[...], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "hidden"), [("4*p", 20), (12, 12), ("k*p^2", 50), ("p/2", 2)])
def test_widths_are_numbers_and_formulas(width, hidden):
    assert made(task_of(), width=width).V.shape == (hidden, 5)


@pytest.mark.parametrize("width", ["0", "-4", "p-5", "4*q", "50%"])
def test_a_width_that_cannot_be_is_refused(width):
    with pytest.raises(FieldError, match="width"):
        made(task_of(), width=width)


def test_float64_is_float64_throughout():
    with jax.enable_x64(True):
        net = made(task_of(), width=6)
        assert net.W[...].dtype == net(task_of().population().inputs).dtype == jnp.float64


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def test_mean_field_divides_the_outputs_by_the_width():
    task = task_of()
    inputs = task.population().inputs
    plain, divided = made(task, width=8), made(task, width=8, scaling="mean_field")
    np.testing.assert_array_equal(plain.W[...], divided.W[...])
    np.testing.assert_array_equal(plain(inputs) / 8, divided(inputs))


def test_the_standard_network_is_not_multiplied_by_anything():
    """Its program is what it was before there were variants: a lookup, a sum, a power and a product."""
    program = str(jax.make_jaxpr(lambda x: made(task_of(), width=8)(x))(task_of().population().inputs))
    assert " mul " not in program.split("dot_general")[1]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_shared_weights_are_those_of_equal_blocks(k, float64):
    task = task_of(5, k)
    net = made(task, width=7, shared=True)
    inputs = task.population().inputs
    assert net.W.shape == (1, 5, 7)
    counts = np.eye(5)[np.asarray(inputs)].sum(axis=1)
    expected = (counts @ np.asarray(net.W[...][0])) ** k @ np.asarray(net.V[...])
    np.testing.assert_allclose(net(inputs), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(net(inputs), net(inputs[:, ::-1]), rtol=1e-12, atol=1e-15)
    assert 0.9 < float(jnp.max(jnp.abs(net.W[...]))) * (5 * k) ** 0.5 <= 1  # fan-in kp, as without sharing


@pytest.mark.slow
@pytest.mark.parametrize("outputs", ["first", "sum", "all"])
def test_the_closed_form_kernel_of_mean_field_is_that_of_its_jacobian(outputs, float64):
    task = task_of(5, 2)
    net, net0 = made(task, width=7, scaling="mean_field"), made(task, seed=1, width=7, scaling="mean_field")
    x = task.population().inputs[::3]
    closed, generic = (empirical_ntk(net, x, outputs=outputs, closed_form=closed) for closed in (True, False))
    np.testing.assert_allclose(closed, generic, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(
        ntk_drift(net, net0, x, outputs, closed_form=True), ntk_drift(net, net0, x, outputs, closed_form=False), rtol=1e-9
    )


def test_networks_that_differ_in_more_than_parameters_have_no_drift():
    task = task_of(5, 2)
    for other in ({"scaling": "mean_field"}, {"degree": 3}):
        with pytest.raises(UserError, match="differ in degree or in scaling"):
            ntk_drift(made(task, width=2, **other), made(task, width=2), task.population().inputs)


def test_the_kernel_of_shared_weights_counts_all_pairs_of_summands(float64):
    """∂f_c/∂W_aj = d V_jc z_j^{d−1} · (how often a occurs in x)."""
    task = task_of(5, 3)
    net = made(task, width=7, shared=True)
    x = task.population().inputs[::4]
    W, V, counts = np.asarray(net.W[...][0]), np.asarray(net.V[...]), np.eye(5)[np.asarray(x)].sum(axis=1)
    z = counts @ W
    A = 3 * z[:, None] ** 2 * V.T[None]  # [n, p, h]
    expected = np.einsum("xy,xcj,yej->xyce", counts @ counts.T, A, A) + np.einsum("xj,yj,ce->xyce", z**3, z**3, np.eye(5))
    np.testing.assert_allclose(empirical_ntk(net, x, outputs="all"), expected, rtol=1e-10, atol=1e-14)


def context_of(task, net, degree=3):
    def module(params):
        return QuadraticNetwork(params["W"], params["V"], net.degree, net.scale, net.summands)

    return Context(task, task.splits(0), module, degree, fold(0, "probe"), jnp.int32(0))


def params_of(net):
    return {"W": net.W[...], "V": net.V[...]}


@pytest.mark.slow
def test_neurons_of_shared_weights_have_the_frequencies_and_phases_of_equal_blocks(float64):
    task = task_of(7, 2)
    net = made(task, width=7, shared=True)
    W = jnp.concatenate([net.W[...], net.W[...]])
    apart = QuadraticNetwork(W, net.V[...], 2)
    probe = Fourier(alive=0.0)
    contexts = [(params_of(n), context_of(task, n)) for n in (net, apart)]
    found, expected = (probe.measure(params, context, probe.init(params, context))[0] for params, context in contexts)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_largest_known_margin_is_divided_with_the_outputs_and_not_claimed_for_shared_weights(float64):
    task = build("task", "modular_addition", p=5, train_size="100%")
    standard, divided, shared = made(task, width=8), made(task, width=8, scaling="mean_field"), made(task, width=8, shared=True)
    known = known_maximum(params_of(standard), context_of(task, standard))
    assert known == pytest.approx((2 / 27) ** 0.5 / (5**0.5 * 4))
    assert known_maximum(params_of(divided), context_of(task, divided)) == pytest.approx(known / 8)
    assert known_maximum(params_of(shared), context_of(task, shared)) is None
