"""Tangent kernels from the structure of layers, against Jacobians contracted by brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

from framework import registry
from framework.interfaces import take
from framework.testing.made_up import MadeUp
from plugins.kernels.jacobians import OUTPUTS, answers, as_points, network_in_float64, split_network
from plugins.kernels.structured import Structure
from plugins.probes.ntk import as_matrix, empirical_ntk, ntk_drift
from tests.helpers import slow_but

pytestmark = pytest.mark.usefixtures("quick_compilation")

P = 7
NETWORKS = {
    "quadratic": ("quadratic", {"width": "11"}),
    "mlp, biases": ("mlp", {"width": "9", "depth": 2}),
    "mlp, a shared table": ("mlp", {"width": "9", "depth": 2, "embedding": "summed", "embedding_size": 5, "shared": True}),
    "mlp, shared one-hot weights": ("mlp", {"width": "9", "shared": True}),
    "transformer": ("transformer", {"d_model": 16, "d_mlp": 24, "heads": 2}),
    "transformer, tied": ("transformer", {"d_model": 40, "d_mlp": 24, "heads": 2, "tied": True, "separators": False}),
    "transformer, pre-norm": ("transformer", {"d_model": 16, "d_mlp": 24, "heads": 2, "norm": "pre", "depth": 2}),
    "transformer, post-norm": ("transformer", {"d_model": 16, "d_mlp": 24, "heads": 2, "norm": "post", "bias": True}),
}


class Convolutional(nnx.Module):
    """Two convolutions with batch statistics, on a picture of the tokens."""

    def __init__(self, rngs):
        self.first, self.second = nnx.Conv(1, 4, (3, 3), rngs=rngs), nnx.Conv(4, 6, (2, 3), strides=2, use_bias=False, rngs=rngs)
        self.norm, self.last = nnx.BatchNorm(4, use_running_average=True, rngs=rngs), nnx.Linear(6, P, rngs=rngs)

    def __call__(self, inputs):
        image = jax.nn.one_hot(inputs, P, dtype=self.last.kernel.dtype)[..., None]
        x = jnp.tanh(self.norm(self.first(image)))
        return self.last(jnp.mean(self.second(x), axis=(1, 2)))


class Tree(nnx.Module):
    """Layers as drawn, each a word; "back" multiplies by the transpose of the matrix before it, "branch" adds the layer's input."""

    def __init__(self, words, width, rngs):
        kind = {"param_dtype": jnp.float64, "rngs": rngs}
        self.words, self.table, self.last = tuple(words), nnx.Embed(P, width, **kind), nnx.Linear(width, P, **kind)
        self.matrices = nnx.List([nnx.Linear(width, width, use_bias=number % 2 == 0, **kind) for number in range(len(words))])
        self.norms = nnx.List([nnx.LayerNorm(width, use_fast_variance=False, **kind) for _ in words])

    def __call__(self, inputs):
        x = self.table(inputs)
        for word, matrix, norm in zip(self.words, self.matrices, self.norms, strict=True):
            given = x
            if word == "norm":
                x = norm(x)
            elif word == "mix":
                x = jax.nn.softmax(x @ x.swapaxes(-1, -2)) @ x
            else:
                x = jnp.tanh(matrix(x))
                x = x @ matrix.kernel[...].T if word == "back" else x + given if word == "branch" else x
        return self.last(x.sum(axis=1))


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def built(name, seed):
    if name == "convolutional":
        return Convolutional(nnx.Rngs(seed))
    model, fields = NETWORKS[name]
    return registry.build("model", model, **fields).build(registry.build("task", "modular_addition", p=P), rngs=nnx.Rngs(seed))


def points(outputs, count=9):
    return np.random.default_rng(5).integers(0, P, (count, 2 + (outputs == "own"))).astype(np.int32)


def by_jacobian(net, x, outputs):
    graph, parts = split_network(net)
    flat, unravel = ravel_pytree(parts[0])
    J = np.asarray(jax.jacrev(lambda flat: answers(graph, (unravel(flat), parts[1]), as_points(x), outputs))(flat))
    J = J.reshape(-1, J.shape[-1])
    return J @ J.T


