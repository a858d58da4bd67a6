"""Writers: what TensorBoard, Weights & Biases and MLflow have of a run, read back with their own libraries, and what a failure costs."""

import json
import logging
import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from wandb.proto.wandb_internal_pb2 import Record

from framework import Pen, Writer, load_run, register, run_sweep, train
from framework.cli import run_command
from framework.config import from_dict, members, override, product, select, to_dict
from framework.errors import UserError
from framework.run import RunRecorder
from tests.helpers import QUIET, Here, assert_same_run, leaves, rows, tiny
from tests.test_deaths import Killed, killing

pytestmark = pytest.mark.usefixtures("clean_registry")
ROOT = Path(__file__).parents[1]
WRITTEN = {name: value for name, value in QUIET.items() if name != "tensorboard"}


def told(steps=6, draws=False, **writers):
    """The small run, told to these writers."""
    return tiny(steps, writers=writers, recording=WRITTEN | {"plot": draws})


def recorded(path):
    """(column, step) → number, of all rows."""
    found = [json.loads(row) for row in rows(path)]
    return {(name, row["step"]): value for row in found for name, value in row.items() if name != "step" and value is not None}


def tag_of(column):
    """The tag that the page promises: accuracy/train for train/accuracy."""
    first, *rest = column.split("/")
    return "/".join([rest[0], first, *rest[1:]]) if first in ("train", "test", "population") else column


def events(path):
    found = EventAccumulator(str(path / "tensorboard"), size_guidance={"scalars": 0, "histograms": 0, "images": 0})
    return found.Reload()


def scalars(path):
    found = events(path)
    listed = [((tag, one.step), one.value) for tag in found.Tags()["scalars"] for one in found.Scalars(tag)]
    assert len(dict(listed)) == len(listed), "a step is there twice"
    return dict(listed)


def assert_same_numbers(found, path, name=lambda column: column):
    wanted = {(name(column), step): value for (column, step), value in recorded(path).items()}
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == pytest.approx(value, rel=1e-6), key


