"""TensorBoard, Weights & Biases and MLflow have every number of a run once, whatever became of its sessions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from framework import load_run, run_sweep, train
from framework.cli import run_command
from framework.config import members, product, select, to_dict
from framework.run import RunRecorder
from framework.run.writers.histograms import of
from tests.helpers import Here, leaves, rows
from tests.test_deaths import Killed, killing
from tests.written import assert_same_numbers, events, history, measured, scalars, tag_of, told, tracked

pytestmark = pytest.mark.usefixtures("clean_registry")
ROOT = Path(__file__).parents[1]


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
    assert charts == {quantity: [f"^{quantity}/train$", f"^{quantity}/test$"] for quantity in ("accuracy", "loss")}


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


@pytest.mark.parametrize("start", [1.0, -3e300, 0.0])
def test_numbers_that_lie_closer_than_64_bins_can_have_a_histogram(start):
    values = np.nextafter(start, np.array([-np.inf, start, np.inf]))
    found = of(values)
    assert found.counts.sum() == 3 and np.all(np.diff(found.edges) > 0)
    assert found.edges[0] <= values.min() and values.max() <= found.edges[-1]


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


def test_mlflow_has_every_number_once_after_a_resume_and_the_same_run(tmp_path):
    killed_and_resumed(tmp_path, mlflow=select("mlflow"))
    kept = json.loads((tmp_path / "mlflow" / "identity.json").read_text())["run_id"]
    client, [run] = tracked(tmp_path)
    assert_same_numbers(measured(client, run), tmp_path)
    assert (run.info.run_id, run.info.status, run.info.run_name) == (kept, "FINISHED", tmp_path.name)
    assert run.data.params["task.p"] == "5" and run.data.params["optimizer.name"] == "adamw"


@pytest.mark.slow
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


@pytest.mark.slow
def test_two_members_share_a_database_of_mlflow_and_its_pictures_are_artifacts(tmp_path):
    uri = f"sqlite:///{tmp_path / 'all.db'}"
    base = told(2, draws=True, mlflow=select("mlflow", tracking_uri=uri))
    run_sweep(members(base, product({"seed": [0, 1]})), tmp_path / "seeds", engine=Here())
    train(told(2, draws=True, mlflow=select("mlflow", tracking_uri=uri, experiment="seeds")), tmp_path / "alone")
    client, runs = tracked(tmp_path, uri)
    of_sweep = {run.info.run_name: run for run in runs if run.data.tags.get("whygrok.sweep") == "seeds"}
    assert sorted(run.data.params["seed"] for run in of_sweep.values()) == ["0", "1"] and len(runs) == 3
    assert {client.get_experiment(run.info.experiment_id).name for run in runs} == {"seeds"}
    for name, run in of_sweep.items():
        assert_same_numbers(measured(client, run), tmp_path / "seeds" / name)
    [alone] = [run for run in runs if run.info.run_name == "alone"]  # members of a sweep draw nothing
    assert [len(list(tmp_path.glob(f"mlartifacts/{run.info.run_id}/artifacts/pictures/*.png"))) for run in (alone, *of_sweep.values())] == [
        2,
        0,
        0,
    ]


DIES = """
import json, os, sys
from framework import train
from framework.config import from_dict
from framework.run import RunRecorder
from framework.run.writers.histograms import of

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
