"""The transformer against PyTorch's outputs and an independent NumPy one, and what each option promises."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import Experiment, build
from framework.config import experiment, select
from framework.errors import FieldError, UserError
from plugins.models.transformer import load_torch_parameters, sinusoidal_positions
from tests.reference import load
from tests.test_reference import PRECISIONS, assert_close

pytestmark = pytest.mark.usefixtures("quick_compilation")

SMALL = {"d_model": 12, "heads": 3, "d_mlp": 20}
ERF = np.vectorize(math.erf)
ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "gelu": lambda z: z * (1 + ERF(z / 2**0.5)) / 2,
    "silu": lambda z: z / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "quadratic": lambda z: z * z,
    "identity": lambda z: z,
}


def small_run(steps, **fields):
    model = select("transformer", **SMALL | fields)
    task = select("modular_addition", p=7)
    return Experiment.from_config(experiment(task=task, model=model, optimizer=select("adamw", learning_rate=1e-2), steps=steps))


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def task_of(p=7, k=2):
    return build("task", "modular_addition", p=p, k=k)


def made(task=None, seed=0, **fields):
    net = build("model", "transformer", **SMALL | fields).build(task or task_of(), rngs=nnx.Rngs(seed))
    net.eval()
    return net


def arrays(net):
    leaves = jax.tree_util.tree_leaves_with_path(nnx.to_pure_dict(nnx.state(net, nnx.Param)))
    return {".".join(str(key.key) for key in path): np.asarray(leaf, np.float64) for path, leaf in leaves}


def normed(x, weight, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight + bias


def by_hand(P, tokens, heads, norm="none", causal=True, activation="relu", power=0.5):
    """The logits at the last token, in NumPy from arrays under torch names; all positions are carried through all blocks."""
    x = P["tok.weight"][tokens] + P.get("pos.weight", 0)
    T, d = x.shape[1:]
    blocks = sorted({name.split(".att")[0] for name in P if ".att." in name}) or [""]
    for block in blocks:
        Q = {name.removeprefix(f"{block}.") if block else name: array for name, array in P.items() if name.startswith(block)}
        for part in (1, 2):
            h = normed(x, Q[f"n{part}.weight"], Q[f"n{part}.bias"]) if norm == "pre" else x
            if part == 1:
                rows = (h @ Q["att.in_proj_weight"].T + Q.get("att.in_proj_bias", 0)).reshape(len(x), T, 3, heads, d // heads)
                q, key, v = np.moveaxis(rows, (2, 3), (0, 2))
                scores = q @ np.swapaxes(key, -1, -2) / (d // heads) ** power
                scores = np.where(np.tri(T, dtype=bool), scores, -np.inf) if causal else scores
                weights = np.exp(scores - scores.max(-1, keepdims=True))
                mixed = (weights / weights.sum(-1, keepdims=True)) @ v
                added = np.moveaxis(mixed, 1, 2).reshape(x.shape) @ Q["att.out_proj.weight"].T + Q.get("att.out_proj.bias", 0)
            else:
                neurons = ACTIVATIONS[activation](h @ Q["up.weight"].T + Q.get("up.bias", 0))
                added = neurons @ Q["down.weight"].T + Q.get("down.bias", 0)
            x = normed(x + added, Q[f"n{part}.weight"], Q[f"n{part}.bias"]) if norm == "post" else x + added
    x = normed(x, P["norm.weight"], P["norm.bias"]) if norm == "pre" else x
    return x[:, -1] @ P.get("out.weight", P["tok.weight"]).T + P.get("out.bias", 0)


def torch_arrays(depth=1, norm="none", bias=False, positions=True, tied=False, p=7, T=4, separators=2, seed=0):
    """Random arrays under torch names, in torch's shapes, written down from torch.nn's documentation."""
    rng, d, h, shapes = np.random.default_rng(seed), SMALL["d_model"], SMALL["d_mlp"], {}
    for block in range(depth):
        prefix = f"blocks.{block}." if depth > 1 else ""
        own = {"att.in_proj_weight": (3 * d, d), "att.out_proj.weight": (d, d), "up.weight": (h, d), "down.weight": (d, h)}
        own |= {"att.in_proj_bias": (3 * d,), "att.out_proj.bias": (d,), "up.bias": (h,), "down.bias": (d,)} if bias else {}
        own |= {f"n{part}.{name}": (d,) for part in (1, 2) for name in ("weight", "bias")} if norm != "none" else {}
        shapes |= {prefix + name: shape for name, shape in own.items()}
    shapes |= {"tok.weight": (p + separators, d)} | ({"pos.weight": (T, d)} if positions else {})
    shapes |= {"norm.weight": (d,), "norm.bias": (d,)} if norm == "pre" else {}
    shapes |= {} if tied else {"out.weight": (p, d)}
    shapes |= {"out.bias": (p,)} if bias and not tied else {}
    return {name: 0.5 * rng.normal(size=shape) for name, shape in shapes.items()}


def sequences(inputs, p=7):
    """A op b op … = with op = p and = is p + 1, column by column."""
    columns = []
    for column in np.asarray(inputs).T:
        columns += [column, np.full(len(column), p)]
    return np.stack([*columns[:-1], np.full(len(columns[0]), p + 1)], axis=1)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("file", "norm"), [("nonorm", "none"), ("postnorm", "post")])
def test_outputs_agree_with_pytorchs(file, norm, precision):
    with jax.enable_x64(precision == "float64"):
        reference = load(f"transformer_{file}")
        net = made(d_model=16, heads=2, d_mlp=64, norm=norm)
        tokens = jnp.asarray(reference["tokens"], jnp.int32)
        inputs = tokens[:, [0, 2]]
        np.testing.assert_array_equal(net.sequence(inputs), tokens)
        parameters = {name.removeprefix("param/"): array for name, array in reference.items() if name.startswith("param/")}
        assert load_torch_parameters(net, parameters) is net
        assert_close(net(inputs), reference["logits_last"][:, :7], precision)


@pytest.mark.parametrize(
    ("fields", "arrays"),
    [
        ({"norm": "pre"}, {"norm": "pre"}),
        ({"norm": "pre", "depth": 3, "bias": True}, {"norm": "pre", "depth": 3, "bias": True}),
        ({"norm": "post", "depth": 2, "causal": False, "activation": "gelu"}, {"norm": "post", "depth": 2}),
        ({"depth": 2, "bias": True, "activation": "tanh", "attention_power": 1.0}, {"depth": 2, "bias": True}),
        ({"tied": True, "positions": "none", "activation": "quadratic"}, {"tied": True, "positions": False}),
        ({"activation": "silu"}, {}),
        ({"activation": "identity"}, {}),
    ],
)
def test_outputs_agree_with_numpy(fields, arrays, float64):
    net, parameters = made(**fields), torch_arrays(**arrays)
    load_torch_parameters(net, parameters)
    inputs = task_of().population().inputs
    names = {"attention_power": "power", "norm": "norm", "causal": "causal", "activation": "activation"}
    expected = by_hand(parameters, sequences(inputs), 3, **{names[name]: value for name, value in fields.items() if name in names})
    assert_close(net(inputs), expected[:, :7], "float64")


def test_three_summands_have_two_operators(float64):
    task = task_of(k=3)
    net = load_torch_parameters(made(task), parameters := torch_arrays(T=6))
    inputs = task.population().inputs
    assert_close(net(inputs), by_hand(parameters, sequences(inputs), 3), "float64")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [[3, 7, 4, 8]]),
        ({"operator": False}, [[3, 4, 7]]),
        ({"start": True}, [[9, 3, 7, 4, 8]]),
        ({"start": True, "operator": False}, [[8, 3, 4, 7]]),
        ({"separators": False}, [[3, 4]]),
    ],
)
def test_sequences_and_the_embeddings_that_they_need(fields, expected):
    net = made(**fields)
    np.testing.assert_array_equal(net.sequence(jnp.array([[3, 4]], jnp.int32)), expected)
    values = 7 + len(set(np.ravel(expected)) - {3, 4})
    assert net.tokens.embedding.shape == (values, 12) and net.places.embedding.shape == (len(expected[0]), 12)


def test_a_token_sees_no_later_one_where_causal():
    x = np.random.default_rng(0).normal(size=(1, 5, 12)).astype(np.float32)
    later = x.copy()
    later[:, 3] += 1
    for causal in (True, False):
        block = made(causal=causal).blocks[0]
        before, after = block(jnp.asarray(x)), block(jnp.asarray(later))
        assert np.array_equal(before[:, :3], after[:, :3]) == causal
        assert not np.any(np.all(np.isclose(before[:, 3:], after[:, 3:]), axis=-1))


@pytest.mark.parametrize("norm", ["none", "pre", "post"])
def test_the_last_token_alone_gives_what_all_together_give(norm, float64):
    block = made(norm=norm).blocks[0]
    x = jnp.asarray(np.random.default_rng(0).normal(size=(6, 5, 12)))
    np.testing.assert_allclose(block(x, last_only=True), block(x)[:, -1:], rtol=1e-12, atol=1e-14)


def test_sinusoidal_positions_are_those_of_the_formula(float64):
    expected = [[(math.cos if i % 2 else math.sin)(t / 10_000 ** (2 * (i // 2) / 12)) for i in range(12)] for t in range(4)]
    np.testing.assert_allclose(sinusoidal_positions(4, 12), expected, rtol=1e-14)
    net, inputs = made(positions="sinusoidal"), task_of().population().inputs
    vectors = np.asarray(net.tokens.embedding[...])[sequences(inputs)]
    np.testing.assert_allclose(net.embedded(inputs), vectors + np.array(expected), rtol=1e-12)


def test_without_positions_and_mask_the_order_of_summands_is_not_seen(float64):
    task, order = task_of(k=3), [2, 0, 1]
    inputs = task.population().inputs
    blind = made(task, positions="none", causal=False, depth=2)
    np.testing.assert_allclose(blind(inputs), blind(inputs[:, order]), rtol=1e-10, atol=1e-12)
    seeing = made(task, positions="learned", causal=False, depth=2)
    assert not np.allclose(seeing(inputs), seeing(inputs[:, order]), rtol=1e-3)


def test_the_logits_are_multiplied_by_the_output_scale():
    inputs = task_of().population().inputs
    np.testing.assert_allclose(made(output_scale=0.125)(inputs), 0.125 * made()(inputs), rtol=1e-6)


def test_hidden_is_what_the_last_layer_reads(float64):
    """Without norm and bias, logits are (x + hidden W_down) W_U, x before the MLP."""
    net, inputs = made(depth=2), task_of().population().inputs
    x = net.blocks[1].attended(net.blocks[0](net.embedded(inputs)))[:, -1]
    hidden = net.hidden(inputs)
    found = (x + hidden @ net.blocks[1].down.kernel[...]) @ net.unembed.kernel[...]
    assert hidden.shape == (49, 20) and float(jnp.min(hidden)) == 0
    np.testing.assert_allclose(found, net(inputs), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "fields", [{}, {"norm": "post", "bias": True, "depth": 2}, {"norm": "pre", "tied": True, "positions": "sinusoidal"}]
)
def test_gradients_are_finite_and_reach_every_parameter(fields):
    task = task_of()
    split = task.population()
    gradient = nnx.jit(nnx.grad(lambda net: task.mean_loss(net, split)))(made(task, **fields))
    for path, leaf in jax.tree_util.tree_leaves_with_path(nnx.to_pure_dict(gradient)):
        assert np.all(np.isfinite(leaf)), path
        assert np.any(leaf), path


@pytest.mark.slow
def test_a_small_transformer_learns_its_training_sample():
    run = small_run(300, d_model=32, heads=4, d_mlp=64)
    state, diverged = run.advance(run.initial_state(), 300)
    split = run.splits.train
    assert diverged == -1
    assert float(jnp.mean(jnp.argmax(run.module(state)(split.inputs), axis=1) == split.targets)) == 1.0


def test_float64_is_float64_throughout(float64):
    net = made(norm="post", bias=True, positions="sinusoidal", depth=2, dropout=0.1)
    assert {array.dtype for array in jax.tree.leaves(nnx.to_pure_dict(nnx.state(net, nnx.Param)))} == {jnp.dtype("float64")}
    program = str(jax.make_jaxpr(lambda x: net(x))(task_of().population().inputs))
    assert "f64" in program and "f32" not in program
    net.train()
    assert net(task_of().population().inputs).dtype == jnp.float64


@pytest.mark.parametrize(("d_model", "heads", "near"), [(128, 5, 4), (128, 100, 128), (12, 5, 4), (12, 7, 6)])
def test_heads_that_do_not_divide_are_refused_with_the_nearest_that_do(d_model, heads, near):
    with pytest.raises(FieldError, match=f"heads = {heads}: must divide d_model = {d_model}; .* is {near}$"):
        build("model", "transformer", d_model=d_model, heads=heads)


def test_tied_embeddings_need_as_many_outputs_as_values():
    from framework import Sizes, Split, Task

    class Odd(Task):
        sizes = Sizes(tokens=2, values=5, outputs=3)

        def population(self):
            return Split(jnp.zeros((4, 2), jnp.int32), jnp.zeros(4, jnp.int32))

    with pytest.raises(FieldError, match="tied = True: needs as many outputs as token values; here 3 and 5"):
        made(Odd(), tied=True)
    assert made(Odd())(jnp.zeros((4, 2), jnp.int32)).shape == (4, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda P: P.pop("up.weight"), "missing parameters: up.weight"),
        (lambda P: P.update({"up.wieght": 0}), "up.wieght: this network has no such parameter. Did you mean 'up.weight'?"),
        (lambda P: P.update({"up.weight": P["up.weight"].T}), r"up.weight: has shape \[12, 20\], this network needs \[20, 12\]"),
        (lambda P: P.update({"out.weight": P["out.weight"][:5]}), r"out.weight: has shape \[5, 12\], .* \[7, 12\] or \[9, 12\]"),
        (lambda P: P.update({"n1.bias": np.zeros(12)}), "n1.bias: this network has no such parameter"),
    ],
)
def test_parameters_that_do_not_fit_are_named_and_nothing_is_set(change, message):
    net, parameters = made(), torch_arrays()
    before = json.dumps({name: array.tolist() for name, array in arrays(net).items()})
    change(parameters)
    with pytest.raises(UserError, match=message):
        load_torch_parameters(net, parameters)
    assert json.dumps({name: array.tolist() for name, array in arrays(net).items()}) == before