def assert_as_by_jacobian(net, net0, x, outputs):
    expected, before = by_jacobian(net, x, outputs), by_jacobian(net0, x, outputs)
    found = as_matrix(empirical_ntk(net, x, outputs=outputs, closed_form=False))
    assert np.linalg.norm(found - expected) <= 1e-12 * np.linalg.norm(expected)
    drift = ntk_drift(net, net0, x, outputs, closed_form=False, block=4)
    assert drift.absolute == pytest.approx(np.linalg.norm(expected - before), rel=1e-10)
    assert drift.relative == pytest.approx(np.linalg.norm(expected - before) / np.linalg.norm(before), rel=1e-10)


@pytest.mark.parametrize("outputs", [OUTPUTS[0], *(pytest.param(one, marks=pytest.mark.slow) for one in OUTPUTS[1:])])
@pytest.mark.parametrize("name", slow_but(lambda name: name in ("mlp, biases", "transformer"), [*NETWORKS, "convolutional"]))
def test_kernels_and_drifts_are_those_of_contracted_jacobians(name, outputs, float64):
    assert_as_by_jacobian(*(network_in_float64(built(name, seed)) for seed in (0, 1)), points(outputs), outputs)


class Seeing(nnx.Module):
    """A convolution with batch statistics, on an image, or on the image of a dict."""

    def __init__(self, rngs):
        self.first, self.norm = nnx.Conv(1, 3, (3, 3), rngs=rngs), nnx.BatchNorm(3, use_running_average=True, rngs=rngs)
        self.last = nnx.Linear(3, 3, rngs=rngs)

    def __call__(self, inputs):
        image = inputs["image"] * inputs["place"][:, :1, None, None] if isinstance(inputs, dict) else inputs
        return self.last(jnp.mean(jnp.tanh(self.norm(self.first(image))), axis=(1, 2)))


@pytest.mark.slow
@pytest.mark.parametrize("outputs", [OUTPUTS[0], *(pytest.param(one, marks=pytest.mark.slow) for one in OUTPUTS[1:])])
@pytest.mark.parametrize(("kind", "model"), [("values", "mlp"), ("images", "mlp"), ("arrays", "mlp"), ("images", "cnn"), ("arrays", "cnn")])
def test_at_numbers_too_they_are_those_of_contracted_jacobians(kind, model, outputs, float64):
    task = MadeUp(kind=kind)
    built = [
        Seeing(nnx.Rngs(seed)) if model == "cnn" else registry.build("model", "mlp", width=5, depth=2).build(task, rngs=nnx.Rngs(seed))
        for seed in (0, 1)
    ]
    inputs = take(task.population().inputs, np.arange(7))
    x = (inputs, np.arange(7, dtype=np.int32) % 3) if outputs == "own" else inputs
    assert_as_by_jacobian(*map(network_in_float64, built), x, outputs)


@pytest.mark.slow
@settings(max_examples=8, derandomize=True, phases=[Phase.explicit, Phase.generate])  # a shrunk example would be compiled hundreds of times
@given(
    st.lists(st.sampled_from(["dense", "back", "branch", "norm", "mix"]), max_size=3), st.sampled_from(OUTPUTS), st.sampled_from([2, 24])
)
def test_a_random_tree_of_layers_has_the_kernel_of_its_jacobian(words, outputs, width):
    with jax.enable_x64(True):
        nets = [Tree(words, width, nnx.Rngs(seed)) for seed in (0, 1)]
        assert_as_by_jacobian(*nets, points(outputs, 5), outputs)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("mlp", {"width": "64", "depth": 2, "embedding": "summed", "embedding_size": 32, "shared": True}),
        ("transformer", {"d_model": 64, "d_mlp": 128, "heads": 2}),
    ],
)
def test_matrices_are_never_written_out(model, fields):
    """Embeddings are that are hardly larger than what a product of their factors costs."""
    net = registry.build("model", model, **fields).build(registry.build("task", "modular_addition", p=P), rngs=nnx.Rngs(0))
    graph, parts = split_network(net)
    sizes = [leaf.size for leaf in jax.tree.leaves(parts[0])]
    written = [sizes[leaf] for leaf in Structure(graph, parts, points("first")[0], "first").found.rest]
    assert sum(written) < 0.05 * sum(sizes) and max(sizes) not in written


