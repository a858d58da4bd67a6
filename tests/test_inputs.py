"""Inputs of every kind: what a task says of them, how they are cut, who takes them, and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import Experiment, Regression, Sizes, Split, Splits, Task, build
from framework.config import experiment, select
from framework.errors import FieldError, UserError
from framework.interfaces import Model
from framework.testing import check
from framework.testing.made_up import MadeUp
from framework.testing.subject import Subject
from framework.training import METRICS, Event
from framework.training.devices import Spread
from framework.training.examples.batches import Batches
from framework.training.examples.checks import check_splits
from framework.training.network import Divided, split
from tests.helpers import QUIET

pytestmark = pytest.mark.usefixtures("quick_compilation")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line(Regression):
    """y = (a, −a) at a = 0 … 9."""

    @property
    def sizes(self):
        return Sizes(shape=(1,), outputs=2)

    def population(self):
        a = jnp.arange(10.0)[:, None]
        return Split(a, jnp.concatenate([a, -a], axis=1))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs(Task):
    """Pairs of numbers, three outputs; targets are values, although it is no Regression."""

    @property
    def sizes(self):
        return Sizes(shape=(2,), outputs=3)

    def population(self):
        return Split(jnp.arange(8.0).reshape(4, 2), jnp.arange(12.0).reshape(4, 3))


def made(task, model="mlp", probes=(), **fields):
    """Three steps of gradient descent at most."""
    model = select(model, **({"width": "4"} if model in ("mlp", "quadratic") else {}))
    optimizer, probes = select("gd", learning_rate=0.1), {name: select(name) for name in probes}
    config = experiment(task=select("modular_addition", p=5), model=model, optimizer=optimizer, probes=probes, steps=3, recording=QUIET)
    return dataclasses.replace(Experiment.from_config(config), task=dataclasses.replace(task, **fields))


@pytest.mark.parametrize(
    ("sizes", "kind", "said", "variables"),
    [
        (Sizes(tokens=2, values=5, outputs=5), "tokens", "tokens [2]", {"p": 5, "k": 2, "d": 10, "outputs": 5}),
        (Sizes(shape=(7,), outputs=3), "values", "values [7]", {"p": 7, "k": 1, "d": 7, "outputs": 3}),
        (Sizes(shape=(8, 8, 1), outputs=10), "images", "images [8, 8, 1]", {"p": 64, "k": 1, "d": 64, "outputs": 10}),
        (Sizes(shape=(4, 2)), "arrays", "arrays [4, 2]", {"p": 8, "k": 1, "d": 8, "outputs": 1}),
        (Sizes(shape={"a": (2,), "b": (3, 2)}), "arrays", "arrays a [2], b [3, 2]", {"p": 8, "k": 1, "d": 8, "outputs": 1}),
    ],
)
def test_sizes_say_what_an_input_is(sizes, kind, said, variables):
    assert (sizes.kind, str(sizes), sizes.variables) == (kind, said, variables)


@pytest.mark.parametrize("kind", ["values", "images", "arrays"])
def test_the_batches_of_an_epoch_are_rows_of_every_array(kind):
    whole = MadeUp(kind=kind).population()
    batches = Batches.of(MadeUp(kind=kind, batch_size="4"), whole)
    rng = jax.random.key(3)
    order = np.asarray(batches.order(rng, jnp.int32(0)))
    assert sorted(order) == list(range(12))
    for step in range(3):
        batch, rows = batches.take(whole, order, rng, jnp.int32(step)), order[4 * step : 4 * step + 4]
        assert len(batch) == 4
        for found, array in zip(jax.tree.leaves(batch), jax.tree.leaves(whole), strict=True):
            np.testing.assert_array_equal(found, np.asarray(array)[rows])


@pytest.mark.parametrize("kind", ["values", "images", "arrays"])
def test_the_mlp_reads_numbers_in_a_row(kind):
    task = MadeUp(kind=kind)
    net, inputs = build("model", "mlp", width=5, depth=2).build(task, rngs=nnx.Rngs(0)), task.population().inputs
    arrays = [inputs[name] for name in ("image", "place")] if kind == "arrays" else [inputs]
    x = np.concatenate([np.asarray(array, np.float64).reshape(12, -1) for array in arrays], axis=1)
    W, H, V = (np.asarray(weights[...], np.float64) for weights in (net.W, net.hidden_maps[0], net.V))
    b = [np.asarray(net.biases[str(layer)][...], np.float64) for layer in range(3)]
    assert W.shape == (1, x.shape[1], 5)
    expected = np.maximum(np.maximum(x @ W[0] + b[0], 0) @ H + b[1], 0) @ V + b[2]
    np.testing.assert_allclose(net(inputs), expected, rtol=1e-5, atol=1e-6)


def test_numbers_are_not_embedded():
    with pytest.raises(FieldError, match=r"embedding = 'summed': must be one_hot for values \[6\]"):
        build("model", "mlp", embedding="summed").build(MadeUp(), rngs=nnx.Rngs(0))


@pytest.mark.slow
def test_a_dict_of_arrays_is_learned_in_batches_and_measured_by_probes():
    run = made(MadeUp(kind="arrays"), probes=("norms", "margins", "laziness", "sharpness", "grokking"), train_size="75%", batch_size="3")
    run.notices()
    state, diverged = run.advance(run.initial_state(), 3)
    assert diverged == -1 and len(run.splits.train) == 9
    values, _ = run.measure(state, Event(3, (METRICS, *run.probes), (), last=False))
    outputs, labels = np.asarray(run.module(state)(run.splits.test.inputs), np.float64), np.asarray(run.splits.test.targets)
    assert values["test/accuracy"] == np.mean(outputs.argmax(axis=1) == labels)
    right = outputs[np.arange(3), labels]
    wrong = np.where(np.arange(3) == labels[:, None], -np.inf, outputs).max(axis=1)
    np.testing.assert_allclose(values["margins/test_min"], np.min(right - wrong), rtol=1e-4, atol=1e-6)


def test_an_answer_near_its_target_is_right():
    task = Line(tolerance=0.25)
    splits = task.splits(0)
    targets = np.asarray(splits.population.targets, np.float64)
    spread = np.sqrt(np.mean(np.sum((targets - targets.mean(axis=0)) ** 2, axis=1)))
    away = np.linspace(0, 2, 10)  # from 0 to above the tolerance
    found = task.metrics(lambda x: jnp.concatenate([x + jnp.asarray(away)[x[:, 0].astype(int)][:, None], -x], axis=1), splits)
    near = away <= 0.25 * spread
    assert 1 < near.sum() < 9
    for name, one in splits:
        numbers = np.asarray(one.inputs)[:, 0].astype(int)
        np.testing.assert_allclose(found[f"{name}/accuracy"], np.mean(near[numbers]), rtol=1e-6)
        np.testing.assert_allclose(found[f"{name}/loss"], np.mean(away[numbers] ** 2 / 2), rtol=1e-5)


def test_values_are_learned():
    run = made(Line(), probes=("norms", "laziness"))
    run.notices()
    state = run.initial_state()
    before, state = run.measure(state, Event(0, (METRICS,), (), last=False))
    after, _ = run.measure(run.advance(state, 3)[0], Event(3, (METRICS, "laziness"), (), last=False))
    assert after["train/loss"] != before["train/loss"] and np.isfinite(after["laziness/train_error"])


class Sums(nnx.Module):
    """Sums of the numbers of each example, as one output."""

    def __call__(self, inputs):
        return sum(array.reshape(len(array), -1).sum(axis=1, keepdims=True) for array in jax.tree.leaves(inputs))


class Three(Spread):
    """Three devices that are one; refuses what it could not divide."""

    shares = 3

    def rows(self, inputs):
        assert all(len(array) % 3 == 0 for array in jax.tree.leaves(inputs))
        return inputs

    def whole(self, array):
        return array


def test_examples_of_several_arrays_are_divided_among_devices():
    inputs = {"a": jnp.arange(20.0).reshape(10, 2), "b": jnp.arange(60.0).reshape(10, 3, 2)}
    expected = np.arange(20.0).reshape(10, -1).sum(axis=1) + np.arange(60.0).reshape(10, -1).sum(axis=1)
    for count in (9, 10):
        part = jax.tree.map(lambda array, count=count: array[:count], inputs)
        np.testing.assert_array_equal(Divided(Sums(), object.__new__(Three))(part)[:, 0], expected[:count])


@pytest.mark.parametrize(
    ("task", "model", "probes", "said"),
    [
        (
            MadeUp(kind="images"),
            "quadratic",
            (),
            r"model.name = 'quadratic': takes tokens, not the images \[8, 8, 1\] of task.name = 'MadeUp'",
        ),
        (MadeUp(kind="images"), "quadratic", (), r"models that take images: .*mlp.*; tasks of tokens: .*modular_addition"),
        (MadeUp(), "kernel", (), r"model.inner.name = 'quadratic': takes tokens, not the values \[6\]"),
        (
            MadeUp(),
            "mlp",
            ("fourier",),
            r"probes.fourier.name = 'fourier': looks at tokens, not the values \[6\].*; probes that fit: .*norms",
        ),
        (
            Line(),
            "mlp",
            ("margins",),
            r"probes.margins.name = 'margins': needs targets that are labels, and those of task.name = 'Line' are values",
        ),
        (Line(), "mlp", ("norms", "margins"), r"probes that fit: .*grokking, kernel_regression, laziness, norms, ntk_drift"),
    ],
)
def test_a_pair_that_does_not_fit_is_refused_in_a_sentence(task, model, probes, said):
    with pytest.raises(FieldError, match=said) as error:
        made(task, model, probes).notices()
    assert "\n" not in str(error.value)


def test_a_model_is_refused_before_it_is_built():
    with pytest.raises(FieldError, match="model.name = 'quadratic'"):
        made(MadeUp(), "quadratic").initial_state()


def test_labels_cannot_be_replaced_where_there_are_none():
    with pytest.raises(FieldError, match="random_labels = 0.5: must be 0 where targets are values"):
        Pairs(loss="square", random_labels=0.5).splits(0)
    with pytest.raises(FieldError, match="label_noise = 0.5: must be 0 where targets are values"):
        Batches.of(Pairs(loss="square", label_noise=0.5), Pairs().population())


def whole(inputs, targets):
    return Splits(Split(inputs, targets), Split(inputs[:0], targets[:0]), Split(inputs, targets))


@pytest.mark.parametrize(
    ("inputs", "targets", "said"),
    [
        (np.array([[0.0, 1.0], [2.0, np.nan]]), np.array([0, 1]), "task: input nan in row 1 of the train split is not finite"),
        (np.zeros((2, 2)), np.array([[0.0], [np.inf]]), "task: target inf in row 1 of the train split is not finite"),
        (np.zeros((2, 2)), np.array([0, 3]), "task: target 3 in row 1 of the train split is outside 0 … 2"),
        (np.zeros((2, 3)), np.array([0, 1]), r"task: an input of the train split has the shape \(3,\); its sizes say \(2,\)"),
        (np.zeros((2, 2)), np.array([0, 1, 2]), r"task: targets of the train split are \[3\]; it has 2 examples"),
    ],
)
def test_examples_that_are_not_what_the_sizes_say_are_found(inputs, targets, said):
    with pytest.raises(UserError, match=said):
        check_splits(whole(inputs, targets), Pairs())


class Normalized(nnx.Module):
    """One linear map of normalized values."""

    def __init__(self, rngs):
        kind = {"param_dtype": jnp.result_type(float), "rngs": rngs}
        self.norm, self.map = nnx.BatchNorm(6, momentum=0.9, **kind), nnx.Linear(6, 3, **kind)

    def __call__(self, inputs):
        return self.map(self.norm(inputs))


@dataclasses.dataclass(frozen=True, kw_only=True)
class NormalizedModel(Model):
    """A network with statistics of batches (Ioffe and Szegedy 2015)."""

    inputs = ("values",)

    def build(self, task, *, rngs):
        return Normalized(rngs)


def test_statistics_of_batches_are_as_precise_as_the_run():
    """Flax makes them float32, and would round them to that at every step."""
    run = dataclasses.replace(made(MadeUp(), train_size="100%"), model=NormalizedModel())
    double = dataclasses.replace(run, numerics=dataclasses.replace(run.numerics, precision="float64"))
    for one, dtype in ((run, np.float32), (double, np.float64)):
        state, _ = one.advance(one.initial_state(), 3)
        mean, var = (np.asarray(state.variables["norm"][name]) for name in ("mean", "var"))
        x = np.asarray(one.splits.train.inputs, np.float64)
        kept = 0.9**3
        assert mean.dtype == var.dtype == dtype
        np.testing.assert_allclose(mean, (1 - kept) * x.mean(axis=0), rtol=1e-12 if dtype == np.float64 else 1e-4)
        np.testing.assert_allclose(var, kept + (1 - kept) * x.var(axis=0), rtol=1e-12 if dtype == np.float64 else 1e-4)


def test_a_network_is_split_as_it_is_where_nothing_is_to_be_made_more_precise():
    net = Normalized(nnx.Rngs(0))
    before = jax.tree.leaves(nnx.to_pure_dict(nnx.state(net, nnx.BatchStat)))
    _, _, variables = split(net)
    assert all(one is other for one, other in zip(before, jax.tree.leaves(variables), strict=True))


@pytest.mark.slow
def test_a_model_that_takes_no_tokens_is_checked_on_numbers():
    assert Subject(NormalizedModel()).experiment.task.sizes.kind == "values"
    check(NormalizedModel())
