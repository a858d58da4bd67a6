"""Interventions that look into a network or its data: right after them, against NumPy on the arrays before."""

import dataclasses

import numpy as np
import pytest

from framework import Experiment, train
from framework.config import experiment, select
from framework.errors import UserError
from framework.training import named_leaves

pytestmark = pytest.mark.usefixtures("clean_registry")
P = 7


def made(name, task=None, model=None, **fields):
    return Experiment.from_config(
        experiment(
            task=task or select("modular_addition", p=P, k=2),
            model=model or select("quadratic", width="8"),
            optimizer=select("adamw"),
            interventions={"x": select(name, schedule="at 0", **fields)},
            recording={"tensorboard": False, "progress": False, "plot": False},
        )
    )


def applied(name, **parts):
    """(arrays before, arrays after, what was recorded), by name."""
    built = made(name, **parts)
    for notice in built.interventions["x"].notices(built):
        raise AssertionError(notice)
    start = built.initial_state()
    values, end = built.change(start, ["x"])
    assert {leaf: array.dtype for leaf, array in named_leaves(start).items()} == {n: a.dtype for n, a in named_leaves(end).items()}
    return named_leaves(start), named_leaves(end), values


def waves(frequencies, p=P):
    """The projection on cos 2πfn/p and sin 2πfn/p, float64 [p, p], from its definition."""
    n = np.arange(p)
    rows = [
        row for f in frequencies for row in ([np.ones(p)] if f == 0 else [np.cos(2 * np.pi * f * n / p), np.sin(2 * np.pi * f * n / p)])
    ]
    basis = np.array([row / np.linalg.norm(row) for row in rows])
    return basis.T @ basis


@pytest.mark.parametrize(("mode", "left"), [("keep", (0, 1, 3)), ("remove", (0, 2))])
def test_frequencies_of_the_embedding_are_projected_on_their_waves(mode, left):
    old, new, said = applied("frequencies", mode=mode, frequencies=(1, 3))
    np.testing.assert_allclose(new["params.W"], np.einsum("ab,kbh->kah", waves(left), old["params.W"]), atol=1e-6)
    np.testing.assert_array_equal(new["params.V"], old["params.V"])
    assert list(said["x/frequencies"]) == [1, 3]


def test_where_no_frequency_is_named_the_strongest_are_kept():
    old, new, said = applied("frequencies", count=1, leaves="V", axis=-1)
    power = [np.sum((old["params.V"] @ waves([f])) ** 2) for f in (1, 2, 3)]
    best = 1 + int(np.argmax(power))
    assert list(said["x/frequencies"]) == [best]
    np.testing.assert_allclose(new["params.V"], old["params.V"] @ waves([0, best]), atol=1e-6)


def test_of_a_product_the_logarithms_have_frequencies_and_the_token_0_stays():
    """3 generates the residues mod 7: token 3^x at place x."""
    old, new, _ = applied("frequencies", frequencies=(2,), task=select("modular_multiplication", p=P, k=2))
    order = [pow(3, x, P) for x in range(P - 1)]
    np.testing.assert_array_equal(new["params.W"][:, 0], old["params.W"][:, 0])
    seen = np.einsum("ab,kbh->kah", waves((0, 2), P - 1), old["params.W"][:, order])
    np.testing.assert_allclose(new["params.W"][:, order], seen, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "gone"),
    [
        ({"indices": (1, 6)}, lambda norms: {1, 6}),
        ({"indices": (1, 6), "mode": "keep"}, lambda norms: set(range(8)) - {1, 6}),
        ({"count": 3}, lambda norms: set(np.argsort(norms)[-3:])),
        ({"count": 5, "mode": "keep"}, lambda norms: set(np.argsort(norms)[:3])),
        ({"count": 2, "by": "smallest"}, lambda norms: set(np.argsort(norms)[:2])),
    ],
)
def test_neurons_that_are_taken_away_are_zero_on_both_sides(fields, gone):
    old, new, said = applied("neurons", **fields)
    norms = np.sqrt((old["params.W"].astype(float) ** 2).sum((0, 1)) + (old["params.V"].astype(float) ** 2).sum(1))
    zero = gone(norms)
    alive = np.array([neuron not in zero for neuron in range(8)])
    np.testing.assert_array_equal(new["params.W"], old["params.W"] * alive)
    np.testing.assert_array_equal(new["params.V"], old["params.V"] * alive[:, None])
    assert set(said["x/neurons"]) == zero


