"""The engine `processes`: members share processes; one that dies takes no other with it; the bits are those of `whygrok run`."""

import json
import signal
import subprocess
import time

import pytest

from framework.cli import run_command
from framework.sweep import SweepFolder, run_sweep
from plugins.engines import processes
from tests.dying_members import NAMES, states, swept, table
from tests.helpers import assert_same_run, cached, content

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture
def started(monkeypatch):
    """The processes that are started, in order."""
    made = []

    class Counted(processes.Process):
        def __init__(self, *arguments):
            made.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(processes, "Process", Counted)
    return made


@pytest.mark.slow
def test_members_that_die_take_no_other_with_them_and_end_in_the_same_bits(command, tmp_path, finished, started, monkeypatch, capfd):
    runs = tmp_path / "runs"

    monkeypatch.setenv("DEATH", "0 kill 1 raise")
    assert run_command(command) == 1
    out, err = capfd.readouterr()
    assert [row["state"] for row in table(runs)] == ["failed", "failed", "finished"]
    assert (
        f"{NAMES[0]} failed: killed by SIGKILL" in out
        and f"{NAMES[1]} failed: probe death failed at step 4: RuntimeError: the fourth" in out
    )
    assert "Traceback" not in out + err and "was too much" in (runs / "logs" / f"{NAMES[1]}.log").read_text()
    assert len(started) == 3, "nothing is known of a process in which something failed"
    third = content(runs / NAMES[2])

    monkeypatch.setenv("DEATH", "0 stop")
    assert run_command(command) == 3
    assert [row["state"] for row in table(runs)] == ["stopped", "waiting", "finished"]
    assert "stopped by SIGTERM" in capfd.readouterr().err

    monkeypatch.delenv("DEATH")
    started.clear()
    assert run_command(command) == 0
    assert len(started) == 1, "one process has trained both"
    assert content(runs / NAMES[2]) == third
    for name in NAMES:
        assert_same_run(runs / name, finished / name)
        assert f"resuming at step 3 of 6: {runs / name}" in (runs / "logs" / f"{name}.log").read_text() or name == NAMES[2]


@pytest.mark.slow
def test_a_plugin_that_reads_its_input_or_leaves_takes_no_member_with_it(command, tmp_path, finished, monkeypatch, capfd):
    monkeypatch.setenv("DEATH", "0 read 1 exit")
    assert run_command(command) == 2
    assert [row["state"] for row in table(tmp_path / "runs")] == ["finished", "failed", "finished"]
    assert "it has had enough" in (tmp_path / "runs" / "logs" / f"{NAMES[1]}.log").read_text()
    for name in NAMES[::2]:
        assert_same_run(tmp_path / "runs" / name, finished / name)


@pytest.mark.slow
def test_a_thread_that_a_plugin_leaves_behind_keeps_no_sweep_from_its_end(command, tmp_path, finished, monkeypatch):
    monkeypatch.setenv("DEATH", "2 linger")
    monkeypatch.setattr(processes, "PATIENCE", 1.0)
    begun = time.monotonic()
    assert run_command([*command, "--jobs=1"]) == 0
    assert time.monotonic() - begun < 300, "the thread sleeps for 600 seconds"
    assert [row["state"] for row in table(tmp_path / "runs")] == ["finished"] * 3
    for name in NAMES:
        assert_same_run(tmp_path / "runs" / name, finished / name)


def test_a_process_that_cannot_start_is_told_like_any_member(command, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(processes, "COMMAND", ["sh", "-c", "echo 'whygrok: the disk is full' >&2; exit 5"])
    standings = run_sweep(swept(), tmp_path / "runs", jobs=2)
    assert states(standings) == ["failed"] * 3
    assert {standing.said for standing in standings} == {"the disk is full"}
    assert run_command(command) == 5
    assert capfd.readouterr().out.count("failed: the disk is full") == 3


@pytest.mark.slow
def test_a_process_ends_when_nobody_is_there_to_give_it_members(tmp_path):
    """As after kill -9 of the sweep: what it has is done, then it goes."""
    sweep = SweepFolder(swept(), tmp_path / "runs", lambda standings: None)
    sweep.create()
    member = {"arguments": processes.member_arguments(sweep, NAMES[0]), "log": str(sweep.log(NAMES[0]))}
    environment = cached(tmp_path / "programs")
    done = subprocess.run(processes.COMMAND, input=json.dumps(member) + "\n", env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
    assert sweep.is_finished(NAMES[0]) and "new run of 6 steps" in sweep.log(NAMES[0]).read_text()


@pytest.mark.slow
def test_a_process_without_a_member_obeys_signals(tmp_path):
    idle = subprocess.Popen(processes.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with idle:
        idle.stdin.write(json.dumps({"arguments": ["--config=no_such_config"], "log": str(tmp_path / "log")}).encode() + b"\n")
        idle.stdin.flush()
        assert idle.stdout.readline() == b"2\n" and idle.wait() == 2
        assert "no_such_config" in (tmp_path / "log").read_text()
    with subprocess.Popen(processes.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(60) in (3, -signal.SIGTERM)  # the latter where it was too early to listen
