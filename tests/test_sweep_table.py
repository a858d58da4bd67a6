"""What whygrok sweep prints and writes, with which code it ends, and what it refuses."""

import csv
import json
import re
import subprocess
import sys

import pytest

from framework.cli import run_command
from framework.cli.training.screen import Screen, exit_code, report
from framework.config import members, select
from framework.sweep import Standing, Standings, SweepFolder, SweepProgress


def test_swept_parts_are_cells_of_the_table():
    found = Standings([Standing("a", {"optimizer": select("sam", inner=select("gd"))}, 5), Standing("b", {"seed": 1}, 5)])
    one, other = csv.DictReader(found.as_csv().splitlines())
    assert json.loads(one["optimizer"]) == {"name": "sam", "inner": {"name": "gd"}} and one["seed"] == ""
    assert other["seed"] == "1" and other["optimizer"] == "" and other["state"] == "waiting"


def test_a_field_that_a_member_does_not_set_shows_the_value_that_it_runs_with(tmp_path, small_config, capsys):
    swept = [{"optimizer.learning_rate": 0.1}, {"seed": 1}, {"task.p": "11"}]
    sweep = SweepFolder(members(small_config, swept), tmp_path / "runs", lambda standings: None)
    rows = list(csv.DictReader(sweep.standings.as_csv().splitlines()))
    assert [(row["optimizer.learning_rate"], row["seed"], row["task.p"]) for row in rows] == [
        ("0.1", "0", "7"),
        ("0.001", "1", "7"),
        ("0.001", "0", "11"),
    ]
    report(sweep.standings, "runs")
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:4]]
    assert names == ["learning_rate=0.1,seed=0,p=7", "learning_rate=0.001,seed=1,p=7", "learning_rate=0.001,seed=0,p=11"]


def test_what_is_counted_is_what_the_members_say():
    found = Standings([Standing(name, {}, 10) for name in "abc"])
    found.put(Standing("b", {}, 10, state="running"))
    found.put(Standing("b", {}, 10, state="running", step=4))
    found.put(Standing("c", {}, 10, state="failed", step=3))
    assert [one.state for one in found] == ["waiting", "running", "failed"] and found[1].step == 4 and len(found) == 3
    assert (found.steps_done, found.steps, found.in_state("running")) == (7, 30, ["b"])
    assert {state: number for state, number in found.counts.items() if number} == {"waiting": 1, "running": 1, "failed": 1}
    assert [(one.member, one.state) for one in found.news] == [("b", "running"), ("c", "failed")]
    table = list(csv.DictReader(found.as_csv().splitlines()))
    found.put(Standing("a", {}, 10, state="finished", step=10))
    assert list(csv.DictReader(found.as_csv().splitlines()))[1:] == table[1:], "a line is kept until its member changes"
    assert list(csv.DictReader(found.as_csv().splitlines()))[0]["state"] == "finished"


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ([("finished", 0)], 0),
        ([("finished", 0), ("failed", -9)], 1),
        ([("failed", 1), ("finished", 0)], 1),
        ([("failed", 4), ("failed", 4), ("finished", 0)], 4),
        ([("failed", 4), ("failed", 5)], 1),
        ([("failed", 5)], 5),
        ([("failed", 0)], 1),
        ([("elsewhere", None), ("finished", 0)], 2),
    ],
)
def test_exit_codes_of_a_sweep(ended, code):
    assert exit_code([Standing(str(n), {}, 6, state=state, exit_code=own) for n, (state, own) in enumerate(ended)]) == code


def test_numbers_are_printed_whole_and_long_names_shortened_on_a_terminal_only(capsys, monkeypatch):
    standing = Standing("model.width=" + 60 * "1", {}, 120_000, state="finished", step=120_000, train=1.0, test=0.98765, fitted=31_623)
    report([standing], "runs")
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == [standing.member, "finished", "120000", "1", "0.9877", "31623", "–"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    report([standing], "runs")
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("model.width=11…1111") and "120000" in line and len(line) <= 80


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_a_line_a_member_and_a_bar_on_a_terminal(terminal, capsys, monkeypatch, caplog):
    caplog.set_level("INFO", "whygrok")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    found = Standings([Standing("a", {}, 100), Standing("b", {}, 100, state="finished", step=100)])
    screen(found)
    for step in (0, 50):
        found.put(Standing("a", {}, 100, state="running", step=step))
        screen(found)
    found.put(Standing("a", {}, 100, state="finished", step=100, test=0.995, grokked=60))
    screen(found)
    screen.close()
    assert [record.getMessage() for record in caplog.records] == ["a finished, test 0.995, grokked at step 60"]
    shown = capsys.readouterr().err
    assert (
        re.search(r"\r 75%\|.*\| \d\d:\d\d left, 1 of 2 finished, 1 running, .*\r100%\|.*\| 00:00 left, 2 of 2 finished", shown)
        or not terminal
    )
    assert terminal or shown == ""


def test_the_time_left_of_a_sweep_counts_no_member_that_has_failed(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr("framework.sweep.progress.time.monotonic", lambda: now[0])
    found, shown = Standings([Standing(name, {}, 100) for name in "abcd"]), SweepProgress()
    shown(found)
    assert capsys.readouterr().err == ""
    found.put(Standing("a", {}, 100, state="running"))
    shown(found)
    found.put(Standing("a", {}, 100, state="finished", step=100))
    found.put(Standing("b", {}, 100, state="failed", step=10))
    found.put(Standing("c", {}, 100, state="running", step=50))
    now[0] = 116.0  # 160 steps in 16 seconds; 150 to make, since b makes none
    shown(found)
    assert capsys.readouterr().err == "1 of 4 finished, 1 running, 1 failed; step 160 of 400 (40%), 10 steps/s, 00:15 left\n"
    shown(found)
    assert capsys.readouterr().err == "", "the next line is due after a longer pause"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--engine=proceses"], "there is no engine called 'proceses'. Did you mean 'processes'? engines: batch, processes, slurm."),
        (["--engine=workers"], "there is no engine called 'workers'. engines: batch, processes, slurm."),
        (["--jobs=0"], "jobs = 0: must be at least 1"),
        (["--jobs=two"], "invalid int value: 'two'"),
        (["--worker=2"], "unknown argument '--worker=2'. Did you mean --workdir?"),
        (["--config=quickstart"], "defines no get_sweep(config)"),
    ],
)
def test_mistakes_on_the_command_line_are_explained_and_leave_nothing_behind(more, message, tmp_path, capfd):
    assert run_command(["sweep", "--config=sweeps/init_scale", f"--workdir={tmp_path / 'runs'}", *more]) == 2
    assert message in capfd.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_made_is_a_sentence_and_code_5(capfd):
    assert run_command(["sweep", "--config=sweeps/init_scale", "--workdir=/proc/none/runs"]) == 5
    assert "whygrok: making the folder /proc/none/runs: " in capfd.readouterr().err


ALONE = """
import sys
from plugins.engines import processes
from framework.cli import run_command
processes.COMMAND = ["sh", "-c", "exit 9"]
assert run_command(["sweep", "--config=sweeps/init_scale", f"--workdir={sys.argv[1]}"]) == 1
from jax._src import xla_bridge
assert not xla_bridge._backends, "the sweep itself has taken a device"
"""


def test_a_shipped_sweep_can_be_run_and_leaves_the_devices_to_its_members(tmp_path):
    done = subprocess.run([sys.executable, "-c", ALONE, str(tmp_path / "runs")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "runs" / "sweep.csv", newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["failed"] * 6
