"""metrics.jsonl: standard JSON, every row once, readable while it is written."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from framework.errors import StorageError
from framework.records import read_lines
from framework.run import Recorder, RunDirectory, RunRecorder
from framework.run.rows import line_of, make_row, only_due

PROBES = ("norms", "spectrum")


@pytest.fixture
def directory(tmp_path):
    return RunDirectory(tmp_path)


def recorder_at(directory, step, due=None):
    """A recorder that has been rewound to a step."""
    made = RunRecorder(directory)
    made.rewind(step, due, PROBES)
    return made


def record(directory, steps, step=-1):
    made = recorder_at(directory, step)
    for number in steps:
        made.row(number, {"objective": number / 3, "norms/l2": 2.0, "spectrum/values": np.arange(3.0) + number})
    made.close()


def strict(text):
    """JSON by the letter: NaN, Infinity and the like are refused."""

    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_rows_are_standard_json_and_name_what_is_not_finite():
    values = {"a": np.float32("nan"), "b": jnp.inf, "c": -np.inf, "d": np.float64(1e300), "e": jnp.int32(3), "f": np.True_}
    row = strict(line_of(make_row(7, 0.25, values)))
    assert row == {
        "step": 7, "seconds": 0.25, "a": None, "b": None, "c": None, "d": 1e300, "e": 3, "f": True,
        "nonfinite": {"a": "nan", "b": "inf", "c": "-inf"},
    }  # fmt: skip
    assert type(row["e"]) is int


def test_float32_is_written_in_its_shortest_form_and_comes_back_to_the_bit():
    values = np.random.default_rng(0).standard_normal(500).astype(np.float32) * np.float32(10) ** np.arange(-30, 20, 0.1, np.float32)
    for value in [*values, np.float32(0.1), np.float32(1e-45), np.float32(16777216)]:
        (text,) = line_of(make_row(0, 0.0, {"x": value})).partition('"x": ')[2].split("}")[:1]
        assert np.float32(strict(text)).tobytes() == value.tobytes()
        assert len(text.replace(".0", "").lstrip("-")) <= len(np.format_float_scientific(value, unique=True, trim="-")) + 5
    assert '"x": 0.1}' in line_of(make_row(0, 0.0, {"x": jnp.float32(0.1)}))


def test_a_row_is_on_disk_as_soon_as_it_is_recorded(directory):
    made = recorder_at(directory, -1)
    for step in range(3):
        made.row(step, {"objective": 1.0})
        assert [row["step"] for row in read_lines(directory.metrics)[0]] == list(range(step + 1))
    made.close()


def test_a_living_reader_sees_whole_rows_only(directory):
    record(directory, [0, 1])
    whole = directory.metrics.read_bytes()
    next_line = line_of(make_row(2, 0.5, {"objective": 1.0})).encode()
    for cut in range(len(next_line) + 1):
        directory.metrics.write_bytes(whole + next_line[:cut])
        rows, torn = read_lines(directory.metrics)
        assert [row["step"] for row in rows] == ([0, 1, 2] if cut >= len(next_line) - 1 else [0, 1])
        assert torn == (0 < cut < len(next_line))


def test_a_torn_tail_never_swallows_the_next_row(directory, caplog):
    caplog.set_level("INFO", "whygrok")
    record(directory, [0, 1])
    with open(directory.metrics, "a") as file:
        file.write('{"step": 5, "tr')
    record(directory, [2], step=1)
    assert "a torn line was cut" in caplog.text
    assert [strict(line)["step"] for line in directory.metrics.read_text().splitlines()] == [0, 2]


def test_a_bad_line_in_the_middle_is_named(directory):
    directory.metrics.write_text('{"step": 0}\nnonsense\n{"step": 1}\n')
    with pytest.raises(StorageError, match=r"metrics.jsonl, line 2 is not JSON"):
        recorder_at(directory, 1)


@pytest.mark.parametrize(
    ("due", "columns"),
    [
        (("metrics", "norms"), {"step", "seconds", "objective", "train/loss", "norms/l2"}),
        (("norms",), {"step", "seconds", "norms/l2"}),
        (("metrics",), {"step", "seconds", "objective", "train/loss", "nonfinite"}),
    ],
)
def test_only_the_columns_of_what_is_due_stay_at_the_restored_step(due, columns):
    row = make_row(3, 0.5, {"objective": 1.0, "train/loss": np.nan, "norms/l2": 2.0})
    kept = only_due(row, due, {"norms"})
    assert kept.keys() - {"nonfinite"} == columns - {"nonfinite"}
    assert kept.get("nonfinite") == ({"train/loss": "nan"} if "metrics" in due else None)


def test_rows_and_arrays_after_the_restored_step_are_cut(directory):
    record(directory, [0, 2, 4, 6])
    recorder_at(directory, 4, due=("metrics", "norms", "spectrum")).close()
    assert [row["step"] for row in read_lines(directory.metrics)[0]] == [0, 2, 4]
    assert sorted(file.name for file in directory.arrays.iterdir()) == [f"{step:010d}.npz" for step in (0, 2, 4)]


def test_arrays_that_are_not_due_at_the_restored_step_are_cut(directory):
    record(directory, [0, 2])
    recorder_at(directory, 2, due=("metrics",)).close()
    rows, _ = read_lines(directory.metrics)
    assert rows[-1].keys() == {"step", "seconds", "objective"}
    assert [file.name for file in directory.arrays.iterdir()] == [f"{0:010d}.npz"]
    recorder_at(directory, 0, due=None).close()
    assert directory.metrics.read_text() == "" and list(directory.arrays.iterdir()) == []


def test_seconds_go_on_where_they_stopped(directory):
    directory.metrics.write_text(line_of({"step": 0, "seconds": 100.0, "objective": 1.0}))
    made = recorder_at(directory, 0, due=("metrics",))
    assert 100 <= made.row(1, {"objective": 1.0})["seconds"] < 200
    made.close()


def test_what_is_measured_late_joins_the_row_of_its_step(directory):
    made = recorder_at(directory, -1)
    made.row(3, {"norms/l2": np.nan})
    assert made.missing(3, ("metrics", "norms", "spectrum"), PROBES) == ("metrics", "spectrum")
    made.row(3, {"objective": 1.0, "spectrum/values": np.arange(2)})
    assert made.missing(3, ("metrics", "norms", "spectrum"), PROBES) == ()
    made.row(4, {"objective": 2.0})
    made.close()
    first, second = map(strict, directory.metrics.read_text().splitlines())
    assert list(first) == ["step", "seconds", "norms/l2", "objective", "nonfinite"] and first["nonfinite"] == {"norms/l2": "nan"}
    assert second["step"] == 4


def test_the_recorder_in_memory_keeps_the_rows_that_a_file_would_hold(directory):
    values = {"objective": np.float32(0.1), "train/loss": jnp.nan, "spectrum/values": np.arange(3.0)}
    memory, file = Recorder(), recorder_at(directory, -1)
    for made in (memory, file):
        made.row(0, values)
        made.close()
    (stored,), _ = read_lines(directory.metrics)
    assert memory.rows[0] | {"seconds": 0} == stored | {"seconds": 0}
    np.testing.assert_array_equal(memory.arrays[0]["spectrum/values"], np.arange(3.0))


def test_closing_before_the_first_row_is_no_error(directory):
    RunRecorder(directory).close()


@pytest.mark.parametrize("replaced", [False, True])
def test_rows_that_nobody_would_find_are_not_recorded_without_a_word(replaced, directory):
    made = recorder_at(directory, -1)
    made.row(0, {"objective": 1.0})
    directory.metrics.unlink()
    if replaced:
        directory.metrics.write_text("")
    with pytest.raises(StorageError, match="metrics.jsonl was removed or replaced while the run writes it"):
        made.row(1, {"objective": 1.0})
    made.close()
