"""The commands: help, exit codes, JSON shapes, standard output and standard error."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from framework import registry
from framework.cli import COMMANDS, run_command
from framework.cli.looking import listing
from framework.config import load_config, shipped_configs, to_dict
from framework.errors import Diverged, Interrupted, StorageError, UserError
from framework.run import RunDirectory

QUIET = ("--config.recording.progress=false", "--config.recording.plot=false", "--config.recording.tensorboard=false")
SMALL = ("--config=quickstart", "--config.task.p=7", "--config.model.width=8", "--config.steps=2", *QUIET)


@pytest.fixture
def said(capsys, tmp_path, monkeypatch):
    """said(code, *arguments) → (standard output, standard error) of a command that must exit with the code."""
    monkeypatch.chdir(tmp_path)

    def run(code: int, *arguments: str) -> tuple[str, str]:
        assert run_command(arguments) == code
        return tuple(capsys.readouterr())

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_shows_examples_that_call_it(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        run_command([command, "--help"])
    out, err = capsys.readouterr()
    assert stopped.value.code == 0
    assert "examples:" in out
    assert f"whygrok {command}" in out.partition("examples:")[2]
    assert COMMANDS[command][1].split()[0] in out
    assert err == ""


@pytest.mark.parametrize("ask", ["--help", "-h", "help"])
def test_help_lists_every_command(said, ask):
    out, _ = said(0, ask)
    assert all(f"  {command} " in out for command in COMMANDS)


def test_no_command_shows_them_all_and_is_a_mistake(said):
    out, _ = said(2)
    assert all(command in out for command in COMMANDS)


def test_python_dash_m_whygrok_is_the_same_command(tmp_path):
    done = subprocess.run([sys.executable, "-P", "-m", "whygrok", "lst"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr.partition(".")[0]) == (2, "whygrok: there is no command 'lst'")


def test_version_is_the_distributions(said):
    from importlib.metadata import version

    assert said(0, "--version")[0] == f"whygrok {version('whygrok')}\n"


def test_an_unknown_command_names_the_nearest_and_all(said):
    _, err = said(2, "lst")
    assert "'lst'" in err
    assert "Did you mean 'list'" in err
    assert all(command in err for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["list", "--jsn"], ["--jsn", "Did you mean --json"]),
        (["run", "--work=x"], ["--work=x"]),
        (["run", "--workdir"], ["--workdir", "expected one argument"]),
        (["run", "--config=quickstart", "stray"], ["'stray'"]),
        (["list", "probs"], ["'probs'", "Did you mean 'probes'"]),
        (["list", "--config.task.p=3"], ["--config.task.p needs a --config"]),
        (["describe"], ["kind", "--help"]),
        (["describe", "adamm"], ["'adamm'", "Did you mean 'adam'"]),
        (["describe", "probe", "normss"], ["'normss'", "Did you mean 'norms'"]),
        (["describe", "prob", "norms"], ["'prob'", "Did you mean 'probes'"]),
        (["config"], ["no --config"]),
        (["plot"], ["RUN"]),
        (["plot", "nowhere"], ["nowhere is not a run"]),
        (["doctor", "--repeats=x"], ["--repeats", "'x'"]),
        (["doctor", "--repeats=1"], ["--repeats=1", "at least 2"]),
    ],
)
def test_a_wrong_argument_is_one_sentence(said, arguments, parts):
    out, err = said(2, *arguments)
    assert out == ""
    assert len(err.splitlines()) == 1
    assert all(part in err for part in parts)


@pytest.mark.parametrize(("error", "code"), [(UserError, 2), (Interrupted, 3), (Diverged, 4), (StorageError, 5)])
def test_each_kind_of_error_has_its_exit_code_and_a_traceback_only_on_request(said, monkeypatch, error, code):
    def fail(arguments):
        raise error("this happened")

    monkeypatch.setattr(listing, "main", fail)
    assert said(code, "list") == ("", "whygrok: this happened\n")
    assert "Traceback" in said(code, "list", "--debug")[1]


def test_a_bug_is_not_swallowed(monkeypatch):
    monkeypatch.setattr(listing, "main", lambda arguments: [][0])
    with pytest.raises(IndexError):
        run_command(["list"])


def test_list_json_is_as_the_contract_says(said):
    rows = json.loads(said(0, "list", "--json")[0])
    assert all(list(row) == ["kind", "name", "summary", "source"] for row in rows)
    assert all(isinstance(value, str) and value for row in rows for value in row.values())
    found = {(row["kind"], row["name"]) for row in rows}
    for kind, names in {
        "task": {"modular_addition", "modular_addition_regression"},
        "model": {"quadratic"},
        "optimizer": {"gd", "normalized_gd", "sgd", "adam", "adamw"},
        "penalty": {"none", "linf", "l2"},
        "probe": {"norms"},
        "config": {"quickstart", "paper/classification", "paper/regression"},
    }.items():
        assert {(kind, name) for name in names} <= found


@pytest.mark.parametrize("word", ["probe", "probes"])
def test_list_of_one_kind_holds_only_that(said, word):
    rows = json.loads(said(0, "list", word, "--json")[0])
    assert rows
    assert {row["kind"] for row in rows} == {"probe"}


def test_list_configs_shows_each_with_its_first_line(said):
    lines = said(0, "list", "configs")[0].splitlines()
    assert len(lines) == len(shipped_configs())
    for config, line in zip(shipped_configs(), lines, strict=True):
        first = config.file.read_text().splitlines()[0].strip('"')
        assert config.name in line
        assert first in line


def test_list_survives_a_broken_plugin_with_one_warning(said, tmp_path, clean_registry):
    (tmp_path / "broken.py").write_text("1 / 0")
    out, err = said(0, "list", "--json", "--config.plugins=broken.py")
    assert json.loads(out)
    assert len(err.splitlines()) == 1
    assert "broken.py" in err
    assert "ZeroDivisionError" in err


def test_a_broken_plugin_of_a_run_is_warned_of_once(said, tmp_path, clean_registry):
    (tmp_path / "broken.py").write_text("1 / 0")
    _, err = said(0, "config", *SMALL, "--config.plugins=broken.py")
    assert len([line for line in err.splitlines() if "broken.py" in line]) == 1


@pytest.mark.parametrize("kind", [kind for kind in registry.KINDS if kind != "claim"])
def test_describe_json_is_as_the_contract_says(said, kind):
    for entry in registry.entries(kind):
        described = json.loads(said(0, "describe", kind, entry.name, "--json")[0])
        assert {"kind", "name", "summary", "source", "fields"} <= described.keys()
        assert (described["kind"], described["name"]) == (kind, entry.name)
        for field in described["fields"]:
            assert list(field) == ["name", "type", "default", "help", "allowed"]
            assert all(isinstance(field[key], str) and field[key] for key in ("name", "type", "help", "allowed"))


def test_describe_gives_a_fields_type_default_and_limits(said):
    fields = {field["name"]: field for field in json.loads(said(0, "describe", "optimizer", "adamw", "--json")[0])["fields"]}
    rate = fields["learning_rate"]
    assert (rate["type"], rate["default"], rate["allowed"]) == ("float", 0.001, "a number > 0")
    assert {"b1", "b2", "eps", "weight_decay"} <= fields.keys()


def test_describe_in_words_holds_formula_and_every_field(said):
    out, _ = said(0, "describe", "normalized_gd")
    assert "∇ℓ/‖∇ℓ‖₂" in out
    assert "learning_rate" in out
    assert "a number > 0" in out


def test_config_prints_what_config_accepts(said, tmp_path):
    out, _ = said(0, "config", *SMALL)
    (tmp_path / "again.json").write_text(out)
    assert to_dict(load_config(str(tmp_path / "again.json"))) == json.loads(out)
    assert json.loads(out)["task"]["p"] == 7


@pytest.mark.parametrize("form", [["--config.task.p=5"], ["--config.task.p", "5"], ["--config.task.p=9", "--config.task.p=5"]])
def test_a_field_may_be_given_with_or_without_equals_and_the_last_one_counts(said, form):
    assert json.loads(said(0, "config", *SMALL, *form)[0])["task"]["p"] == 5


def test_a_bare_switch_is_true(said):
    out, _ = said(0, "config", *SMALL, "--config.task.replacement", "--config.seed", "4")
    assert (json.loads(out)["task"]["replacement"], json.loads(out)["seed"]) == (True, 4)


def test_a_run_prints_its_numbers_on_standard_output_and_the_rest_on_standard_error(said, tmp_path, monkeypatch):
    monkeypatch.delenv("XLA_FLAGS")  # of which a line of its own would come first
    out, err = said(0, "run", *SMALL)
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["run"] == str(tmp_path / "runs" / "quickstart-1")
    assert lines["step"] == "2"
    assert float(lines["test/accuracy"]) <= 1
    assert err.splitlines()[0].startswith("whygrok: new run of 2 steps")
    out, err = said(0, "run", "--workdir=runs/quickstart-1", "--config.steps=3")
    assert err.splitlines()[0].startswith("whygrok: resuming at step 2 of 3")
    pictures = said(0, "plot", "runs/quickstart-1", "--metrics", "norms/linf", "--output=norms.png")[0].splitlines()
    assert [Path(picture).suffix for picture in pictures] == [".png", ".csv"]
    assert all((tmp_path / picture).stat().st_size for picture in pictures)
    assert "Did you mean 'norms/linf'" in said(2, "plot", "runs/quickstart-1", "--metrics", "norms/linff")[1]
    assert ".png" in said(2, "plot", "runs/quickstart-1", "--output=curves.pdf")[1]


def test_a_diverging_run_exits_with_four_and_names_the_step(said):
    _, err = said(4, "run", *SMALL, "--config.steps=20", "--config.optimizer.learning_rate=1e30")
    assert "not finite at step" in err
    assert "Traceback" not in err


def test_a_run_without_rows_cannot_be_drawn_and_says_so(said, tmp_path):
    directory = RunDirectory.at(tmp_path / "empty")
    directory.create()
    directory.write_config(load_config("quickstart"))
    for rows in (None, "", '{"step": 0, "sec'):
        if rows is not None:
            directory.metrics.write_text(rows)
        assert "has no rows to draw yet" in said(2, "plot", "empty")[1]


EIGHT = """
import os
from framework.run import new_workdir
for _ in range(8):
    if not os.fork():
        for _ in range(20):
            os.write(1, f"{new_workdir('quickstart')}\\n".encode())
        os._exit(0)
