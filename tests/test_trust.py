"""A run that somebody sent runs none of its plugins' code before the user has named them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from framework import load_run, registry, train
from framework.cli import run_command
from framework.config import from_stored, override, select, to_dict
from framework.errors import UserError
from framework.registry import trusting
from framework.storage import DESTINATIONS, PLUGINS, trust, trusted
from tests.helpers import tiny

pytestmark = pytest.mark.usefixtures("clean_registry")
WHYGROK = [sys.executable, str(Path(__file__).parents[1] / "whygrok.py")]
CODE = """
import pathlib
pathlib.Path({marker!r}).write_text("this code has run")
"""


@pytest.fixture
def sent(tmp_path, monkeypatch):
    """(a run that names a plugin which this user has never used, the file that its code would write)."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv(PLUGINS.variable, raising=False)
    train(tiny(plugins=(), probes={}), tmp_path / "run")
    (tmp_path / "run" / "theirs.py").write_text(CODE.format(marker=str(tmp_path / "marker")))
    config = tmp_path / "run" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"plugins": [str(tmp_path / "run" / "theirs.py")]}))
    return tmp_path / "run", tmp_path / "marker"


@pytest.mark.parametrize(
    "words",
    [
        ["plot", "{run}"],
        ["diff", "{run}", "quickstart"],
        ["config", "--config={run}"],
        ["config", "--config={run}/config.json"],
        ["run", "--workdir={run}"],
        ["run", "--config=quickstart", "--init_from={run}@6", "--config.steps=1", "--workdir={run}-2"],
        ["fork", "{run}@3", "--workdir={run}-2"],
        ["certify", "{run}"],
        ["rerun", "{run}", "--verify"],
        ["evaluate", "{run}", "--intervention=scale"],
    ],
    ids=lambda words: " ".join(words),
)
def test_no_command_runs_the_code_of_a_strangers_run(words, sent, capsys):
    run, marker = sent
    assert run_command([word.format(run=run) for word in words]) == 2
    error = capsys.readouterr().err
    assert f"asks for the code of {run / 'theirs.py'}" in error and f"--config.plugins={run / 'theirs.py'}" in error
    assert not marker.exists()


def test_named_once_it_is_known_in_every_process_from_then_on(sent):
    run, marker = sent
    with pytest.raises(UserError, match="which you have not used on this machine yet"):
        load_run(run)
    named = ["config", f"--config={run}", f"--config.plugins={run / 'theirs.py'}"]
    for words in (named, ["config", f"--config={run}"]):
        done = subprocess.run([*WHYGROK, *words], env=os.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert marker.exists()
        marker.unlink()
    load_run(run)
    assert marker.exists()


def test_a_module_that_is_named_is_not_imported_either(sent, monkeypatch):
    run, marker = sent
    monkeypatch.syspath_prepend(str(run))
    config = json.loads((run / "config.json").read_text()) | {"plugins": ["theirs"]}
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="asks for the code of theirs, which"):
        load_run(run)
    assert not marker.exists()


