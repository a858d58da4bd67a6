"""The tangent kernel against PyTorch and NumPy, brute-force differentiation, and itself by another route."""

import resource
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework.errors import UserError
from plugins.kernels import gram_drift, spectrum
from plugins.networks.quadratic import QuadraticNetwork
from plugins.probes.ntk import as_matrix, empirical_ntk, ntk_drift
from tests import reference

pytestmark = pytest.mark.usefixtures("quick_compilation")

SHAPES = [(3, 3, 4, 3), (2, 4, 5, 4)]  # k, p, h, degree


class MLP(nnx.Module):
    """A small network that no closed form knows."""

    def __init__(self, p, rngs):
        self.p, self.first, self.last = p, nnx.Linear(2 * p, 6, rngs=rngs), nnx.Linear(6, p, rngs=rngs)

    def __call__(self, inputs):
        x = jax.nn.one_hot(inputs, self.p, dtype=self.first.kernel.dtype).reshape(inputs.shape[0], -1)
        return self.last(jnp.tanh(self.first(x)))


def network(W, V, degree=2):
    return QuadraticNetwork(jnp.asarray(W), jnp.asarray(V), degree)


def networks(k, p, h, degree, size=1.0, dtype=np.float64):
    """(net, net0) of random weights whose difference has entries of the given size."""
    draw = np.random.default_rng(k + 10 * degree).normal
    W, V = draw(size=(k, p, h)).astype(dtype), draw(size=(h, p)).astype(dtype)
    return network(W + size * draw(size=W.shape).astype(dtype), V + size * draw(size=V.shape).astype(dtype), degree), network(W, V, degree)


def points(k, p, outputs="first", count=23):
    """Random points, repeats among them."""
    return np.random.default_rng(p).integers(0, p, (count, k + (outputs == "own"))).astype(np.int32)


def every_tuple(p, k):
    return np.stack(np.meshgrid(*[np.arange(p)] * k, indexing="ij"), -1).reshape(-1, k)


