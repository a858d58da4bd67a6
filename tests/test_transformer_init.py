"""How many parameters a transformer has by its options, and what they are drawn from."""

import numpy as np
import pytest
from flax import nnx

from framework import build
from tests.test_transformer import arrays, made, task_of


def test_the_papers_network_has_these_parameters():
    """d = 128, 4 heads, MLP 512, no bias, no norm, p = 23: counted by hand from the shapes."""
    net = build("model", "transformer").build(task_of(23), rngs=nnx.Rngs(0))
    assert sum(array.size for array in arrays(net).values()) == 25 * 128 + 4 * 128 + 4 * 128**2 + 2 * 128 * 512 + 23 * 128


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({"bias": True}, 4 * 12 + 20 + 12 + 7),
        ({"bias": True, "bias_in": "blocks"}, 4 * 12 + 20 + 12),
        ({"bias": True, "bias_in": "mlp"}, 20 + 12),
        ({"norm": "post"}, 4 * 12),
        ({"norm": "pre"}, 6 * 12),
        ({"tied": True}, -7 * 12),
        ({"positions": "sinusoidal"}, -4 * 12),
        ({"positions": "none"}, -4 * 12),
        ({"depth": 2}, 4 * 12**2 + 2 * 12 * 20),
    ],
)
def test_options_add_and_remove_parameters(fields, more):
    plain, changed = (sum(array.size for array in arrays(made(**f)).values()) for f in ({}, fields))
    assert changed - plain == more


D, H, P = 96, 400, 59
BOUNDS = {"pytorch": (6 / (4 * D)) ** 0.5, "linear": D**-0.5}
STD = {
    "lecun": {"tokens": 1.0, "attention": D**-0.5, "up": D**-0.5, "down": H**-0.5, "unembed": D**-0.5},
    "nanda": {"tokens": D**-0.5, "attention": D**-0.5, "up": D**-0.5, "down": D**-0.5, "unembed": (P + 2) ** -0.5},
    "normal": dict.fromkeys(("tokens", "attention", "up", "down", "unembed"), 0.8 * D**-0.5),
}


def drawn(**fields):
    found = arrays(made(task_of(P), d_model=D, heads=4, d_mlp=H, bias=True, **fields))
    short = {"tokens": "tokens.embedding", "places": "places.embedding", "unembed": "unembed.kernel"}
    names = {"attention": "attention.query.kernel", "key": "attention.key.kernel", "out": "attention.out.kernel"}
    names |= {"up": "up.kernel", "down": "down.kernel", "up_bias": "up.bias", "out_bias": "attention.out.bias"}
    names |= {"down_bias": "down.bias", "query_bias": "attention.query.bias"}
    blocks = {name: found[f"blocks.0.{path}"] for name, path in names.items()}
    return {name: found[path] for name, path in short.items()} | blocks | {"unembed_bias": found["unembed.bias"]}


@pytest.mark.parametrize("init", ["pytorch", "linear"])
def test_pytorchs_initialization_fills_pytorchs_bounds(init):
    found = drawn(init=init)
    bounds = {"attention": BOUNDS[init], "key": BOUNDS[init], "out": D**-0.5, "up": D**-0.5, "unembed": D**-0.5, "down": H**-0.5}
    bounds |= {"up_bias": D**-0.5, "down_bias": H**-0.5, "unembed_bias": D**-0.5}
    for name, bound in bounds.items():
        assert 0.9 * bound < np.max(np.abs(found[name])) <= bound * (1 + 1e-6), name
        assert np.var(found[name]) == pytest.approx(bound**2 / 3, rel=0.3 if "bias" in name else 0.05), name
    for name in ("query_bias", "out_bias"):
        assert np.any(found[name]) == (init == "linear"), name
    assert np.std(found["tokens"]) == pytest.approx(1, rel=0.03)
    assert np.std(found["places"]) == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("init", STD)
def test_normal_initializations_have_their_papers_standard_deviations(init):
    found = drawn(init=init)
    for name, std in STD[init].items():
        assert np.std(found[name]) == pytest.approx(std, rel=0.04), name
        assert np.mean(found[name] ** 4) / np.mean(found[name] ** 2) ** 2 == pytest.approx(3, rel=0.15), name
    assert not any(np.any(array) for name, array in found.items() if "bias" in name)


def test_the_standard_deviation_of_normal_can_be_chosen():
    assert np.std(drawn(init="normal", init_std=0.3)["down"]) == pytest.approx(0.3, rel=0.03)


@pytest.mark.parametrize("init", ["pytorch", "nanda"])
def test_the_scale_multiplies_all_that_is_drawn_and_no_gain(init):
    one, four = (arrays(made(norm="pre", bias=True, init=init, init_scale=scale)) for scale in (1.0, 4.0))
    for name in one:
        factor = 1 if "norm" in name else 4
        np.testing.assert_allclose(four[name], factor * one[name], rtol=1e-6, err_msg=name)
    assert {tuple(one[name]) for name in one if name.endswith("scale")} == {(1.0,) * 12}