def killed_and_resumed(path, **writers):
    """A run that is killed at its fourth row and goes on from an earlier one."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        killing(patch, RunRecorder, "row", 4, after=True)
        train(told(**writers), path)
    train(told(**writers), path)
    return path


def test_tensorboard_reads_every_number_once_after_a_resume(tmp_path):
    killed_and_resumed(tmp_path, tensorboard=select("tensorboard"))
    assert_same_numbers(scalars(tmp_path), tmp_path, tag_of)


def test_tensorboard_draws_train_and_test_in_one_chart(tmp_path):
    train(told(tensorboard=select("tensorboard")), tmp_path)
    [said] = events(tmp_path).Tensors("custom_scalars__config__")
    [category] = Layout.FromString(said.tensor_proto.string_val[0]).category
    charts = {chart.title: list(chart.multiline.tag) for chart in category.chart}
    assert charts["accuracy"] == ["^accuracy/train$", "^accuracy/test$", "^accuracy/population$"][: len(charts["accuracy"])]
    assert len(charts["loss"]) >= 2


def test_tensorboard_has_the_pictures_of_probes_and_they_are_what_the_probe_draws(tmp_path):
    train(told(draws=True, tensorboard=select("tensorboard")), tmp_path / "a")
    found = events(tmp_path / "a")
    assert sorted(found.Tags()["images"]) == ["pictures/count", "pictures/norms"]
    [norms] = found.Images("pictures/norms")
    file = tmp_path / "told.png"
    file.write_bytes(norms.encoded_image_string)
    assert run_command(["plot", str(tmp_path / "a"), "--probe=norms", f"--output={tmp_path / 'drawn.png'}"]) == 0
    with Image.open(file) as told_of, Image.open(tmp_path / "drawn.png") as drawn:
        assert (norms.width, norms.height, norms.step) == (*told_of.size, 6)
        assert told_of.size[0] > 300 and abs(told_of.size[0] - drawn.size[0]) < 400
        assert len(np.unique(np.asarray(told_of.convert("L")))) > 20  # something is drawn


def test_histograms_are_of_the_parameters_at_each_row_and_survive_a_resume(tmp_path):
    asked = {"tensorboard": select("tensorboard", histograms=True)}
    killed_and_resumed(tmp_path / "killed", **asked)
    train(told(**asked), tmp_path / "whole")
    for path in (tmp_path / "killed", tmp_path / "whole"):
        found = events(path).Histograms("parameters/W")
        assert [one.step for one in found] == [0, 2, 3, 4, 6]
        for step in (3, 6):  # saved states, from which NumPy counts again
            values = np.asarray(load_run(path).params(step)["W"], float).ravel()
            counts, edges = np.histogram(values, 64)
            [one] = [one.histogram_value for one in found if one.step == step]
            assert one.num == values.size and (one.min, one.max) == pytest.approx((values.min(), values.max()))
            kept = {limit: count for limit, count in zip(one.bucket_limit, one.bucket, strict=True) if count}
            assert list(kept.values()) == pytest.approx([count for count in counts if count])
            assert list(kept) == pytest.approx([edge for edge, count in zip(edges[1:], counts, strict=True) if count])
    parts = [[one.histogram_value for one in events(tmp_path / name).Histograms("parameters/W")] for name in ("killed", "whole")]
    assert parts[0] == parts[1]


def test_the_members_of_a_sweep_are_sessions_of_hparams(tmp_path):
    base = told(4, tensorboard=select("tensorboard"))
    sweep = members(base, product({"optimizer.learning_rate": [0.01, 0.1], "seed": [0, 1]}))
    run_sweep(sweep, tmp_path / "sweep", engine=Here())
    found = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "sweep")).Reload()
    sessions = {}
    for run, tags in found.PluginRunToTagToContent("hparams").items():
        start, end = (HParamsPluginData.FromString(tags[f"_hparams_/session_{one}_info"]) for one in ("start", "end"))
        hparams = {name: value.number_value for name, value in start.session_start_info.hparams.items()}
        sessions[Path(run).parent.name] = hparams, end.session_end_info.status
        assert found.Tensors(run, "accuracy/test")[-1].step == 4  # the final metrics, of the same run
    assert sessions == {one.name: (pytest.approx({name: float(value) for name, value in one.changes.items()}), 1) for one in sweep}


def test_a_run_of_its_own_is_no_member_of_a_sweep(tmp_path):
    train(told(2, tensorboard=select("tensorboard")), tmp_path)
    found = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    assert found.PluginRunToTagToContent("hparams") == {} and found.PluginRunToTagToContent("custom_scalars")


def log_records(data):
    """The records of a log as LevelDB writes it, in blocks of 32 kB: checksum, length, and whether it is whole, a first, middle or last part."""
    assert data[:4] == b":W&B"
    found, part, place = [], b"", 7
    while place < len(data):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        length, kind = struct.unpack("<HB", data[place + 4 : place + 7])
        part += data[place + 7 : place + 7 + length]
        if kind in (1, 4):
            found.append(part)
            part = b""
        place += 7 + length
    return found


def history(path):
    """(records of the one offline run, {(column, step): number}) as W&B keeps them."""
    [file] = (path / "wandb" / "wandb").glob("offline-run-*/*.wandb")
    records, found = [Record.FromString(data) for data in log_records(file.read_bytes())], {}
    for record in records:
        items = {}
        for item in record.history.item:
            *outer, name = [item.key] if item.key else item.nested_key
            into = items.setdefault(outer[0], {}) if outer else items
            into[name] = json.loads(item.value_json)
        if record.HasField("history"):
            step = items.pop("_step", record.history.step.num)
            numbers = {name: value for name, value in items.items() if not name.startswith("_") and name != "seconds"}
            for name, value in numbers.items():
                assert (name, step) not in found, "a step is there twice"
                found[name, step] = value
    return records, found


def test_wandb_has_every_number_once_after_a_resume_and_the_same_run(tmp_path):
    writer = {"wandb": select("wandb", project="grokking", tags=("small",))}
    train(told(4, **writer), tmp_path)  # its end brings what a longer run has not at this step
    [first] = {record.run.run_id for record in history(tmp_path)[0] if record.HasField("run")}
    train(told(**writer), tmp_path)
    records, found = history(tmp_path)
    assert_same_numbers(found, tmp_path)
    [run] = [record.run for record in records if record.HasField("run")][:1]
    assert (run.run_id, run.project, run.display_name, list(run.tags)) == (first, "grokking", tmp_path.name, ["small"])
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["task"]["p"] == 5 and config["optimizer"]["learning_rate"] == 0.01


def test_wandb_has_pictures_and_histograms(tmp_path):
    train(told(draws=True, wandb=select("wandb", histograms=True)), tmp_path)
    _, found = history(tmp_path)
    values = np.asarray(load_run(tmp_path).params(6)["W"], float).ravel()
    histogram = found["parameters/W", 6]
    assert histogram["_type"] == "histogram" and histogram["values"] == np.histogram(values, 64)[0].tolist()
    assert found["pictures/norms", 6]["_type"] == "image-file"
    [picture] = (tmp_path / "wandb").rglob("norms*.png")
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 300


def tracked(path, uri=None):
    """(client, the runs that MLflow has)."""
    client = MlflowClient(tracking_uri=uri or f"sqlite:///{path / 'mlflow' / 'mlflow.db'}")
    experiments = [one.experiment_id for one in client.search_experiments()]
    return client, client.search_runs(experiments)


def measured(client, run):
    names = run.data.metrics
    listed = [((name, one.step), one.value) for name in names for one in client.get_metric_history(run.info.run_id, name)]
    assert len(dict(listed)) == len(listed), "a step is there twice"
    return dict(listed)


def test_mlflow_has_every_number_once_after_a_resume_and_the_same_run(tmp_path):
    killed_and_resumed(tmp_path, mlflow=select("mlflow"))
    kept = json.loads((tmp_path / "mlflow" / "identity.json").read_text())["run_id"]
    client, [run] = tracked(tmp_path)
    assert_same_numbers(measured(client, run), tmp_path)
    assert (run.info.run_id, run.info.status, run.info.run_name) == (kept, "FINISHED", tmp_path.name)
    assert run.data.params["task.p"] == "5" and run.data.params["optimizer.name"] == "adamw"


def test_mlflow_keeps_no_number_that_the_run_has_no_more(tmp_path):
    """Step 4 of the norms was measured only because the run ended there."""
    train(told(4, mlflow=select("mlflow")), tmp_path)
    client, [run] = tracked(tmp_path)
    before = measured(client, run)
    assert_same_numbers(before, tmp_path)
    train(told(6, mlflow=select("mlflow")), tmp_path)
    client, [run] = tracked(tmp_path)
    assert_same_numbers(measured(client, run), tmp_path)
    assert before.keys() - measured(client, run).keys() == {key for key in before if key[0].startswith("norms/") and key[1] == 4}


def test_two_members_share_a_database_of_mlflow_and_its_pictures_are_artifacts(tmp_path):
    uri = f"sqlite:///{tmp_path / 'all.db'}"
    base = told(2, mlflow=select("mlflow", tracking_uri=uri))
    run_sweep(members(base, product({"seed": [0, 1]})), tmp_path / "seeds", engine=Here())
    client, runs = tracked(tmp_path, uri)
    assert {run.data.tags["whygrok.sweep"] for run in runs} == {"seeds"}
    assert sorted(run.data.params["seed"] for run in runs) == ["0", "1"]
    assert client.get_experiment(runs[0].info.experiment_id).name == "seeds"
    for run in runs:
        assert_same_numbers(measured(client, run), tmp_path / "seeds" / run.info.run_name)


DIES = """
import json, os, sys
from framework import train
from framework.config import from_dict
from framework.run import RunRecorder