assert [os.wait()[1] for _ in range(8)] == [0] * 8
"""


def test_runs_started_at_once_in_eight_processes_get_folders_of_their_own(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", EIGHT]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert len(set(made)) == len(made) == 160
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {f"quickstart-{i}" for i in range(1, 161)}


def test_threads_get_folders_of_their_own_too(tmp_path):
    from framework.run import new_workdir

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: new_workdir("x", tmp_path), range(80)))) == 80


def test_an_unwritable_place_for_runs_is_a_storage_error(tmp_path):
    from framework.run import new_workdir

    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StorageError, match="runs"):
        new_workdir("x", tmp_path / "runs")


@pytest.mark.slow
def test_a_run_needs_no_display_and_its_standard_error_is_clean(tmp_path):
    """As a user types it: in a process of its own, with a window system chosen that is not there."""
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"} | {"MPLBACKEND": "TkAgg"}
    small = ["--config=quickstart", "--config.task.p=7", "--config.model.width=8", "--config.steps=2", "--workdir=a"]
    command = Path(sys.executable).parent / "whygrok"
    done = subprocess.run([command, "run", *small], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a" / "figures" / "curves.png").read_bytes().startswith(b"\x89PNG")
    lines = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.strip()]
    assert lines
    assert [line for line in lines if not line.startswith(("whygrok: ", "step 2 of 2 (100%)"))] == []
