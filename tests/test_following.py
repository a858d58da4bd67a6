"""A run that is followed while it is written stands, at each look, where its rows so far say."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.records.live import Followed

VALUES = st.sampled_from([None, 0.3, 0.98, 0.99, 1.0])
ROWS = st.lists(st.tuples(VALUES, VALUES, st.booleans()), max_size=12)


def expected(rows):
    """The milestones by their definitions, each a search through all rows."""
    train = [(row["step"], row["train/accuracy"]) for row in rows if row["train/accuracy"] is not None]
    test = [(row["step"], row["test/accuracy"]) for row in rows if row["test/accuracy"] is not None]
    fitted = [step for step, value in train if value == 1]
    grokked = [step for step, _ in test if all(value >= 0.99 for later, value in test if later >= step)]
    last = [pairs[-1][1] if pairs else None for pairs in (train, test)]
    return [rows[-1]["step"] if rows else None, *last, min(fitted, default=None), min(grokked, default=None)]


def stands(outcome):
    return [outcome.step, outcome.train, outcome.test, outcome.fitted, outcome.grokked]


@given(ROWS)
def test_every_look_knows_all_rows_so_far(drawn):
    with tempfile.TemporaryDirectory() as folder:
        file, rows = Path(folder) / "metrics.jsonl", []
        followed = Followed(file, "accuracy")
        assert stands(followed.look()) == [None] * 5, "there is no file yet"
        for number, (train, test, looks) in enumerate(drawn):
            rows.append({"step": 10 * number, "train/accuracy": train, "test/accuracy": test})
            with open(file, "a") as end:
                end.write(json.dumps(rows[-1]) + "\n")
            if looks:
                assert stands(followed.look()) == expected(rows)
        assert stands(followed.look()) == expected(rows)


def row(step, value):
    return json.dumps({"step": step, "train/accuracy": value, "test/accuracy": value}) + "\n"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(row(0, 1.0) + row(1, 1.0))
    return tmp_path / "metrics.jsonl"


def test_a_file_that_is_cut_back_or_written_anew_is_read_from_its_beginning(file):
    followed = Followed(file, "accuracy")
    assert stands(followed.look()) == [1, 1.0, 1.0, 0, 0]
    file.write_text(row(0, 0.5))
    assert stands(followed.look()) == [0, 0.5, 0.5, None, None]
    (file.parent / "new").write_text(row(0, 0.25) + row(5, 1.0))
    (file.parent / "new").replace(file)
    assert stands(followed.look()) == [5, 1.0, 1.0, 5, 5]


def test_what_is_torn_or_damaged_waits(file):
    followed = Followed(file, "accuracy")
    followed.look()
    line = row(2, 0.5)
    with open(file, "a") as end:
        end.write(line[:9])
    assert followed.look().step == 1
    with open(file, "a") as end:
        end.write(line[9:] + "[]\n" + row(3, 1.0))
    assert stands(followed.look()) == [2, 0.5, 0.5, 0, None], "up to the line that is no row"
