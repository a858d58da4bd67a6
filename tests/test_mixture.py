"""Several tasks in one run: inputs that say of which task they are, and losses and accuracies, in NumPy from their definitions."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import Experiment, build
from framework.config import experiment, select
from framework.errors import FieldError
from framework.testing.made_up import MadeUp
from framework.training.examples.batches import Batches
from plugins.losses.cross_entropy import CrossEntropy
from plugins.losses.square import Square
from plugins.tasks.mixture import Mixture
from plugins.tasks.modular_addition import ModularAddition, ModularSubtraction
from plugins.tasks.modular_multiplication import ModularMultiplication
from plugins.tasks.numbers.polynomial_regression import PolynomialRegression
from tests.helpers import QUIET

pytestmark = pytest.mark.usefixtures("clean_registry")

P = 5
PAIRS = np.array(list(itertools.product(range(P), repeat=2)))
SUM, PRODUCT = PAIRS.sum(axis=1) % P, PAIRS.prod(axis=1) % P


def two(share=0.3, **fields):
    """A sum with the square loss, 15 of 25 to train on, and a product with a weighted cross-entropy, 10 of 25."""
    first = ModularAddition(p=P, train_size="15", loss=Square())
    second = ModularMultiplication(p=P, train_size="10", loss=CrossEntropy(class_weights=(1.0, 2.0, 3.0, 4.0, 5.0)))
    return Mixture(first=first, second=second, share=share, **fields)


TABLE = np.random.default_rng(0).normal(size=(P + 2, P + 2, P + 2, P))  # outputs for three tokens


def answers(inputs):
    """A network: it looks its outputs up."""
    return jnp.asarray(TABLE)[inputs[:, 0], inputs[:, 1], inputs[:, 2]]


def losses_of(outputs, labels):
    """The two losses of each example, from their definitions."""
    square = np.mean((outputs - np.eye(P)[labels]) ** 2, axis=1)
    entropy = np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(len(labels)), labels]
    return square, (labels + 1) * entropy


@pytest.mark.parametrize(
    ("mark", "values", "inputs"),
    [
        ("added", P + 2, np.concatenate([np.c_[PAIRS, np.full(25, P)], np.c_[PAIRS, np.full(25, P + 1)]])),
        ("offset", 2 * P, np.concatenate([PAIRS, PAIRS + P])),
    ],
)
def test_an_input_says_of_which_task_it_is(mark, values, inputs):
    task = two(mark=mark)
    population = task.population()
    np.testing.assert_array_equal(population.inputs, inputs)
    np.testing.assert_array_equal(population.targets, np.concatenate([SUM, PRODUCT]))
    np.testing.assert_array_equal(population.task, np.repeat([0, 1], 25))
    assert population.inputs.dtype == population.targets.dtype == jnp.int32
    assert (task.sizes.tokens, task.sizes.values, task.sizes.outputs) == (inputs.shape[1], values, P)


@pytest.mark.parametrize("kind", ["values", "images"])
def test_numbers_are_marked_by_a_one_hot_vector(kind):
    task = Mixture(first=MadeUp(kind=kind), second=MadeUp(kind=kind))
    alone, inputs = np.asarray(MadeUp(kind=kind).population().inputs), np.asarray(task.population().inputs)
    assert task.sizes.shape == (*alone.shape[1:-1], alone.shape[-1] + 2) == inputs.shape[1:]
    np.testing.assert_array_equal(inputs[..., :-2], np.concatenate([alone, alone]))
    assert np.all(inputs[:12, ..., -2:] == [1, 0]) and np.all(inputs[12:, ..., -2:] == [0, 1])


def test_the_sample_of_a_task_is_the_one_that_it_has_alone():
    task = two()
    for seed in (0, 3):
        mixed = task.splits(seed)
        for number, one in enumerate((task.first, task.second)):
            for (_, split), (name, alone) in zip(mixed, one.splits(seed), strict=True):
                np.testing.assert_array_equal(split.one(number).inputs[:, :2], alone.inputs, err_msg=name)
                np.testing.assert_array_equal(split.one(number).targets, alone.targets, err_msg=name)


def judged(task, network, splits):
    """What the task says of the network, compiled at once."""
    return jax.jit(lambda splits: task.metrics(network, splits))(splits)


def expected_of(split, share):
    """Loss and accuracy of a split, and those of its two tasks."""
    inputs, labels, mine = (np.asarray(array) for array in (split.inputs, split.targets, split.task))
    outputs = TABLE[tuple(inputs.T)]
    (square, entropy), right = losses_of(outputs, labels), outputs.argmax(axis=1) == labels
    first, second = square[mine == 0].mean(), entropy[mine == 1].mean()
    return {
        "loss": share * first + (1 - share) * second,
        "accuracy": right.mean(),
        "loss/first": first,
        "accuracy/first": right[mine == 0].mean(),
        "loss/second": second,
        "accuracy/second": right[mine == 1].mean(),
    }


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_each_task_is_judged_by_its_own_loss_which_counts_its_share(share):
    task = two(share=share)
    splits = task.splits(1)
    found = judged(task, answers, splits)
    expected = {f"{name}/{key}": value for name, split in splits for key, value in expected_of(split, share).items()}
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert float(found[key]) == pytest.approx(value, rel=1e-5), key
    assert float(task.mean_loss(answers, splits.train)) == pytest.approx(expected["train/loss"], rel=1e-5)


def test_of_examples_that_say_nothing_both_losses_count():
    outputs = np.random.default_rng(1).normal(size=(6, P))
    square, entropy = losses_of(outputs, np.arange(6) % P)
    np.testing.assert_allclose(two(share=0.3).losses(jnp.asarray(outputs), jnp.arange(6) % P), 0.3 * square + 0.7 * entropy, rtol=1e-5)


@pytest.mark.parametrize("order", ["epochs", "drawn"])
def test_the_loss_of_batches_is_on_average_that_of_the_sample(order):
    """Exactly so over an epoch, in whose batches the tasks are mixed as chance has it; of batches that are drawn, nearly."""
    task = two(batch_size="5", batch_order=order)
    train = task.splits(0).train
    batches, rng = Batches.of(task, train), jax.random.key(0)

    def one(step):
        batch = batches.take(train, batches.order(rng, step), rng, step)
        return task.mean_loss(answers, batch), jnp.sum(batch.task == 0)

    losses, counts = map(np.asarray, jax.jit(jax.vmap(one))(jnp.arange(5 if order == "epochs" else 1000)))
    assert len(set(counts.tolist())) > 1
    spread = np.std(losses) / np.sqrt(len(losses))
    near = {"rel": 1e-5} if order == "epochs" else {"abs": 4 * spread}
    assert np.mean(losses) == pytest.approx(expected_of(train, 0.3)["loss"], **near)


def test_a_task_without_examples_in_a_split_has_no_numbers_there():
    task = Mixture(first=ModularAddition(p=P, train_size="100%", loss=Square()), second=two().second, share=0.3)
    splits = task.splits(0)
    found, test = judged(task, answers, splits), splits.test
    assert "test/accuracy/first" not in found and "train/accuracy/first" in found
    outputs = TABLE[tuple(np.asarray(test.inputs).T)]
    second = losses_of(outputs, np.asarray(test.targets))[1].mean()
    np.testing.assert_allclose([found["test/loss"], found["test/loss/second"]], [0.7 * second, second], rtol=1e-5)


def test_three_tasks_are_a_mixture_of_one_and_a_mixture():
    task = Mixture(first=ModularSubtraction(p=P), second=two(share=0.25), share=0.2)
    assert list(task.tasks) == ["first", "second.first", "second.second"]
    np.testing.assert_allclose(task.shares, [0.2, 0.8 * 0.25, 0.8 * 0.75])
    population = task.population()
    np.testing.assert_array_equal(population.inputs[:, 2], np.repeat([P, P + 1, P + 2], 25))
    np.testing.assert_array_equal(population.targets, np.concatenate([(PAIRS[:, 0] - PAIRS[:, 1]) % P, SUM, PRODUCT]))
    found = judged(task, lambda inputs: jax.nn.one_hot(jnp.zeros(len(inputs), int), P), task.splits(0))
    assert float(found["population/accuracy/second.second"]) == pytest.approx(np.mean(PRODUCT == 0))


def test_values_are_right_by_the_tolerance_and_the_spread_of_their_own_task():
    one, other = (PolynomialRegression(dimension=3, points=12, train_size="6", population_seed=seed, tolerance=0.5) for seed in (0, 1))
    answer = float(np.mean(np.asarray(one.population().targets)))
    task = Mixture(first=one, second=other)
    found = judged(task, lambda inputs: jnp.full((len(inputs), 1), answer), task.splits(0))
    for name, alone in (("first", one), ("second", other)):
        targets = np.asarray(alone.population().targets, float)
        right = np.abs(targets - answer) <= 0.5 * targets.std()
        assert 0 < right.sum() < 12
        assert float(found[f"population/accuracy/{name}"]) == pytest.approx(right.mean())
        assert float(found[f"population/loss/{name}"]) == pytest.approx(np.mean((targets - answer) ** 2), rel=1e-5)


ADDITION = select("modular_addition", p=P)
REFUSED = {
    "inputs of two shapes": (
        {"second": select("modular_addition", p=P, k=3)},
        "second.name = 'modular_addition': its inputs are tokens [3]",
    ),
    "inputs of two kinds": (
        {"second": select("hidden_parity")},
        "second.name = 'hidden_parity': its inputs are values [40], and those of first",
    ),
    "batches inside": (
        {"first": ADDITION | {"batch_size": 5}},
        "first.batch_size = '5': must be '100%' inside a mixture: set task.batch_size",
    ),
    "noise inside": ({"first": ADDITION | {"label_noise": 0.1}}, "first.label_noise = 0.1: must be 0.0 inside a mixture"),
    "a mark inside": (
        {"second": select("mixture", first=ADDITION, second=ADDITION, mark="offset")},
        "second.mark = 'offset': must be 'added' inside a mixture",
    ),
    "a logarithm of a mean": (
        {"first": ADDITION | {"loss": "log_cross_entropy"}},
        "first.loss.name = 'log_cross_entropy': what it minimizes",
    ),
    "counted tuples": (
        {"second": select("modular_addition_regression", p=P)},
        "second.name = 'modular_addition_regression': its loss is no",
    ),
    "an offset of numbers": (
        {"first": select("hidden_parity"), "second": select("hidden_parity"), "mark": "offset"},
        "mark = 'offset': must be 'added' for inputs that are values [40]",
    ),
    "labels and values": (
        {
            "first": select("hidden_parity", dimension=3, points=8),
            "second": select("polynomial_regression", dimension=3, points=8, train_size=4),
        },
        "second.name = 'polynomial_regression': its answers are values [1], and those of first are labels",
    ),
    "a loss of labels": (
        dict.fromkeys(("first", "second"), select("polynomial_regression", dimension=3, points=8, train_size=4, loss="hinge")),
        "first.loss.name = 'hinge': is a loss of labels, and the answers of first are values",
    ),
    "a sample that is too large": (
        {"second": select("modular_multiplication", p=P, train_size=26)},
        "second.train_size = '26': is 26 points",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_tasks_that_do_not_go_together_are_named(case):
    fields, said = REFUSED[case]
    with pytest.raises(FieldError) as error:
        build("task", "mixture", **{"first": ADDITION, "second": ADDITION} | fields).splits(0)
    assert said in str(error.value)


def test_arrays_of_several_kinds_have_no_mark():
    with pytest.raises(FieldError, match="a mixture marks tokens, values or images"):
        Mixture(first=MadeUp(kind="arrays"), second=MadeUp(kind="arrays"))


def test_class_weights_are_one_for_each_output_of_all():
    task = select("mixture", first=ADDITION | {"loss": select("square", class_weights=(1, 2))}, second=ADDITION)
    made = Experiment.from_config(experiment(task=task, model=select("linear"), optimizer=select("gd"), recording=QUIET))
    with pytest.raises(FieldError, match="task.first.loss.class_weights = .* must be 5 numbers"):
        made.notices()
