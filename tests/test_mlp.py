"""The fully connected networks against NumPy with one-hot vectors, their initialization and their homogeneity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import build
from framework.errors import FieldError
from plugins.networks.parameters import two_layer
from tests.test_transformer import ACTIVATIONS

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def task_of(p=5, k=2):
    return build("task", "modular_addition", p=p, k=k)


def made(task=None, **fields):
    return build("model", "mlp", **{"width": 6, "embedding_size": 3} | fields).build(task or task_of(), rngs=nnx.Rngs(0))


def leaves(net):
    found = jax.tree_util.tree_leaves_with_path(nnx.to_pure_dict(nnx.state(net, nnx.Param)))
    return {".".join(str(key.key) for key in path): np.asarray(leaf) for path, leaf in found}


def by_hand(P, inputs, embedding, activation, k):
    """In NumPy: one-hot vectors times the tables below one another, then layer by layer."""
    one_hot = np.eye(5)[np.asarray(inputs)]  # [n, k, p]
    tables = P["W" if embedding == "one_hot" else "embedding"]
    tables = tables if len(tables) == k else np.repeat(tables, k, axis=0)
    vectors = np.einsum("nkp,kpe->nke", one_hot, tables)
    if embedding == "one_hot":
        z = vectors.sum(axis=1)
    elif embedding == "summed":
        z = vectors.sum(axis=1) @ P["W"][0]
    else:
        z = sum(vectors[:, i] @ P["W"][i] for i in range(k))
    maps = [P[name] for name in sorted(P) if name.startswith("hidden_maps")] + [P["V"]]
    for number, matrix in enumerate(maps):
        z = ACTIVATIONS[activation](z + P.get(f"biases.{number}", 0)) @ matrix
    return z + P.get(f"biases.{len(maps)}", 0)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("embedding", ["one_hot", "concatenated", "summed"])
@pytest.mark.parametrize("shared", [False, True])
def test_outputs_are_those_of_one_hot_vectors(embedding, shared, k):
    net, inputs = made(task_of(k=k), embedding=embedding, shared=shared, depth=2), task_of(k=k).population().inputs
    np.testing.assert_allclose(net(inputs), by_hand(leaves(net), inputs, embedding, "relu", k), rtol=1e-12, atol=1e-14)
    tables = leaves(net)["W" if embedding == "one_hot" else "embedding"]
    assert tables.shape == (1 if shared else k, 5, 6 if embedding == "one_hot" else 3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("depth", "bias", "bias_in"), [(1, False, "all"), (3, True, "first"), (3, True, "all")])
def test_activations_and_biases_are_where_they_are_said_to_be(activation, depth, bias, bias_in):
    net, inputs = made(activation=activation, depth=depth, bias=bias, bias_in=bias_in), task_of().population().inputs
    found = leaves(net)
    assert sum(name.startswith("biases") for name in found) == (0 if not bias else 1 if bias_in == "first" else depth + 1)
    np.testing.assert_allclose(net(inputs), by_hand(found, inputs, "one_hot", activation, 2), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("p", "fields", "count"),
    [
        # Lyu et al. 2024: 2-layer ReLU on one-hot pairs, bias in the first layer
        (97, {"width": 400, "bias_in": "first"}, 2 * 97 * 400 + 400 + 400 * 97),
        # Prieto et al. 2025: 226-200-200-113 without biases
        (113, {"width": 200, "depth": 2, "bias": False}, 226 * 200 + 200 * 200 + 200 * 113),
        # Chughtai et al. 2023, here for a group of 120 elements: 256 + 256, hidden 128
        (120, {"width": 128, "embedding": "concatenated", "embedding_size": 256, "bias": False}, 240 * 256 + 512 * 128 + 128 * 120),
        # an embedding of 128, shared, of both operands summed, hidden 256
        (59, {"width": 256, "embedding": "summed", "embedding_size": 128, "shared": True}, 59 * 128 + 128 * 256 + 256 + 256 * 59 + 59),
    ],
)
def test_published_networks_have_the_sizes_that_are_published(p, fields, count):
    assert sum(leaf.size for leaf in leaves(made(task_of(p), **fields)).values()) == count


@pytest.mark.parametrize(
    ("fields", "degree"),
    [
        ({"bias": False}, 2),
        ({"bias": False, "depth": 3}, 4),
        ({"bias_in": "first"}, 2),
        ({"bias_in": "first", "depth": 2}, 3),
        ({"bias": False, "activation": "quadratic"}, 3),
        ({"bias": False, "activation": "quadratic", "depth": 2}, 7),
        ({"bias": False, "activation": "identity", "depth": 2}, 3),
        ({"bias": False, "embedding": "summed"}, 3),
        ({"bias": False, "embedding": "concatenated", "activation": "quadratic"}, 5),
        ({"bias": True}, None),
        ({"bias_in": "first", "embedding": "summed"}, None),
        ({"bias": False, "activation": "gelu"}, None),
    ],
)
def test_outputs_are_homogeneous_of_the_degree_that_the_model_names(fields, degree):
    task = task_of()
    fields = {"width": 6, "embedding_size": 3} | fields
    model = build("model", "mlp", **fields)
    assert model.homogeneity(task) == degree
    net = model.build(task, rngs=nnx.Rngs(0))
    before = net(inputs := task.population().inputs)
    nnx.update(net, jax.tree.map(lambda leaf: 2 * leaf, nnx.state(net, nnx.Param)))
    after = net(inputs)
    if degree is None:
        assert not any(np.allclose(after, 2.0**power * before, rtol=1e-6) for power in range(12))
    else:
        np.testing.assert_allclose(after, 2.0**degree * before, rtol=1e-12)


@pytest.mark.slow
def test_pytorchs_initialization_fills_pytorchs_bounds():
    found = leaves(made(task_of(23), width=300, depth=2))
    fan_ins = {"W": 46, "hidden_maps.0": 300, "V": 300, "biases.0": 46, "biases.1": 300, "biases.2": 300}
    assert fan_ins.keys() == found.keys()
    for name, fan_in in fan_ins.items():
        bound = fan_in**-0.5
        assert 0.8 * bound < np.max(np.abs(found[name])) <= bound, name
        assert np.var(found[name]) == pytest.approx(bound**2 / 3, rel=0.4 if "bias" in name else 0.05), name
    embedded = leaves(made(task_of(23), width=300, embedding="concatenated", embedding_size=64))
    assert np.std(embedded["embedding"]) == pytest.approx(1, rel=0.05)
    assert 0.99 * 128**-0.5 < np.max(np.abs(embedded["W"])) <= 128**-0.5
    summed = leaves(made(task_of(23), width=300, embedding="summed", embedding_size=64))
    assert 0.99 * 64**-0.5 < np.max(np.abs(summed["W"])) <= 64**-0.5


@pytest.mark.parametrize(("init", "std", "factor"), [("he", 0.0, 2.0), ("normal", 0.0, 1.0), ("normal", 0.3, None)])
def test_normal_initializations_have_their_standard_deviations(init, std, factor):
    found = leaves(made(task_of(23), width=300, depth=2, init=init, init_std=std))
    for name, fan_in in {"W": 46, "hidden_maps.0": 300, "V": 300}.items():
        assert np.std(found[name]) == pytest.approx(std or (factor / fan_in) ** 0.5, rel=0.04), name
        assert np.mean(found[name] ** 4) / np.mean(found[name] ** 2) ** 2 == pytest.approx(3, rel=0.15), name
    assert not any(np.any(leaf) for name, leaf in found.items() if "bias" in name)


@pytest.mark.parametrize("scale_biases", [True, False])
def test_the_scale_multiplies_weights_and_where_asked_biases(scale_biases):
    one, four = (leaves(made(embedding="summed", init_scale=s, scale_biases=scale_biases)) for s in (1.0, 4.0))
    for name in one:
        factor = 1 if "bias" in name and not scale_biases else 4
        np.testing.assert_allclose(four[name], factor * one[name], rtol=1e-12, err_msg=name)


def test_the_outputs_are_multiplied_by_the_output_scale():
    inputs = task_of().population().inputs
    np.testing.assert_allclose(made(output_scale=0.125)(inputs), 0.125 * made()(inputs), rtol=1e-12)


def test_one_hidden_layer_of_squares_is_the_quadratic_network():
    """Same leaves, same outputs: probes of two layers see its neurons."""
    task = task_of()
    net, inputs = made(task, activation="quadratic", bias=False), task.population().inputs
    quadratic = build("model", "quadratic", width=6).build(task, rngs=nnx.Rngs(1))
    quadratic.W[...], quadratic.V[...] = net.W[...], net.V[...]
    np.testing.assert_allclose(net(inputs), quadratic(inputs), rtol=1e-12)
    params = nnx.to_pure_dict(nnx.state(net, nnx.Param))
    assert two_layer(params) is not None
    assert two_layer(nnx.to_pure_dict(nnx.state(made(task), nnx.Param))) is None  # with biases it would be wrong


def test_hidden_is_what_the_last_layer_reads():
    net, inputs = made(depth=3, bias=False), task_of().population().inputs
    np.testing.assert_allclose(net.hidden(inputs) @ net.V[...], net(inputs), rtol=1e-12)


def test_gradients_are_finite_and_reach_every_parameter():
    task = task_of()
    split = task.population()
    gradient = nnx.jit(nnx.grad(lambda net: task.mean_loss(net, split)))(made(task, depth=2, embedding="concatenated"))
    for path, leaf in jax.tree_util.tree_leaves_with_path(nnx.to_pure_dict(gradient)):
        assert np.all(np.isfinite(leaf)) and np.any(leaf), path


def test_float32_is_the_default_precision():
    with jax.enable_x64(False):
        net = made(depth=2, embedding="summed")
        assert {leaf.dtype for leaf in leaves(net).values()} == {np.dtype("float32")}
        assert net(task_of().population().inputs).dtype == jnp.float32


@pytest.mark.parametrize("width", ["0", "p-5", "4*q"])
def test_a_width_that_cannot_be_is_refused(width):
    with pytest.raises(FieldError, match="width"):
        made(width=width)
