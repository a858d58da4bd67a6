"""The story of a run in words: each sentence from rows whose numbers are written down here."""

import numpy as np
import pytest

from framework import Run, load_run, train
from framework.config import select, to_dict
from framework.evidence.report import write_report
from framework.evidence.report.of_run import films
from framework.evidence.report.story import key_numbers, story
from framework.storage import write_json
from framework.training import Experiment
from tests.small_runs import small_config

pytestmark = pytest.mark.slow  # the plugins of a whole experiment are imported
PROBES = ("laziness", "margins", "ntk_drift", "fourier")


@pytest.fixture(scope="module")
def measured():
    return Experiment.from_config(small_config({name: select(name) for name in PROBES}))


@pytest.fixture(scope="module")
def plain():
    return Experiment.from_config(small_config({}))


def rows(*test, **last):
    """Rows at steps 0, 10, 100, …: fitted from step 10 on; the columns of `last` in the last two."""
    found = [{"step": 10**i if i else 0, "train/accuracy": 1.0 if i else 0.5, "test/accuracy": value} for i, value in enumerate(test)]
    for row in found[-2:]:
        row |= {name.replace("__", "/"): value for name, value in last.items()}
    return found


def test_a_run_that_grokked_late_says_so_with_its_delay(plain):
    run = Run(plain, rows(0.1, 0.2, 0.3, 1.0, train__loss=0.5))
    said = " ".join(story(run))
    assert "answered all of its 34 training examples for the first time at step 10" in said  # 70 % of 49
    assert "0.99 or above from step 1,000 on: it had grokked. That is 100 times as many steps as it took to fit" in said
    assert "At its last row, of step 1,000: train accuracy 1, test accuracy 1, train loss 0.5." in said
    assert key_numbers(run)[:3] == [("fitted", "step 10"), ("grokked", "step 1,000"), ("delay", "100 ×")]


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        ((0.1, 0.2, 0.3), "It has not grokked by step 100"),
        ((0.1, 1.0, 1.0), "It generalized about when it fitted"),
        ((0.1,), "By step 0 the network has not answered all of its 34 training examples"),
    ],
)
def test_other_endings_have_other_words(plain, test, sentence):
    assert sentence in " ".join(story(Run(plain, rows(*test))))


def test_a_run_without_rows_says_that(plain):
    assert story(Run(plain, [])) == ["This run has no rows yet."]


@pytest.mark.parametrize(("error", "verdict"), [(0.5, "training was not lazy"), (0.02, "training was lazy until then")])
def test_probes_say_what_they_found(measured, error, verdict):
    last = {"laziness__moved": 0.25, "laziness__train_error": error, "ntk_drift__relative": 1.5, "fourier__frequencies": 3.0}
    last |= {"margins__train_min_l2d": 0.02, "margins__test_min_l2d": 0.01, "margins__known_max_l2d": 0.04, "fourier__explained": 0.9}
    said = " ".join(story(Run(measured, rows(0.1, 0.2, 1.0, **last))))
    assert f"had moved by 25 % of their size, and the network linearized at step 0 missed {100 * error:g} %" in said and verdict in said
    assert "is 0.01: 25 % of γ* = 0.04, the largest that is possible" in said
    assert "Its tangent kernel had moved by 150 % of its size when it had fitted and by 150 % of its size at the end" in said
    assert "its neurons use 3 frequencies" in said and "explains 90 % of the variance" in said
    assert "Not measured" not in said


def test_what_no_probe_measured_is_named(plain):
    said = story(Run(plain, rows(0.1, 1.0)))[-1]
    assert said.startswith("Not measured in this run: ") and "whether training was lazy (probe laziness)" in said


def test_a_run_that_has_only_begun_has_a_page(tmp_path):
    """A config, and nothing else yet."""
    (tmp_path / "run").mkdir()
    write_json(tmp_path / "run" / "config.json", to_dict(small_config({"norms": select("norms")})))
    text = write_report([tmp_path / "run"], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "This run has no rows yet." in text and "whygrok run --config=config.json --workdir=runs/run-again" in text


def test_a_damaged_checkpoint_is_left_out_of_the_films(tmp_path):
    train(small_config({}, steps=8, checkpoint={"every_steps": 2, "keep": 9}), tmp_path / "run")
    run = load_run(tmp_path / "run")
    whole = [sorted(film.frames) for film in films(run)]
    assert whole == [[0, 2, 4, 6, 8]] * 2  # W and V
    for file in (tmp_path / "run" / "checkpoints" / "4").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    assert [sorted(film.frames) for film in films(load_run(tmp_path / "run"))] == [[0, 2, 6, 8]] * 2


def test_states_of_another_size_are_left_out_of_the_films(plain, tmp_path, monkeypatch):
    sizes = {0: (3, 5), 1: (3, 5), 2: (5, 3), 3: (15,), 4: (3, 5)}
    monkeypatch.setattr(Run, "steps", property(lambda run: list(sizes)))
    leaves = {
        step: {"params.W": np.ones(size), "params.empty": np.ones((2, 0, 3)), **({"params.V": np.ones(size)} if step else {})}
        for step, size in sizes.items()
    }
    monkeypatch.setattr(Run, "leaves", lambda run, step: leaves[step])
    assert [sorted(film.frames) for film in films(Run(plain, rows(0.1), tmp_path))] == [[0, 1, 4], [1, 4]]