def relative_error(found, expected):
    return np.linalg.norm(np.asarray(found) - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("closed_form", [True, False])
@pytest.mark.parametrize("block", [0, 3])
def test_kernels_equal_the_reference(closed_form, block):
    r = reference.load("ntk")
    with jax.enable_x64(True):
        net, net2 = network(r["W"], r["V"]), network(r["W2"], r["V2"])
        for outputs, of, key in (("all", net, "K"), ("all", net2, "K2"), ("first", net, "first"), ("sum", net, "sum_logits")):
            expected = r[key]
            K = empirical_ntk(of, r["points"], outputs=outputs, block=block, closed_form=closed_form)
            assert K.shape == expected.shape
            assert relative_error(K, expected) < 1e-13
        both = empirical_ntk(net, r["points"][:4], r["points"][4:], outputs="all", block=block, closed_form=closed_form)
        assert relative_error(both, r["K"][:4, 4:]) < 1e-13


@pytest.mark.parametrize("closed_form", [True, False])
def test_drifts_equal_the_reference(closed_form):
    r = reference.load("ntk")
    with jax.enable_x64(True):
        net, net0 = network(r["W2"], r["V2"]), network(r["W"], r["V"])
        drifts = {outputs: ntk_drift(net, net0, r["points"], outputs, closed_form=closed_form) for outputs in ("first", "sum", "all")}
    for outputs, key in (("first", "drift_first"), ("sum", "drift_sum"), ("all", "drift_full")):
        assert drifts[outputs].absolute == pytest.approx(float(r[key]), rel=1e-12)
    assert drifts["first"].relative == pytest.approx(float(r["rel_first"]), rel=1e-12)
    assert drifts["first"].cosine == pytest.approx(float(r["cos_first"]), rel=1e-12)


def test_kernels_equal_the_reference_in_float32():
    r = reference.load("ntk")
    net = network(r["W"].astype(np.float32), r["V"].astype(np.float32))
    for outputs, key in (("all", "K"), ("first", "first"), ("sum", "sum_logits")):
        K = empirical_ntk(net, r["points"], outputs=outputs)
        assert K.dtype == jnp.float32
        assert relative_error(K, r[key]) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("outputs", ["first", "sum", "all", "own"])
@pytest.mark.parametrize("shape", SHAPES)
def test_closed_form_and_jacobians_agree(shape, outputs):
    k, p, h, degree = shape
    with jax.enable_x64(True):
        net, net0 = networks(k, p, h, degree)
        x = points(k, p, outputs)
        closed, general = (empirical_ntk(net, x, outputs=outputs, closed_form=form) for form in (True, False))
        assert relative_error(closed, general) < 1e-12
        drifts = [ntk_drift(net, net0, x, outputs, closed_form=form, block=block) for form, block in ((True, 0), (False, 7))]
        np.testing.assert_allclose(drifts[0], drifts[1], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("few", [0, 100])
def test_both_ways_of_summing_over_groups_agree(few, monkeypatch):
    with jax.enable_x64(True):
        net, net0 = networks(3, 4, 6, 3)
        x = points(3, 4)
        expected = ntk_drift(net, net0, x, "all", closed_form=False)
        monkeypatch.setattr(gram_drift, "FEW", few)
        monkeypatch.setattr(gram_drift, "CHUNK", 4)
        np.testing.assert_allclose(ntk_drift(net, net0, x, "all"), expected, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("outputs", ["first", "sum", "all", "own"])
def test_jacobian_blocks_equal_brute_force(outputs):
    x = points(2, 5, outputs, 11)
    with jax.enable_x64(True):
        net, net0 = (MLP(5, nnx.Rngs(seed)) for seed in (0, 1))
        expected, expected0 = (_brute_force(n, x, outputs) for n in (net, net0))
        for block in (1, 4, 100):
            assert relative_error(empirical_ntk(net, x, outputs=outputs, block=block), expected) < 1e-6  # 32-bit parameters
        change = np.linalg.norm(expected - expected0)
        drift = ntk_drift(net, net0, x, outputs, block=4)
    assert drift.absolute == pytest.approx(change, rel=1e-5)
    assert drift.relative == pytest.approx(change / np.linalg.norm(expected0), rel=1e-5)


def _brute_force(net, x, outputs):
    graph, params = nnx.split(net)
    flat, unravel = jax.flatten_util.ravel_pytree(jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params))
    tokens = x[:, :2]
    J = np.asarray(jax.jacrev(lambda flat: nnx.merge(graph, unravel(flat))(tokens))(flat))  # [n, p, P]
    full = np.einsum("xcP,yeP->xyce", J, J)
    if outputs == "own":
        n = np.arange(len(x))
        return full[n[:, None], n[None], x[:, -1][:, None], x[:, -1][None]]
    return {"first": full[:, :, 0, 0], "sum": full.sum((2, 3)) / full.shape[2], "all": full}[outputs]


@pytest.mark.slow
@pytest.mark.parametrize("closed_form", [True, False])
@pytest.mark.parametrize("outputs", ["first", "all"])
def test_drift_after_one_small_step_is_right_from_float32(closed_form, outputs):
    """The change is 1e-8 of the kernel: float32 kernels would only show noise. Expected: 50-digit arithmetic."""
    W0, V0 = (np.asarray(a, np.float32) for a in _uniform_network())
    step = np.random.default_rng(1)
    W = (W0 + np.float32(1e-8) * step.normal(size=W0.shape)).astype(np.float32)
    V = np.nextafter(V0, np.float32(1)).astype(np.float32)
    x = every_tuple(5, 2)
    drift = ntk_drift(network(W, V), network(W0, V0), x, outputs, closed_form=closed_form)
    expected, size = _exact_drift(W, V, W0, V0, x, outputs)
    assert 1e-9 < expected / size < 3e-7
    assert drift.absolute == pytest.approx(expected, rel=1e-6)
    assert drift.relative == pytest.approx(expected / size, rel=1e-6)


def _uniform_network():
    draw = np.random.default_rng(0).uniform
    return draw(-0.3, 0.3, (2, 5, 4)), draw(-0.5, 0.5, (4, 5))


def _exact_drift(W, V, W0, V0, x, outputs):
    """‖Θ_t − Θ_0‖ and ‖Θ_0‖ with exact rational arithmetic, from the definition."""
    from fractions import Fraction

    exact = np.vectorize(Fraction, otypes=[object])

    def kernel(W, V):
        W, V = exact(W.astype(float)), exact(V.astype(float))[:, : 1 if outputs == "first" else None]
        z = W[0][x[:, 0]] + W[1][x[:, 1]]
        shared = (x[:, None] == x[None]).sum(2).astype(object)
        Y = 4 * np.einsum("xj,jc->xcj", z, V)
        second = np.tensordot(Y, np.einsum("xj,jc->xcj", z, V), (2, 2)) * shared[:, None, :, None]
        first = ((z * z) @ (z * z).T)[:, None, :, None] * np.eye(V.shape[1], dtype=int).astype(object)[None, :, None]
        return first + second

    K, K0 = kernel(W, V), kernel(W0, V0)
    return tuple(float(np.sum(matrix**2)) ** 0.5 for matrix in (K - K0, K0))


def test_equal_networks_have_not_drifted():
    net, _ = networks(2, 5, 7, 2, dtype=np.float32)
    for closed_form in (True, False):
        drift = ntk_drift(net, net, every_tuple(5, 2), closed_form=closed_form)
        assert (drift.absolute, drift.relative) == (0, 0)
        assert drift.cosine == pytest.approx(1, abs=1e-15)


def test_a_kernel_that_was_zero_gives_no_ratio():
    net, net0 = networks(2, 5, 7, 2)
    drift = ntk_drift(net, network(0 * net0.W[...], 0 * net0.V[...]), every_tuple(5, 2))
    assert drift.absolute > 0
    assert np.isinf(drift.relative)
    assert np.isnan(drift.cosine)


def test_unknown_outputs_are_named():
    net, _ = networks(2, 5, 7, 2)
    with pytest.raises(UserError, match="outputs = 'mean'.*first, sum, all"):
        empirical_ntk(net, points(2, 5), outputs="mean")


@pytest.mark.slow
def test_drift_of_all_outputs_over_the_population_takes_seconds_at_p_97():
    """The full matrix would have 9,409·97 rows: 6.7 TB."""
    net, net0 = networks(2, 97, 388, 2, size=0.01, dtype=np.float32)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    drift = ntk_drift(net, net0, every_tuple(97, 2), "all")
    assert time.perf_counter() - start < 60  # about 5 on two free cores
    assert 0 < drift.relative < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4e6  # kB; other tests ran in this process before


def test_own_outputs_of_regression_are_the_kernel_of_its_tuples():
    """Θ((a, b, c), (a', b', c')) is the c, c' entry of the kernel of all outputs."""
    r = reference.load("ntk")
    c = np.arange(10) % 7
    with jax.enable_x64(True):
        K = empirical_ntk(network(r["W"], r["V"]), np.column_stack([r["points"], c]), outputs="own")
    n = np.arange(10)
    assert relative_error(K, r["K"][n[:, None], n[None], c[:, None], c[None]]) < 1e-13


def test_spectrum_of_known_matrices():
    assert spectrum.effective_rank(np.ones(6)) == pytest.approx(6)
    assert spectrum.participation(np.ones(6)) == pytest.approx(6)
    assert spectrum.effective_rank(np.array([3.0, 0, -1e-17])) == 1
    assert spectrum.participation(np.array([1e-200, 0])) == 1
    y = np.array([1.0, -1, 2])
    assert spectrum.alignment(np.outer(y, y), 3 * np.outer(y, y)) == pytest.approx(1)
    H = np.eye(3) - 1 / 3
    K = np.arange(9.0).reshape(3, 3)
    np.testing.assert_allclose(spectrum.centered(K + K.T), H @ (K + K.T) @ H, atol=1e-14)
    assert np.isnan(spectrum.alignment(np.zeros((2, 2)), np.eye(2)))
    assert as_matrix(jnp.arange(16.0).reshape(2, 2, 2, 2))[1, 2] == 6  # point 0, output 1; point 1, output 0


@pytest.mark.parametrize("outputs", ["first", "sum", "own"])
@pytest.mark.parametrize("shape", [(2, 7, 12, 2), (3, 4, 12, 3)])
def test_fewer_points_than_neurons_have_the_drift_of_their_jacobians(shape, outputs):
    """The kernel is then taken as a matrix of points rather than of neurons; one that hardly moved keeps its digits."""
    k, p, h, degree = shape
    with jax.enable_x64(True):
        net, net0 = networks(k, p, h, degree)
        near = network(net0.W[...] * (1 + 1e-9), net0.V[...] * (1 + 2e-9), degree)
        x = points(k, p, outputs)[: h - 1]
        assert len(x) < h
        for after in (net, near):
            drift, general = (ntk_drift(after, net0, x, outputs, closed_form=form) for form in (True, False))
            np.testing.assert_allclose(drift, general, rtol=1e-7 if after is near else 1e-12)
