"""What W&B does offline, and MLflow with a database of the run's own, stays in the folder of the run, wherever that is now."""

import contextlib
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

from framework import train
from framework.config import select, to_dict
from tests.helpers import rows, slow_but
from tests.written import assert_same_numbers, history, measured, scalars, tag_of, told, tracked

ROOT = Path(__file__).parents[1]
NOTING = """
import os, socket

lookup, connect = socket.getaddrinfo, socket.socket.connect

def note(*what):
    with open(os.environ["NOTED"], "a") as file:
        print(*what, file=file)

def looked_up(host, *args, **keywords):
    note("lookup", host)
    return lookup(host, *args, **keywords)

def connected(self, address):
    if self.family != socket.AF_UNIX and address[0] != "127.0.0.1":
        note("connect", address)
    return connect(self, address)

socket.getaddrinfo, socket.socket.connect = looked_up, connected
"""
TRAINS = """
import json, os, sys
from framework import train
from framework.config import from_dict

before = dict(os.environ)
train(from_dict(json.loads(sys.argv[1])), sys.argv[2])
print(json.dumps([name for name in {**before, **os.environ} if before.get(name) != os.environ.get(name)]))
"""
REACHES = "import socket\ntry:\n    socket.create_connection(('whygrok.invalid', 80))\nexcept OSError:\n    print('[]')"


def noted(program, folder, *arguments):
    """(what a program in Python asks of the network, in lines; what it prints; what it leaves in the home of the user)."""
    (folder / "customized").mkdir()
    (folder / "customized" / "sitecustomize.py").write_text(NOTING)
    (folder / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "XDG"))}
    own = {"HOME": str(folder / "home"), "NOTED": str(folder / "noted"), "PYTHONPATH": str(folder / "customized")}
    own |= {"XDG_STATE_HOME": str(folder / "state")}  # where whygrok itself notes which plugins it may run
    own["MPLCONFIGDIR"] = matplotlib.get_cachedir()  # its list of fonts is none of W&B's
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, env=kept | own, capture_output=True, text=True, check=True)
    said = (folder / "noted").read_text().splitlines() if (folder / "noted").exists() else []
    return said, json.loads(done.stdout), sorted(str(file.relative_to(folder)) for file in (folder / "home").rglob("*"))


@pytest.mark.slow
def test_wandb_offline_sends_nothing_writes_nothing_at_home_and_puts_the_variables_back(tmp_path):
    config = told(draws=True, wandb=select("wandb", histograms=True))
    said, changed, left = noted(TRAINS, tmp_path, json.dumps(to_dict(config)), str(tmp_path / "run"))
    assert (said, left) == ([], [])
    ours = {"WHYGROK_TRUSTED"}  # the plugins of the test itself
    assert set(changed) <= ours | {"WANDB_SERVICE", "KMP_INIT_AT_FORK", "KMP_DUPLICATE_LIB_OK", "TPU_ML_PLATFORM"}
    assert rows(tmp_path / "run")
    numbers = {key: value for key, value in history(tmp_path / "run")[1].items() if not key[0].startswith(("parameters/", "pictures/"))}
    assert_same_numbers(numbers, tmp_path / "run")


def test_what_notes_the_network_notes_it(tmp_path):
    assert noted(REACHES, tmp_path)[0] == ["lookup whygrok.invalid"]


CHANGES = [(what, identity) for what in ("location", "experiment", "run", "trigger", "server") for identity in (True, False)]


def elsewhere(folder):
    """Changes to the database of a run after which MLflow would write outside of it, or twice."""
    location = f"file://{folder / 'elsewhere'}"
    later = f"create trigger later after insert on runs begin update runs set artifact_uri = '{location}'; end"
    moved_files = "update runs set artifact_uri = ?", location
    return {
        "location": [("update experiments set artifact_location = ?", location), moved_files],
        "experiment": [("update experiments set artifact_location = ?", location)],
        "run": [moved_files],
        "trigger": [(later,)],
        "server": [("update runs set artifact_uri = ?", "mlflow-artifacts://127.0.0.1:9/x")],
    }


def change(path, commands):
    with contextlib.closing(sqlite3.connect(path / "mlflow" / "mlflow.db")) as database, database:
        for command, *values in commands:
            database.execute(command, values)