def test_what_one_has_trained_with_is_trusted_and_where_there_is_no_home_for_this_process(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.delenv(PLUGINS.variable, raising=False)
    plugin = tmp_path / "mine.py"
    plugin.write_text("")
    train(tiny(plugins=(str(plugin),), probes={}), tmp_path / "run")
    assert trusted(PLUGINS) == {str(plugin)} == set(os.environ[PLUGINS.variable].splitlines())
    load_run(tmp_path / "run")
    shutil.move(plugin, tmp_path / "moved.py")
    assert load_run(tmp_path / "run", plugins=str(tmp_path / "moved.py")).config.steps == 6


def test_a_record_that_others_may_write_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv(PLUGINS.variable, raising=False)
    trust(PLUGINS, ["one"])
    monkeypatch.delenv(PLUGINS.variable)
    assert trusted(PLUGINS) == {"one"}
    (tmp_path / "whygrok").chmod(0o777)
    assert trusted(PLUGINS) == set()
    trust(PLUGINS, ["two"])
    assert os.environ[PLUGINS.variable] == "two" and (tmp_path / "whygrok" / "trusted_plugins").read_text().split() == ["one"]


@pytest.mark.parametrize("form", ["{file}", "({file!r}, {file!r})", {"{file}": 1}, [["{file}"]], None, 3])
def test_plugins_that_are_no_list_of_names_are_refused_before_their_code_runs(form, sent):
    run, marker = sent
    file = str(run / "theirs.py")
    filled = {file: 1} if isinstance(form, dict) else [[file]] if isinstance(form, list) else form
    filled = filled.format(file=file) if isinstance(filled, str) else filled
    (run / "config.json").write_text(json.dumps(json.loads((run / "config.json").read_text()) | {"plugins": filled}))
    with pytest.raises(UserError, match="must be a list of files and modules"):
        load_run(run)
    assert not marker.exists()


def test_a_home_that_may_not_be_entered_harms_nobody(tmp_path, monkeypatch, warnings_said):
    def refused(self, *_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv(PLUGINS.variable, raising=False)
    monkeypatch.setattr(Path, "exists", refused)
    monkeypatch.setattr(Path, "mkdir", refused)
    assert trusted(PLUGINS) == set()
    trust(PLUGINS, ["one"])
    assert trusted(PLUGINS) == {"one"}
    assert len(warnings_said) == 1 and "remembered in this process only" in warnings_said[0]


SERVER, DATABASE = "http://127.0.0.1:9", "sqlite:////{folder}/theirs.db"
OUTSIDE = {
    "a server": ({"name": "mlflow", "tracking_uri": SERVER}, "tracking_uri", SERVER),
    "a database elsewhere": ({"name": "mlflow", "tracking_uri": DATABASE}, "tracking_uri", DATABASE),
    "an account": ({"name": "wandb", "mode": "online", "entity": "theirs"}, "mode", "online"),
}


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for record in (PLUGINS, DESTINATIONS):
        monkeypatch.delenv(record.variable, raising=False)
    monkeypatch.setattr(trusting, "_from_files", set())
    monkeypatch.setattr("plugins.writers.mlflow.MLflow.refusal", lambda self: "")
    monkeypatch.setattr("plugins.writers.wandb.WandB.refusal", lambda self: "")
    monkeypatch.setattr("plugins.writers.wandb.WandB.begin", lambda *_: 1 / 0)


SENDING = {
    "resume": ["run", "--workdir={run}", "--config.steps=8"],
    "begin": ["run", "--config={run}", "--workdir={run}-2"],
    "fork": ["fork", "{run}@3", "--workdir={run}-2"],
    "rerun": ["rerun", "{run}", "--workdir={run}-2"],
}


@pytest.mark.parametrize("place", OUTSIDE)
@pytest.mark.parametrize("how", SENDING)
def test_a_run_that_somebody_sent_sends_its_rows_nowhere_before_the_user_says_so(how, place, own_home, tmp_path, capsys, monkeypatch):
    run, folder = tmp_path / "run", str(tmp_path).lstrip("/")
    train(tiny(plugins=(), probes={}), run)
    given, field, value = OUTSIDE[place]
    section = {name: value.format(folder=folder) for name, value in given.items()}
    config = json.loads((run / "config.json").read_text()) | {"writers": {"theirs": section}}
    (run / "config.json").write_text(json.dumps(config))
    begun = []
    monkeypatch.setattr(registry.lookup("writer", section["name"]), "begin", lambda *_: begun.append(1))
    assert run_command([word.format(run=run) for word in SENDING[how]]) == 2
    said = capsys.readouterr().err
    assert (
        f"--config.writers.theirs.{field}={value.format(folder=folder)} (in Python: override(config, …)); to go without" in said
        and said.count("\n") <= 3
    )
    assert begun == [] and trusted(DESTINATIONS) == set()
    reading = (["plot", "{run}"], ["config", "--config={run}"], ["doctor", "{run}"], ["rerun", "{run}", "--verify"])
    for words in reading if how == "resume" and place == "a server" else ():
        assert run_command([word.format(run=run) for word in words]) == 0
    assert begun == [] and trusted(DESTINATIONS) == set()


def test_where_rows_go_is_asked_for_once_and_never_of_who_has_said_so(own_home, tmp_path):
    made = {"tracked": select("mlflow", tracking_uri=f"sqlite:///{tmp_path}/all.db")}
    train(tiny(plugins=(), probes={}, writers=made), tmp_path / "run")
    assert len(trusted(DESTINATIONS)) == 1
    assert run_command(["run", f"--workdir={tmp_path / 'run'}", "--config.steps=8"]) == 0
    stored = load_run(tmp_path / "run").config
    with pytest.raises(UserError, match="writers.tracked sends the rows of this run out of its folder, to sqlite"):
        (tmp_path / "state" / "whygrok" / "trusted_destinations").unlink()
        os.environ.pop(DESTINATIONS.variable)
        train(stored, tmp_path / "again")
    same = {"writers.tracked.tracking_uri": f"sqlite:///{tmp_path}/all.db"}
    train(override(stored, same), tmp_path / "again")
    train(stored, tmp_path / "a third")


def test_another_field_of_a_writer_does_not_say_that_its_rows_may_leave(own_home, tmp_path):
    stored = to_dict(tiny(plugins=(), probes={})) | {"writers": {"theirs": select("wandb", mode="online")}}
    changed = override(from_stored(stored, "config.json"), {"writers.theirs.pictures": "false"})
    with pytest.raises(UserError, match="to go without this writer: --config.writers.theirs.name=none"):
        train(changed, tmp_path / "run")


def test_the_account_counts_and_a_password_is_neither_shown_nor_kept(own_home, tmp_path):
    train(tiny(plugins=(), probes={}, writers={"mine": select("wandb", mode="online", entity="me")}), tmp_path / "mine")
    theirs = to_dict(tiny(plugins=(), probes={})) | {"writers": {"w": select("wandb", mode="online", entity="theirs")}}
    with pytest.raises(UserError, match="to the account theirs, as a file says"):
        train(from_stored(theirs, "config.json"), tmp_path / "theirs")
    address = "http://me:secret@127.0.0.1:9"
    theirs |= {"writers": {"w": select("mlflow", tracking_uri=address)}}
    with pytest.raises(UserError, match="to http://…@127.0.0.1:9, as") as refused:
        train(from_stored(theirs, "config.json"), tmp_path / "theirs")
    assert "secret" not in str(refused.value)
    override(from_stored(theirs, "config.json"), {"writers.w.tracking_uri": address})
    kept = (tmp_path / "state" / "whygrok" / "trusted_destinations").read_text() + os.environ[DESTINATIONS.variable]
    assert "secret" not in kept and len(trusted(DESTINATIONS)) == 2


def test_who_names_a_destination_in_python_is_not_asked_because_a_file_names_it_too(own_home, tmp_path):
    writers = {"w": select("wandb", mode="online")}
    from_stored(to_dict(tiny(plugins=(), probes={})) | {"writers": writers}, "config.json")
    train(tiny(plugins=(), probes={}, writers=writers), tmp_path / "mine")


def test_who_says_that_nothing_is_kept_is_not_told_so_again_and_again(tmp_path, monkeypatch, warnings_said):
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    monkeypatch.delenv(PLUGINS.variable, raising=False)
    trust(PLUGINS, ["one"])
    assert trusted(PLUGINS) == {"one"} and not warnings_said
