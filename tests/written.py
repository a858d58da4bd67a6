"""What TensorBoard, Weights & Biases and MLflow have of a run, read back with their own libraries."""

import json
import struct

import pytest
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto.wandb_internal_pb2 import Record

from tests.helpers import QUIET, rows, tiny

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


def log_records(data):
    """The records of a log as LevelDB writes it, in blocks of 32 kB: checksum, length, and whether it is whole or which part."""
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
    records, found = list[Record](), {}
    while not any(record.HasField("exit") for record in records):  # its service closes the file a moment after `finish` has returned
        records = [Record.FromString(data) for data in log_records(file.read_bytes())]
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
