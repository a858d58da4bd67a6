"""A disk that refuses, a tail that is torn, a loss that is not a number: a clear end, nothing lost, the same command goes on."""

import errno
import gc
import json
import logging
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from framework import load_run, train
from framework.cli import run_command
from framework.config import select, to_dict
from framework.errors import Diverged, StorageError
from framework.run import Checkpoints, complete_steps, read_leaves
from framework.storage import read_arrays, write_arrays
from tests.helpers import QUIET, assert_same_run, content, leaves, rows, slow_but, tiny

RECORDING = {"recording": QUIET | {"tensorboard": True}}

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture
def disk(tmp_path):
    """A file system of 2 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs root and mount")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk, leave):
    """Takes all space but `leave` bytes; returns the file that takes it."""
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        while (free := shutil.disk_usage(disk).free - leave) > 0:
            file.write(bytes(free))
    return filler


def leaving(*kilobytes, quick):
    """A test for each number of kilobytes that are left; all but one are slow."""
    sizes = slow_but(lambda size: size == quick << 10, [number << 10 for number in kilobytes])
    return pytest.mark.parametrize("leave", sizes, ids=lambda size: f"{size >> 10}kB")


@leaving(0, 4, 12, 28, 100, quick=12)
def test_a_full_disk_is_one_clear_line_and_the_same_command_goes_on_once_there_is_space(leave, disk, uninterrupted):
    filler = fill(disk, leave)
    with pytest.raises(StorageError) as stop:
        train(tiny(**RECORDING), disk / "run")
    assert stop.value.exit_code == 5
    assert "the disk is full" in str(stop.value) and "bytes free" in str(stop.value) and "\n" not in str(stop.value)
    assert str(disk) in str(stop.value)
    filler.unlink()
    train(tiny(**RECORDING), disk / "run")
    assert_same_run(disk / "run", uninterrupted)


@leaving(0, 8, 24, quick=0)
def test_a_disk_that_fills_up_leaves_the_last_good_checkpoint_as_it_was(leave, disk, uninterrupted):
    train(tiny(3), disk / "run")
    saved = content(disk / "run" / "checkpoints" / "3")
    filler = fill(disk, leave)
    for _ in range(2):
        with pytest.raises(StorageError, match="bytes free"):
            train(tiny(), disk / "run")
        assert content(disk / "run" / "checkpoints" / "3") == saved
        assert complete_steps(disk / "run" / "checkpoints") == [0, 3]
    filler.unlink()
    train(tiny(), disk / "run")
    assert_same_run(disk / "run", uninterrupted)


@leaving(0, 12, 36, 132, 172, quick=132)
def test_a_full_disk_on_the_command_line_is_code_5_and_one_line_that_says_how_to_go_on(leave, disk, tmp_path, capfd):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(to_dict(tiny())))
    filler = fill(disk, leave)
    assert run_command(["run", f"--config={config}", f"--workdir={disk / 'run'}"]) == 5
    error = capfd.readouterr().err
    assert all(line.startswith("whygrok: ") for line in error.splitlines()) and len(error.splitlines()) <= 3
    assert f"Continue with: whygrok run --workdir={disk / 'run'}" in error.splitlines()[-1]
    filler.unlink()
    assert run_command(["run", f"--config={config}", f"--workdir={disk / 'run'}"]) == 0


def test_a_read_only_disk_is_a_clear_error_and_its_runs_can_be_read(disk):
    train(tiny(3), disk / "run")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        with pytest.raises(StorageError, match="LOCK: it may not be written .Read-only file system"):
            train(tiny(), disk / "run")
        with pytest.raises(StorageError, match="making the folder .*new: it may not be written"):
            train(tiny(), disk / "new")
        assert load_run(disk / "run").params(3)["W"].shape == (2, 5, 4)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


@pytest.mark.parametrize("name", ["flush", "checkpoint"])
def test_any_error_of_the_disk_is_explained(name, tmp_path, monkeypatch, uninterrupted):
    def refuse(*args, **kwargs):
        raise OSError(errno.EIO, "Input/output error")

    with pytest.MonkeyPatch.context() as patch:
        if name == "flush":
            patch.setattr("framework.run.rows.line_of", refuse)
        else:
            patch.setattr("framework.run.checkpoints.write_arrays", refuse)
        with pytest.raises(StorageError, match="Input/output error"):
            train(tiny(), tmp_path / "run")
    train(tiny(), tmp_path / "run")
    assert_same_run(tmp_path / "run", uninterrupted)


def test_tensorboard_that_cannot_be_written_does_not_stop_the_run(tmp_path, monkeypatch, caplog, uninterrupted):
    def refuse(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tensorboardX.event_file_writer.EventsWriter.flush", refuse)
    train(tiny(**RECORDING), tmp_path / "run")
    assert [record.levelno for record in caplog.records].count(logging.WARNING) == 1
    assert "metrics.jsonl has every row" in caplog.text
    assert_same_run(tmp_path / "run", uninterrupted)


@pytest.mark.parametrize("steps", [3, 6], ids=["to be extended", "finished"])
def test_a_torn_last_line_is_cut(steps, tmp_path, uninterrupted):
    train(tiny(steps), tmp_path)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"step": 5, "tr')
    train(tiny(), tmp_path)
    assert_same_run(tmp_path, uninterrupted)


def test_a_last_line_that_lacks_only_its_newline_is_kept(tmp_path, uninterrupted):
    train(tiny(), tmp_path)
    file = tmp_path / "metrics.jsonl"
    file.write_text(file.read_text().removesuffix("\n"))
    train(tiny(), tmp_path)
    assert_same_run(tmp_path, uninterrupted)


def diverging(steps=20, **changes):
    return tiny(steps, optimizer=select("adamw", learning_rate=1e6), probes={}, events={"metrics": "every 1"}, **changes)


def test_divergence_ends_with_code_4_the_step_and_finite_checkpoints(tmp_path, capfd):
    (tmp_path / "config.json").write_text(json.dumps(to_dict(diverging())))
    for _ in range(2):
        assert run_command(["run", f"--config={tmp_path / 'config.json'}", f"--workdir={tmp_path / 'run'}"]) == 4
        last = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
        assert last["objective"] is None and last["nonfinite"]["objective"] in ("inf", "nan")
        assert f"not finite at step {last['step']}" in capfd.readouterr().err
        newest = max(complete_steps(tmp_path / "run" / "checkpoints"))
        stored = read_leaves(tmp_path / "run" / "checkpoints" / str(newest))
        assert newest < last["step"] and all(np.isfinite(leaf).all() for leaf in stored.values())
        assert "NaN" not in (tmp_path / "run" / "metrics.jsonl").read_text()
    sessions = json.loads((tmp_path / "run" / "environment.json").read_text())["sessions"]
    assert all("diverged" in session["reason"] for session in sessions)


def test_a_run_that_is_told_to_goes_on_after_divergence_and_keeps_the_last_finite_checkpoint(tmp_path):
    with pytest.raises(Diverged):
        train(diverging(), tmp_path / "run")
    going_on = {"numerics": {"on_divergence": "continue"}}
    train(diverging(**going_on), tmp_path / "run")
    assert [json.loads(row)["step"] for row in rows(tmp_path / "run")] == list(range(21))
    finite = [
        all(np.isfinite(leaf).all() for name, leaf in read_leaves(tmp_path / "run" / "checkpoints" / str(step)).items() if "params" in name)
        for step in complete_steps(tmp_path / "run" / "checkpoints")
    ]
    assert finite.count(True) == 1 and finite[0] and complete_steps(tmp_path / "run" / "checkpoints")[-1] == 20
    train(diverging(**going_on), tmp_path / "at_once")
    assert rows(tmp_path / "run") == rows(tmp_path / "at_once")


def test_divergence_between_two_rows_is_found_too(tmp_path):
    late = tiny(20, optimizer=select("gd", learning_rate=1e6), probes={}, events={"metrics": "at 0 20"})
    with pytest.raises(Diverged, match="not finite at step") as stop:
        train(late, tmp_path)
    step = int(str(stop.value).split("at step ")[1].split(".")[0])
    assert 0 < step < 20 and json.loads(rows(tmp_path)[-1])["objective"] is None


def test_an_error_while_rewinding_is_not_hidden_by_closing(tmp_path):
    train(tiny(3), tmp_path)
    text = (tmp_path / "metrics.jsonl").read_text()
    (tmp_path / "metrics.jsonl").write_text("nonsense\n" + text)
    with pytest.raises(StorageError, match="line 1 is not JSON"):
        train(tiny(6), tmp_path)
    (tmp_path / "metrics.jsonl").write_text(text)
    train(tiny(6), tmp_path)
    assert leaves(tmp_path)["step"] == leaves(tmp_path, 6)["step"]


def test_a_save_that_failed_is_not_among_the_saved(tmp_path, monkeypatch):
    real, failures = Checkpoints._write, []

    def failing(self, step, *args):
        if step == 3 and not failures:
            failures.append(step)
            raise StorageError("saving checkpoint 3: the disk is full")
        real(self, step, *args)

    monkeypatch.setattr(Checkpoints, "_write", failing)
    with pytest.raises(StorageError):
        train(tiny(), tmp_path)
    assert complete_steps(tmp_path / "checkpoints") == [0]
    train(tiny(), tmp_path)
    assert failures == [3] and complete_steps(tmp_path / "checkpoints") == [3, 6]


def test_a_process_keeps_nothing_of_the_leaves_that_it_has_saved_and_restored(tmp_path):
    """Blocks of Python's own memory, which hardly anything else asks for: TensorStore's JSON alone would keep four for each leaf."""
    arrays = {f"leaf {number}": np.arange(5.0) + number for number in range(60)}

    def save_and_restore(number):
        write_arrays(tmp_path / f"{number}", arrays)
        found = read_arrays(tmp_path / f"{number}", arrays)
        assert all(np.array_equal(found[name], array) for name, array in arrays.items())

    for number in range(5):
        save_and_restore(number)
    gc.collect()
    before = sys.getallocatedblocks()
    for number in range(5, 15):
        save_and_restore(number)
    gc.collect()
    assert sys.getallocatedblocks() - before < 10 * len(arrays)