def files(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def assert_one_run_of_mlflow(path):
    client, [run] = tracked(path, f"sqlite:///{path}/mlflow/../mlflow/mlflow.db")  # by the address of the first, MLflow remembers that
    assert_same_numbers(measured(client, run), path)
    artifacts = path / "mlflow" / "mlartifacts" / run.info.run_id / "artifacts"
    assert run.info.artifact_uri == artifacts.as_uri() and "config.json" in files(artifacts)
    assert run.info.status == "FINISHED"
    assert [folder.name for folder in (path / "mlflow" / "mlartifacts").iterdir()] == [run.info.run_id]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run that MLflow was told of."""
    path = tmp_path_factory.mktemp("made") / "run"
    train(told(4, mlflow=select("mlflow")), path)
    return path


@pytest.mark.parametrize("identity", slow_but(bool, [True, False]))
def test_a_run_that_was_moved_has_one_run_of_mlflow_and_writes_nothing_where_it_was(identity, tmp_path, made):
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(made, first)
    train(told(5, mlflow=select("mlflow")), first)  # what was copied is made anew
    assert_one_run_of_mlflow(first)
    first.rename(second)
    if not identity:
        (second / "mlflow" / "identity.json").unlink()
    before = files(made)
    train(told(6, mlflow=select("mlflow")), second)
    assert_one_run_of_mlflow(second)
    assert not first.exists() and files(made) == before


@pytest.mark.parametrize(("what", "identity"), slow_but(lambda case: case == ("run", True), CHANGES))
def test_a_database_that_leads_elsewhere_is_made_anew(what, identity, tmp_path, made):
    path = tmp_path / "run"
    shutil.copytree(made, path)
    change(path, elsewhere(tmp_path)[what])
    change(path, [("update experiments set artifact_location = replace(artifact_location, ?, ?)", str(made), str(path))])
    change(path, [("update runs set artifact_uri = replace(artifact_uri, ?, ?)", str(made), str(path))])
    known = (path / "mlflow" / "identity.json").read_text().replace(str(made), str(path))
    (path / "mlflow" / "identity.json").write_text(known) if identity else (path / "mlflow" / "identity.json").unlink()
    train(told(6, mlflow=select("mlflow")), path)
    assert_one_run_of_mlflow(path)
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


@pytest.mark.slow
def test_a_link_among_the_artifacts_is_not_followed(tmp_path):
    path, outside = tmp_path / "run", tmp_path / "outside"
    train(told(4, mlflow=select("mlflow")), path)
    [artifacts] = (path / "mlflow" / "mlartifacts").glob("*/artifacts")
    artifacts.rename(outside)
    artifacts.symlink_to(outside)
    (outside / "config.json").write_text("mine")
    train(told(6, mlflow=select("mlflow")), path)
    assert files(outside) == {"config.json": b"mine"}
    assert_one_run_of_mlflow(path)


def test_an_experiment_whose_files_lie_elsewhere_is_refused_in_words(tmp_path, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(told(2, mlflow=select("mlflow", experiment="Default")), tmp_path / "run")
    [said] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "the experiment Default of MLflow keeps its files in " in said and "name another" in said
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_two_writers_that_have_one_name_one_after_the_other_leave_each_other_alone(tmp_path):
    train(told(2, log=select("tensorboard")), tmp_path)
    theirs = tmp_path / "log" / "notes" / "thesis.txt"
    theirs.parent.mkdir()
    theirs.write_text("mine")
    train(told(6, log=select("tensorboard")), tmp_path)
    assert theirs.read_text() == "mine"
    (tmp_path / "log").rename(tmp_path / "tensorboard")
    assert_same_numbers(scalars(tmp_path), tmp_path, tag_of)


def test_a_folder_of_wandb_that_leads_elsewhere_is_refused(tmp_path, caplog):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "wandb").mkdir(parents=True)
    (tmp_path / "run" / "wandb" / "wandb").symlink_to(tmp_path / "elsewhere")
    train(told(2, wandb=select("wandb", mode="online")), tmp_path / "run")
    [said] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "is a symbolic link to" in said and not list((tmp_path / "elsewhere").iterdir())
