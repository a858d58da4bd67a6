"""Which examples a step sees: epochs, draws, noise, and that a cut changes none of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import Experiment, build, train
from framework.config import override
from framework.errors import FieldError, UserError
from framework.training.examples.batches import Batches
from tests.helpers import assert_same_run, tiny

KEY = jax.random.key(3)


def policy(count=10, size=3, drawn=False, noise=0.0, outputs=5):
    return Batches(count, size, drawn, outputs, noise or None)


def examples(count=10, outputs=5):
    split = build("task", "modular_addition", p=outputs).population()
    return split.take(np.arange(count))


def rows_seen(batches, split, steps):
    """The rows of each step's batch."""
    every = [tuple(row) for row in np.asarray(split.inputs)]
    seen, order = [], batches.order(KEY, jnp.int32(0))
    for step in range(steps):
        order = batches.next_order(order, KEY, jnp.int32(step))
        batch = batches.take(split, order, KEY, jnp.int32(step))
        seen.append([every.index(tuple(row)) for row in np.asarray(batch.inputs)])
        np.testing.assert_array_equal(batch.targets, split.targets[np.array(seen[-1])])
    return seen


@pytest.mark.slow
def test_an_epoch_sees_each_example_at_most_once_and_epochs_differ():
    seen = rows_seen(policy(), examples(), 60)
    epochs = [sum(seen[first : first + 3], []) for first in range(0, 60, 3)]
    assert all(len(set(epoch)) == len(epoch) == 9 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 20
    counts = np.bincount(np.concatenate(epochs), minlength=10)
    assert np.all(abs(counts - 18) <= 5)  # each example waits in one epoch of ten


@pytest.mark.slow
def test_drawn_batches_repeat_examples():
    seen = rows_seen(policy(drawn=True), examples(), 200)
    assert any(len(set(batch)) < 3 for batch in seen)
    counts = np.bincount(np.concatenate(seen), minlength=10)
    assert np.all(abs(counts - 60) < 5 * np.sqrt(60))


def test_noise_replaces_a_share_of_the_labels_anew_at_every_step():
    split = examples(25)
    batches = policy(25, 25, noise=0.4)
    changed = np.array([np.asarray(batches.take(split, (), KEY, jnp.int32(t)).targets != split.targets) for t in range(400)])
    share = 0.4 * 4 / 5  # a uniform label is the right one in one of five cases
    assert abs(changed.mean() - share) < 5 * np.sqrt(share * (1 - share) / changed.size)
    assert np.all(changed.any(axis=0))


@pytest.mark.parametrize(
    "changes",
    [{"task.batch_size": "5"}, {"task.batch_size": "5", "task.batch_order": "drawn"}, {"task.label_noise": 0.5}],
    ids=lambda changes: "+".join(changes),
)
@pytest.mark.slow
def test_a_run_cut_in_the_middle_of_an_epoch_goes_on_with_the_examples_to_come(changes, tmp_path):
    """p = 5, half of the 25 pairs: 12 examples, two batches of five an epoch, and cuts at steps 3 and 8."""
    config = override(tiny(11), changes)
    train(config, tmp_path / "whole")
    for steps in (3, 8, 11):
        train(override(config, {"steps": steps}), tmp_path / "cut")
    assert_same_run(tmp_path / "cut", tmp_path / "whole")
    assert train(tiny(11)).params()["V"].tobytes() != train(config).params()["V"].tobytes()


@pytest.mark.slow
def test_a_batch_step_is_the_step_on_those_examples():
    config = override(tiny(1), {"task.batch_size": "5", "optimizer.name": "gd", "optimizer.learning_rate": 1.0})
    made = Experiment.from_config(config)
    state = made.initial_state()
    before, rng = jax.device_get(state.params), state.rng
    batches = Batches.of(made.task, made.splits.train)
    batch = batches.take(made.splits.train, batches.order(rng, jnp.int32(0)), rng, jnp.int32(0))
    gradient = jax.grad(lambda params: made.objective(params, {}, batch)[0])(before)
    state, _ = made.advance(state, 1)
    np.testing.assert_allclose(state.params["W"], before["W"] - gradient["W"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("size", "count"), [("5", 5), ("50%", 6), ("n/4", 3), ("2*p", 10), ("100%", 12)])
def test_batch_sizes_are_numbers_shares_and_formulas(size, count):
    task = build("task", "modular_addition", p=5, batch_size=size)
    assert Batches.of(task, task.splits(0).train).size == count


@pytest.mark.parametrize("size", ["0", "13", "q"])
def test_a_batch_that_does_not_fit_is_refused(size):
    with pytest.raises(FieldError, match=r"task.batch_size"):
        train(override(tiny(1), {"task.batch_size": size}))


def test_the_dense_regression_task_has_no_batches():
    with pytest.raises(UserError, match="task.batch_size: there is no such field"):
        tiny(task={"name": "modular_addition_regression", "p": 5, "batch_size": "5"})


def test_random_labels_are_drawn_once_for_the_training_sample_alone():
    clean, noisy = (build("task", "modular_addition", p=23, random_labels=share).splits(0) for share in (0.0, 0.35))
    changed = np.asarray(clean.train.targets != noisy.train.targets)
    assert abs(changed.mean() - 0.35 * 22 / 23) < 0.05
    np.testing.assert_array_equal(clean.train.inputs, noisy.train.inputs)
    for name in ("test", "population"):
        np.testing.assert_array_equal(getattr(clean, name).targets, getattr(noisy, name).targets)
    again = build("task", "modular_addition", p=23, random_labels=0.35).splits(0)
    np.testing.assert_array_equal(again.train.targets, noisy.train.targets)
