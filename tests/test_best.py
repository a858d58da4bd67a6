"""Ends that look back: patience, and the best state kept as RUN@best; both follow from the rows alone."""

import numpy as np
import pytest

from framework import Experiment, load_run, train
from framework.config import override
from framework.errors import FieldError, UserError
from framework.fields import check_condition
from framework.run import Best, Watch, run_and_step
from tests.changed_runs import plain
from tests.helpers import leaves

pytestmark = pytest.mark.usefixtures("clean_registry")

VALUES = [1.0, 3.0, 2.0, 3.0, 5.0, None, 4.0, 4.5]
ROWS = [{"step": 10 * n, "seconds": 0.1, "objective": 1.0, "test/accuracy": value, "test/loss": value} for n, value in enumerate(VALUES)]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("since_best(test/accuracy) > 10", [30, 60, 70]),  # the greatest at 10, again at 30, which is no better, then at 40
        ("since_best('test/accuracy') >= 20 and step > 30", [60, 70]),
        ('since_best( "-test/loss" ) >= 60', [60, 70]),  # the least at 0
        ("since_best(test/accuracy) + 1 < 2 for 2 events", [10]),
    ],
)
def test_since_best_counts_steps_since_a_column_was_greatest(text, holds):
    experiment = Experiment.from_config(plain(100, stop_when=text, events={"metrics": "every 10"}))
    watch, events = Watch(experiment), {event.step: event for event in experiment.events_after(-1)}
    assert [row["step"] for row in ROWS if watch.ends_at(events[row["step"]], row)] == holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("since_best(test/acuracy) > 3", "Did you mean 'test/accuracy'"),
        ("since_best() > 3", "since_best has one column in its parentheses"),
        ("since_best(a + b) > 3", "since_best has one column in its parentheses"),
        ("since_best(test/accuracy)", "this is a number, not a condition"),
    ],
)
def test_a_patience_that_cannot_be_read_is_refused(text, said, tmp_path):
    with pytest.raises(UserError) as error:
        train(plain(2, stop_when=text), tmp_path / "run")
    assert said in str(error.value) and not (tmp_path / "run").exists()


@pytest.mark.parametrize(("text", "step"), [("test/accuracy", 40), ("-test/loss", 0), ("test/accuracy - step / 10", 10), ("other/x", None)])
def test_the_best_row_is_the_first_of_the_greatest(text, step):
    assert Best(check_condition("x", text, number=True), ROWS).step == step


@pytest.mark.parametrize("text", ["test/accuracy > 1", "1 + 1", "test/accuracy for 3 events", "test/accuracy and step"])
def test_what_is_no_number_names_no_best(text):
    with pytest.raises(FieldError):
        check_condition("checkpoint.keep_best", text, number=True)


@pytest.mark.slow
def test_the_best_state_stays_and_is_called_best(tmp_path):
    """The loss of the training set falls at each step: the least of its negative is at step 0, long after two newer ones."""
    saving = {"every_steps": 1, "every_seconds": 0.0, "keep": 2}
    config = plain(6, checkpoint=saving | {"keep_best": "train/loss"}, events={"metrics": "every 1"})
    run = train(config, tmp_path / "run")
    losses = [row["train/loss"] for row in run.rows]
    best = int(np.argmax(losses))
    assert run_and_step(f"{run.path}@best") == (str(run.path), best) and run.steps == sorted({best, 5, 6})
    train(override(config, {"steps": 8}), tmp_path / "run")
    assert load_run(tmp_path / "run").steps == sorted({best, 7, 8})
    other = train(plain(8, checkpoint=saving, events={"metrics": "every 1"}), tmp_path / "other")
    assert leaves(tmp_path / "run", 8) == leaves(tmp_path / "other", 8)
    with pytest.raises(UserError, match="keeps no best state"):
        run_and_step(f"{other.path}@best")
