"""Checkpoints are whole or set aside: wrong values never come back."""

import dataclasses
import itertools
import json
import logging
import os
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import load_run, train
from framework.config import Checkpoint, select
from framework.errors import StorageError, UserError
from framework.run import Checkpoints, complete_steps, read_leaves
from framework.run.checkpoints import CHECKSUMS, Damaged
from framework.training import Experiment
from tests.helpers import assert_same_run, cached, content, leaves, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")


UNSEEN = {"probes": {}, "events": {"metrics": "at 50"}}  # nothing is measured: only the training program is compiled


@pytest.fixture
def run(uninterrupted, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(uninterrupted, tmp_path / "run")


def files_of(checkpoint):
    return sorted(path for path in checkpoint.rglob("*") if path.is_file())


def test_a_flipped_bit_is_harmless_or_detected_and_never_gives_wrong_values(run):
    newest = run / "checkpoints" / "6"
    right, detected = leaves(run, 6), 0
    for file in files_of(newest):
        whole = file.read_bytes()
        for position in range(0, len(whole), max(1, len(whole) // 16)):
            file.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
            try:
                assert leaves(run, 6) == right, f"{file} at byte {position}"
            except Damaged:
                detected += 1
        file.write_bytes(whole)
    assert detected > 16 and leaves(run, 6) == right


def test_values_that_are_not_those_of_their_checksum_are_detected_though_the_files_are_whole(run):
    checkpoint = run / "checkpoints" / "6"
    stored = read_leaves(checkpoint)
    record = json.loads((checkpoint / CHECKSUMS).read_text())
    assert record["leaves"].keys() == stored.keys()
    for name in stored:
        digest = record["leaves"][name]
        changed = record | {"leaves": record["leaves"] | {name: digest[:-1] + ("0" if digest[-1] != "0" else "1")}}
        (checkpoint / CHECKSUMS).write_text(json.dumps(changed))
        with pytest.raises(Damaged, match=f"checksum of {name} does not match"):
            read_leaves(checkpoint)


def damages(checkpoint):
    """(what was done, file) for each file and each way to damage it, done one at a time."""
    for file in files_of(checkpoint):
        whole = file.read_bytes()
        for what, damaged in (("truncated", whole[: len(whole) // 2]), ("emptied", b""), ("zeroed", bytes(len(whole))), ("deleted", None)):
            file.unlink() if damaged is None else file.write_bytes(damaged)
            yield what, file
            file.write_bytes(whole)


def test_a_truncated_emptied_zeroed_or_deleted_file_is_harmless_or_detected(run):
    right, detected = leaves(run, 6), 0
    for what, file in damages(run / "checkpoints" / "6"):
        try:
            assert leaves(run, 6) == right, f"{file} {what}"
        except Damaged:
            detected += 1
    assert detected >= 8


@pytest.mark.parametrize("file", ["checksums.json", "default/_METADATA", "data"])
def test_a_damaged_newest_checkpoint_is_named_set_aside_and_the_one_before_it_used(file, run, uninterrupted, caplog, capfd):
    newest = run / "checkpoints" / "6"
    for path in newest.glob("default/**/d/*") if file == "data" else [newest / file]:
        path.write_bytes(b"\0" + path.read_bytes()[1:-1])
    train(tiny(), run)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1 and warnings[0].startswith("checkpoint 6 is damaged (")
    assert capfd.readouterr().err == ""  # nothing from the threads of the libraries
    assert warnings[0].endswith("using 3 (it was set aside as 6.damaged)")
    assert (run / "checkpoints" / "6.damaged").is_dir()
    shutil.rmtree(run / "checkpoints" / "6.damaged")
    assert_same_run(run, uninterrupted)


def test_a_checkpoint_without_checksums_is_incomplete(run, uninterrupted, caplog):
    (run / "checkpoints" / "6" / CHECKSUMS).unlink()
    train(tiny(), run)
    assert "checkpoint 6 is incomplete (no checksums): using 3" in caplog.text
    shutil.rmtree(run / "checkpoints" / "6.damaged")
    assert_same_run(run, uninterrupted)


def test_damage_to_an_older_checkpoint_does_not_stop_a_run(run, caplog):
    (run / "checkpoints" / "3" / CHECKSUMS).write_text("{")
    train(tiny(9), run)
    assert complete_steps(run / "checkpoints") == [6, 9]


def test_without_a_good_checkpoint_the_run_stops_with_code_5_and_lists_what_was_tried_again_and_again(run):
    for step in ("3", "6"):
        for path in (run / "checkpoints" / step / "default").rglob("*"):
            if path.is_file():
                path.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(StorageError) as stop:
            train(tiny(9), run)
        assert stop.value.exit_code == 5
        assert "3.damaged" in str(stop.value) and "6.damaged" in str(stop.value) and "--fresh" in str(stop.value)
    train(tiny(3), run, fresh=True)
    assert complete_steps(run / "checkpoints") == [0, 3]


def test_left_overs_of_a_killed_save_are_removed_and_never_taken_for_a_checkpoint(run, uninterrupted):
    for name in ("999999.orbax-checkpoint-tmp", "9.orbax-checkpoint-tmp", "6.orbax-checkpoint-tmp"):
        shutil.copytree(run / "checkpoints" / "3", run / "checkpoints" / name)
    (run / "checkpoints" / "12.orbax-checkpoint-tmp").write_text("a file")
    (run / ".metrics.jsonl.123.tmp").write_text("{")
    assert load_run(run).steps == [3, 6]
    train(tiny(9), run)
    assert complete_steps(run / "checkpoints") == [6, 9]
    assert list(run.rglob("*tmp*")) == []


def test_the_newest_checkpoints_and_those_of_keep_at_are_kept(tmp_path):
    train(tiny(9, checkpoint={"every_steps": 1, "every_seconds": 0.0, "keep": 2, "keep_at": "every 4"}), tmp_path)
    assert complete_steps(tmp_path / "checkpoints") == [0, 4, 8, 9]
    train(tiny(11, checkpoint={"every_steps": 1, "every_seconds": 0.0, "keep": 1}), tmp_path)
    assert complete_steps(tmp_path / "checkpoints") == [11]


def test_the_last_finite_checkpoint_outlives_those_after_divergence(tmp_path):
    experiment = Experiment.from_config(tiny())
    state = experiment.initial_state()
    lost = dataclasses.replace(state, params=jax.tree.map(lambda leaf: leaf * jnp.nan, state.params))
    at = lambda state, step: dataclasses.replace(state, step=jnp.int32(step))  # noqa: E731
    going_on = Checkpoints(tmp_path, Checkpoint(keep=1), keep_diverged=True)
    assert [going_on.save(at(*saved)) for saved in ((state, 1), (state, 2), (lost, 3), (lost, 4))] == [True, True, False, False]
    assert complete_steps(tmp_path) == [2, 4]
    stopping = Checkpoints(tmp_path, Checkpoint(keep=1))
    assert stopping.save(at(lost, 5)) is False
    assert complete_steps(tmp_path) == [2, 4]


def test_keep_at_alone_saves_the_network_at_its_steps_and_changes_no_bit_of_the_run(tmp_path, uninterrupted):
    for steps in (4, 6):  # 4 is the end of a run first, and in no schedule
        quiet = {"every_steps": 0, "every_seconds": 0.0, "keep": 1, "keep_at": "log 4"}
        train(tiny(steps, checkpoint=quiet), tmp_path)
    assert complete_steps(tmp_path / "checkpoints") == [0, 1, 2, 3, 6]  # 10^(i/4): 1, 1.78, 3.16, 5.62, 10
    assert_same_run(tmp_path, uninterrupted)


@pytest.mark.slow
def test_dropout_and_running_averages_resume_to_the_same_bits(tmp_path):
    model = {"model": select("noisy")} | UNSEEN
    train(tiny(6, **model), tmp_path / "at_once")
    train(tiny(3, **model), tmp_path / "cut")
    third = leaves(tmp_path / "cut", 3)
    train(tiny(6, **model), tmp_path / "cut")
    sixth = leaves(tmp_path / "cut", 6)
    assert sixth == leaves(tmp_path / "at_once", 6)
    changing = {name for name in sixth if name.startswith("variables.") and sixth[name] != third[name]}
    assert {name for name in changing if "count" in name} and {name for name in changing if "mean" in name}
    assert {name for name in sixth if name.startswith("variables.") and "key" in name}


def test_float64_is_saved_and_restored_as_float64(tmp_path):
    double = {"numerics": {"precision": "float64"}} | UNSEEN
    train(tiny(6, **double), tmp_path / "at_once")
    train(tiny(3, **double), tmp_path / "cut")
    train(tiny(6, **double), tmp_path / "cut")
    assert leaves(tmp_path / "cut", 6) == leaves(tmp_path / "at_once", 6)
    params = load_run(tmp_path / "cut").params()
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype(np.float64)}
    assert any(leaf != leaf.astype(np.float32) for leaf in params["W"].ravel())


def test_every_leaf_comes_back_as_it_was(tmp_path):
    experiment = Experiment.from_config(tiny())
    state = experiment.initial_state()
    strange = jnp.array([[-0.0, jnp.inf, -jnp.inf, jnp.nan, 1e-45]] * 4, jnp.float32)
    moments = state.opt_state[0]._replace(mu={"V": strange, "W": state.params["W"]})
    state = dataclasses.replace(state, opt_state=(moments, *state.opt_state[1:]))
    checkpoints = Checkpoints(tmp_path, Checkpoint())
    checkpoints.save(state)
    restored = checkpoints.restore(experiment.initial_state(), experiment.device)
    assert jax.tree.structure(restored) == jax.tree.structure(experiment.initial_state())
    np.testing.assert_array_equal(np.asarray(restored.opt_state[0].mu["V"]).view(np.uint32), np.asarray(strange).view(np.uint32))
    assert jax.dtypes.issubdtype(restored.rng.dtype, jax.dtypes.prng_key)
    assert jax.random.uniform(restored.rng) == jax.random.uniform(experiment.initial_state().rng)


def test_nothing_is_saved_where_the_folder_of_the_run_was_removed(tmp_path):
    experiment = Experiment.from_config(tiny())
    (tmp_path / "run").mkdir()
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints", Checkpoint())
    checkpoints.save(experiment.initial_state())
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(StorageError, match="run was removed while the run trained"):
        checkpoints.save(experiment.initial_state())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda W: W[:, :, :3], r"params.W is float32\(2, 5, 4\), this run needs float32\(2, 5, 3\)"),
        (lambda W: W.astype(jnp.int32), r"params.W is float32\(2, 5, 4\), this run needs int32\(2, 5, 4\)"),
    ],
)
def test_another_shape_or_dtype_is_named_and_never_cast(change, said, tmp_path):
    experiment = Experiment.from_config(tiny())
    state = experiment.initial_state()
    checkpoints = Checkpoints(tmp_path, Checkpoint())
    checkpoints.save(state)
    other = dataclasses.replace(state, params=state.params | {"W": change(state.params["W"])})
    with pytest.raises(UserError, match=said):
        checkpoints.restore(other, experiment.device)
    missing = dataclasses.replace(state, params={"V": state.params["V"]})
    with pytest.raises(UserError, match="params.W is not part of this run"):
        checkpoints.restore(missing, experiment.device)
    assert complete_steps(tmp_path) == [0]


def test_reading_a_run_writes_nothing(run):
    before = content(run)
    load_run(run).params()
    load_run(run).model(3)
    assert content(run) == before


@pytest.mark.slow
def test_what_eight_devices_saved_is_read_and_continued_on_one(tmp_path, caplog):
    script = (
        "import sys, numpy; from framework import train; from tests.helpers import tiny\n"
        "run = train(tiny(3), sys.argv[1]); numpy.savez(sys.argv[2], **run.params())"
    )
    environment = cached(tmp_path / "cache") | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    root = os.path.dirname(os.path.dirname(__file__))
    subprocess.run([sys.executable, "-c", script, tmp_path / "run", tmp_path / "kept.npz"], env=environment, cwd=root, check=True)
    params = load_run(tmp_path / "run").params()
    with np.load(tmp_path / "kept.npz") as kept:
        assert {name: array.tobytes() for name, array in params.items()} == {name: kept[name].tobytes() for name in kept.files}
    train(tiny(6), tmp_path / "run")
    assert complete_steps(tmp_path / "run" / "checkpoints")[-1] == 6
    assert "equal bits are not promised: devices: 8 → 1" in caplog.text


def test_a_save_that_is_not_there_afterwards_is_an_error(tmp_path, monkeypatch):
    experiment = Experiment.from_config(tiny())
    checkpoints = Checkpoints(tmp_path, Checkpoint())
    monkeypatch.setattr(checkpoints, "_write", lambda *_: None)
    with pytest.raises(StorageError, match="checkpoint 0 was written .* but is not there"):
        checkpoints.save(experiment.initial_state())


def test_a_step_is_saved_once(tmp_path):
    experiment = Experiment.from_config(tiny())
    checkpoints = Checkpoints(tmp_path, Checkpoint())
    for _ in itertools.repeat(None, 2):
        assert checkpoints.save(experiment.initial_state())
        times = content(tmp_path)
    assert checkpoints.save(experiment.initial_state()) and content(tmp_path) == times