row, count = RunRecorder.row, []
def dying(self, *args):
    found = row(self, *args)
    count.append(1)
    if len(count) == 5:
        os._exit(9)
    return found
RunRecorder.row = dying
train(from_dict(json.loads(sys.argv[1])), sys.argv[2])
"""


@pytest.mark.slow
def test_a_process_that_dies_at_a_row_leaves_no_number_twice_or_missing_anywhere(tmp_path, uninterrupted):
    config = told(wandb=select("wandb"), mlflow=select("mlflow"), tensorboard=select("tensorboard", histograms=True))
    # W&B tells child processes of the service that it has started here: a run that dies with its process has one of its own.
    own = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    died = subprocess.run([sys.executable, "-c", DIES, json.dumps(to_dict(config)), str(tmp_path)], cwd=ROOT, env=own)
    assert died.returncode == 9
    before = tracked(tmp_path)[1][0].info
    assert before.status == "RUNNING"
    train(config, tmp_path)
    client, [run] = tracked(tmp_path)
    assert (run.info.run_id, run.info.status) == (before.run_id, "FINISHED")
    assert_same_numbers(measured(client, run), tmp_path)
    assert_same_numbers(history(tmp_path)[1], tmp_path)
    assert_same_numbers(scalars(tmp_path), tmp_path, tag_of)
    assert rows(tmp_path) == rows(uninterrupted) and leaves(tmp_path) == leaves(uninterrupted)


CALLS = ("open", "row", "flush", "pictures", "end")


def failing_writer():
    """A writer that raises where its field says, and otherwise notes what it is told."""
    notes = []

    @register("failing")
    @dataclass(frozen=True, kw_only=True)
    class Failing(Writer):
        """Raises (2026)."""

        at: str = "none"

        def open(self, about, rows):
            notes.append(("open", about.step, [row.step for row in rows]))
            self.fail("open")
            return Noting(self)

        def fail(self, call):
            if call == self.at:
                raise ConnectionError("no route to the server\nand more of that")

    class Noting(Pen):
        def __init__(self, writer):
            self.fail = writer.fail

        def row(self, row):
            notes.append(("row", row.step, sorted(row.numbers)))
            self.fail("row")

        def flush(self):
            self.fail("flush")

        def pictures(self, step, pictures):
            notes.append(("pictures", step, sorted(pictures)))
            self.fail("pictures")

        def end(self, how):
            notes.append(("end", how))
            self.fail("end")

        def drop(self):
            notes.append(("drop",))
            raise RuntimeError("it cannot even let go")

    return notes


@pytest.mark.parametrize("call", CALLS)
def test_a_writer_that_raises_is_named_once_and_the_run_ends_with_the_same_bits(call, tmp_path, uninterrupted, caplog):
    notes = failing_writer()
    train(told(draws=True, bad=select("failing", at=call), tensorboard=select("tensorboard")), tmp_path)
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["the writer bad is told no more: no route to the server; the run goes on, and metrics.jsonl has every row"]
    assert_same_run(tmp_path, uninterrupted)
    assert_same_numbers(scalars(tmp_path), tmp_path, tag_of)  # another writer is told all the same
    assert notes[-1] == (("open", 0, []) if call == "open" else ("drop",))


def test_a_writer_is_told_each_row_once_the_pictures_and_how_it_ended(tmp_path):
    notes = failing_writer()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        killing(patch, RunRecorder, "row", 3, after=False)
        train(told(note=select("failing")), tmp_path)
    assert [note[:2] for note in notes] == [("open", 0), ("row", 0), ("row", 2), ("row", 3), ("end", "failed")]
    notes.clear()
    train(told(draws=True, note=select("failing")), tmp_path)
    assert notes[0] == ("open", 3, [0, 2, 3])
    assert [note[:2] for note in notes[1:]] == [("row", 4), ("row", 6), ("pictures", 6), ("end", "finished")]
    assert notes[-2] == ("pictures", 6, ["count", "norms"])


def test_pictures_are_for_those_that_want_them_and_none_are_drawn_where_the_run_draws_none(tmp_path):
    notes = failing_writer()
    train(told(draws=True, note=select("failing", pictures=False)), tmp_path / "unwanted")
    train(told(draws=False, note=select("failing")), tmp_path / "undrawn")
    assert not [note for note in notes if note[0] == "pictures"]


def test_writers_may_change_at_every_resume_and_change_no_bit(tmp_path, uninterrupted):
    train(told(3), tmp_path)
    train(told(4, late=select("tensorboard")), tmp_path)
    train(told(6, late=select("tensorboard", pictures=False), tensorboard=select("tensorboard")), tmp_path)
    assert_same_numbers(scalars(tmp_path), tmp_path, tag_of)
    assert rows(tmp_path) == rows(uninterrupted)


@pytest.mark.parametrize("given, left", [(False, []), (True, ["tensorboard"]), ("no", []), ("1", ["tensorboard"])])
def test_what_recording_said_of_tensorboard_before_is_still_read(given, left):
    assert list(tiny(recording={"tensorboard": given}).writers) == left
    assert list(override(tiny(recording={}), {"recording.tensorboard": given}).writers) == left
    old = to_dict(tiny(recording={}))
    del old["writers"]
    old["recording"]["tensorboard"] = given
    assert list(from_dict(old).writers) == left


def test_writers_are_named_after_the_colon_and_taken_away():
    assert sorted(tiny(arg="writers=wandb+mlflow", recording={}).writers) == ["mlflow", "tensorboard", "wandb"]
    assert list(tiny(arg="writers=none+mlflow", recording={}).writers) == ["mlflow"]
    assert list(override(tiny(recording={}), {"writers.tensorboard.name": "none"}).writers) == []
    assert override(tiny(), {"writers.mine.name": "wandb", "writers.mine.project": "x"}).writers.mine.project == "x"


@pytest.mark.parametrize(
    "writers, message",
    [
        ({"wnadb": select("wnadb")}, "there is no writer called 'wnadb'. Did you mean 'wandb'?"),
        ({"w": select("wandb", mode="onlin")}, "writers.w.mode = 'onlin': must be one of offline, online"),
        ({"m": select("mlflow", histograms=True)}, "writers.m.histograms = True: MLflow shows no histograms"),
        ({"Checkpoints": select("tensorboard")}, "writers.Checkpoints: a writer cannot be called 'Checkpoints'"),
    ],
)
def test_a_mistake_is_said_before_the_run_begins(writers, message, tmp_path):
    with pytest.raises(UserError) as refused:
        train(told(**writers), tmp_path / "run")
    assert message in str(refused.value) and not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_package_that_is_missing_is_one_sentence_that_names_the_extra(name, tmp_path, monkeypatch):
    monkeypatch.setattr(f"plugins.writers.{name}.find_spec", lambda package: None)
    with pytest.raises(UserError, match=rf"writers.w.name.*is not installed: pip install 'whygrok\[{name}\]'$"):
        train(told(w=select(name)), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    train(told(2), tmp_path / "other")
    assert load_run(tmp_path / "other").rows


def test_a_folder_of_a_writer_that_leads_elsewhere_is_refused(tmp_path):
    train(told(2), tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "tensorboard").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="symbolic link"):
        train(told(tensorboard=select("tensorboard")), tmp_path / "run")
    assert not list((tmp_path / "elsewhere").iterdir())