@pytest.mark.parametrize(
    ("name", "groups"), [("mlp, biases", [(1, 10, P), (1, 2 * P + 1, 9), (1, 10, 9)]), ("quadratic", [(1, 2 * P, 11), (1, 11, P)])]
)
def test_biases_and_sums_of_look_ups_are_part_of_one_product(name, groups):
    """Places, columns of the data and features of each group: the bias is a column more, and two look-ups have one place."""
    graph, parts = split_network(built(name, 0))
    x = jnp.asarray(points("first"))
    factors = jax.eval_shape(lambda: Structure(graph, parts, x[0], "first").factors(parts, x))
    found = [(*a.shape[1:], delta.shape[-1]) for a, delta in factors.groups if a is not None]
    assert sorted(found) == sorted(groups) and factors.plain.shape[-1] == 0


def test_a_change_far_below_the_kernels_rounding_is_still_right(float64):
    """‖Θ(θ + εd) − Θ(θ)‖ is linear in ε where ε is small: 1e-9 and half of it differ by the factor 2, to 1e-6."""
    net0, direction = built("mlp, biases", 0), built("mlp, biases", 1)
    graph, (params, others) = split_network(net0)
    step = split_network(direction)[1][0]

    def moved(size):
        return nnx.merge(graph, jax.tree.map(lambda leaf, d: leaf + size * d, params, step), others)

    whole, half = (ntk_drift(moved(size), net0, points("first"), closed_form=False).absolute for size in (1e-9, 5e-10))
    assert whole == pytest.approx(2 * half, rel=1e-6)


@pytest.mark.parametrize("name", ["mlp, biases", "transformer"])
def test_a_network_that_stands_still_has_moved_by_nothing(name, float64):
    """Exactly 0, also where the points fill several blocks: rounding would draw a curve down to 1e-14 at step 0."""
    x = np.indices((P, P)).reshape(2, -1).T
    assert ntk_drift(built(name, 0), built(name, 0), x, outputs="first").absolute == 0.0


class Shifted(nnx.Module):
    """A layer whose neurons are moved by one number, and, where `constant`, a last output that is a parameter."""

    def __init__(self, rngs, constant=False):
        kind = {"param_dtype": jnp.float64, "rngs": rngs}
        self.layer, self.last = nnx.Linear(P, 5, **kind), nnx.Linear(5, 3, **kind)
        self.shift = nnx.Param(jax.random.normal(rngs.params(), (), jnp.float64))
        self.constant = nnx.Param(jax.random.normal(rngs.params(), (3,), jnp.float64)) if constant else None

    def __call__(self, inputs):
        if self.constant is not None:
            return jnp.broadcast_to(self.constant[...], (len(inputs), 3))
        return self.last(jnp.tanh(self.layer(jax.nn.one_hot(inputs, P, dtype=jnp.float64).sum(axis=1)) + self.shift[...]))


@pytest.mark.parametrize("constant", [False, True])
def test_a_number_that_is_added_and_an_output_that_is_a_parameter_have_their_gradients(constant, float64):
    assert_as_by_jacobian(*(Shifted(nnx.Rngs(seed), constant) for seed in (0, 1)), points("all", 5), "all")


class OverPlaces(nnx.Module):
    """Vectors of tokens; to what is made of each, the same of their mean is added, by another matrix or by the same, and a bias."""

    def __init__(self, rngs, same):
        kind = {"param_dtype": jnp.float64, "rngs": rngs}
        self.table, self.last = nnx.Embed(P, 6, **kind), nnx.Linear(24, 3, use_bias=False, **kind)
        self.each = nnx.Linear(6, 24, **kind)
        self.all = self.each if same else nnx.Linear(6, 24, use_bias=False, **kind)

    def __call__(self, inputs):
        x = self.table(inputs)
        together = x.mean(axis=1, keepdims=True) @ self.all.kernel[...]
        return self.last(jnp.tanh(together + self.each(x)).sum(axis=1))


@pytest.mark.parametrize("same", [False, True])
def test_what_is_added_over_all_places_has_derivatives_of_its_own(same, float64):
    """The sum has a place for each token, the mean one."""
    nets = [OverPlaces(nnx.Rngs(seed), same) for seed in (0, 1)]
    assert_as_by_jacobian(*nets, points("all", 5), "all")
    graph, parts = split_network(nets[0])
    found = Structure(graph, parts, jnp.asarray(points("first"))[0], "first").found
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(parts[0])]
    assert any("bias" in paths[leaf] for leaf in found.rest) == same  # the places of the matrix are then others than those of the bias