@pytest.mark.parametrize("mode", ["keep", "remove"])
def test_singular_directions_are_those_of_the_matrix_that_a_tensor_is(mode):
    old, new, said = applied("singular_directions", mode=mode, count=2)
    for number, name in enumerate(("params.V", "params.W")):
        matrix = old[name].reshape(-1, old[name].shape[-1]).astype(float)
        values, vectors = np.linalg.eigh(matrix.T @ matrix)  # another way to them: the right ones are eigenvectors
        part = matrix @ vectors[:, -2:] @ vectors[:, -2:].T
        np.testing.assert_allclose(new[name].reshape(matrix.shape), part if mode == "keep" else matrix - part, atol=1e-5)
        assert said["x/share"][number] == pytest.approx(values[-2:].sum() / values.sum(), rel=1e-6)


def test_a_share_of_the_labels_becomes_random_and_share_0_makes_all_right_again():
    task = select("modular_addition", p=P, k=2, random_labels=0.5)
    old, new, _ = applied("labels", task=task, share=0.0)
    right = old["data.0.inputs"].sum(1) % P
    assert np.any(old["data.0.targets"] != right)
    np.testing.assert_array_equal(new["data.0.targets"], right)
    old, new, said = applied("labels", share=0.5)
    wrong = np.sum(new["data.0.targets"] != old["data.0.targets"])
    assert 0 < wrong <= round(len(right) / 2) and said["x/examples"] == wrong
    assert applied("labels", share=0.5)[1]["data.0.targets"].tobytes() == new["data.0.targets"].tobytes()


def test_another_sample_is_that_of_a_run_with_its_seed():
    _, new, said = applied("sample", seed=5)
    splits = made("sample").task.splits(5)
    for number, split in enumerate((splits.train, splits.test)):
        np.testing.assert_array_equal(new[f"data.{number}.inputs"], split.inputs)
        np.testing.assert_array_equal(new[f"data.{number}.targets"], split.targets)
    assert said["x/examples"] > 0


@pytest.fixture
def other(tmp_path):
    """Another run, of another task and optimizer, whose W has the same shape."""
    parts = made("scale", task=select("modular_subtraction", p=P)).config.to_dict() | {"seed": 3, "steps": 0, "interventions": {}}
    return train(experiment(**parts), tmp_path / "other")


def test_a_transplant_brings_what_is_named_and_nothing_else(other):
    old, new, _ = applied("transplant", source=f"{other.path}@0", leaves="W")
    np.testing.assert_array_equal(new["params.W"], other.params(0)["W"])
    np.testing.assert_array_equal(new["params.V"], old["params.V"])


REFUSED = {
    "transplant of another shape": (
        {"name": "transplant", "source": "OTHER", "model": select("quadratic", width="9")},
        "source = 'OTHER': the parameter V has the shape [8, 7] there and [9, 7] here",
    ),
    "transplant of what is not there": (
        {"name": "transplant", "source": "OTHER", "leaves": "b", "model": select("linear")},
        "no parameter 'b'",
    ),
    "transplant from nowhere": ({"name": "transplant"}, "source = '': name a run"),
    "frequency too high": ({"name": "frequencies", "frequencies": (4,)}, "frequencies = 4: the frequencies of this task are 0 … 3"),
    "axis of something else": ({"name": "frequencies", "leaves": "V", "axis": -3}, "V of shape [8, 7] has no axis -3 of 7 tokens"),
    "neuron too high": ({"name": "neurons", "indices": (8,)}, "indices = 8: the neurons of this layer are 0 … 7"),
    "no neurons": ({"name": "neurons", "model": select("linear")}, "parameters with an axis of neurons in this model: none"),
    "several layers": ({"name": "neurons", "model": select("mlp", width="8", depth=2)}, "name the parameters of one"),
    "a vector": ({"name": "singular_directions", "leaves": "b", "model": select("linear")}, "leaves = 'b': this parameter of shape [7]"),
    "replacement": ({"name": "sample", "task": select("modular_addition", p=P, replacement=True)}, "seed = 1: the sample is drawn with"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_named(case, other):
    parts, said = REFUSED[case]
    parts = {key: str(other.path) if value == "OTHER" else value for key, value in parts.items()}
    with pytest.raises(UserError) as error:
        applied(**parts)
    assert said.replace("OTHER", str(other.path)) in str(error.value)


def test_what_an_intervention_does_not_say_that_it_changes_it_may_not_change():
    built = made("scale")

    class Sly(type(built.interventions["x"])):
        changes = ("variables",)

    sly = dataclasses.replace(built, interventions={"x": Sly()})
    with pytest.raises(UserError, match="intervention x: apply changed params: name it on the class"):
        sly.change(sly.initial_state(), ["x"])
