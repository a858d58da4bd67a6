"""A second event while the first is being handled: another signal, a full disk where a full disk is reported."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from framework import train
from framework.cli import run_command
from framework.config import members, to_dict
from framework.errors import Interrupted, StorageError
from framework.reading import curves
from framework.run import Checkpoints, RunRecorder, Sessions, checkpoints
from framework.sessions import StopRequest
from framework.sweep import run_sweep
from tests.helpers import QUIET, Here, assert_same_run, cached, slow_but, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")
ROOT = Path(__file__).parents[1]
WHYGROK = str(ROOT / "whygrok.py")
INSTANTS = {  # where the second signal comes
    "saving": (Checkpoints, "save"),
    "writing the arrays": (checkpoints, "write_arrays"),
    "recording": (RunRecorder, "_append"),
    "closing": (RunRecorder, "close"),
    "noting the end": (Sessions, "end"),
}


def once_more(patch, first, second, instant):
    """One signal with the row of step 4, another one around each call of the instant from then on."""
    row, (owner, name) = RunRecorder.row, INSTANTS[instant]
    original, begun = getattr(owner, name), []

    def recorded(self, step, values):
        if step == 4:
            begun.append(step)
            os.kill(os.getpid(), first)
        return row(self, step, values)

    def interrupted(*arguments, **keywords):
        for _ in begun:
            os.kill(os.getpid(), second)
        made = original(*arguments, **keywords)
        for _ in begun:
            os.kill(os.getpid(), second)
        return made

    patch.setattr(owner, name, interrupted)
    patch.setattr(RunRecorder, "row", recorded)


PAIRS = [(instant, *pair) for instant in INSTANTS for pair in [(signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGINT)]]


@pytest.mark.parametrize(("instant", "first", "second"), slow_but(lambda case: case[2] == signal.SIGINT and case[1] != case[2], PAIRS))
def test_a_second_signal_changes_nothing(instant, first, second, tmp_path, uninterrupted, capfd):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(to_dict(tiny())))
    with pytest.MonkeyPatch.context() as patch:
        once_more(patch, first, second, instant)
        assert run_command(["run", f"--config={config}", f"--workdir={tmp_path / 'run'}"]) == 3
    said = capfd.readouterr().err
    assert f"stopped by {first.name} at step 4, after saving. Continue with: " in said and "Traceback" not in said
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["sessions"][-1]["reason"].startswith(f"stopped by {first.name}")
    assert not (tmp_path / "run" / "LOCK").exists()
    assert run_command(["run", f"--workdir={tmp_path / 'run'}"]) == 0
    assert_same_run(tmp_path / "run", uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("engine", [Here(), "batch:size=2"])
def test_a_sweep_that_is_stopped_twice_stops_once(engine, tmp_path):
    made = members(tiny(), [{"seed": 0}, {"seed": 1}, {"seed": 2}])
    with pytest.MonkeyPatch.context() as patch:
        once_more(patch, signal.SIGTERM, signal.SIGINT, "saving")
        with pytest.raises(Interrupted, match="stopped by SIGTERM: 0 of 3 members are finished"):
            run_sweep(made, tmp_path / "runs", engine=engine)
    assert [standing.state for standing in run_sweep(made, tmp_path / "runs", engine=engine)] == ["finished"] * 3
    run_sweep(made, tmp_path / "whole", engine=engine)
    for member in made:
        assert_same_run(tmp_path / "runs" / member.name, tmp_path / "whole" / member.name)


def test_the_first_signal_is_the_one_that_counts():
    with StopRequest() as stop:
        for name in ("SIGUSR1", "SIGTERM", "SIGINT"):
            os.kill(os.getpid(), getattr(signal, name))
    assert stop.received == "SIGUSR1"


LATE = """
import atexit, os, signal, sys
sys.path.insert(0, {root!r})
import framework.cli, whygrok
framework.cli.run_command = lambda arguments: {code}
atexit.register(lambda: os.kill(os.getpid(), signal.SIGTERM))
whygrok.main()
"""


@pytest.mark.parametrize("code", [0, 4])
def test_a_signal_after_the_end_leaves_the_exit_code(code):
    done = subprocess.run([sys.executable, "-c", LATE.format(root=str(ROOT), code=code)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, "")


WAITING = """
threading.Thread(target=time.sleep, args=(600,)).start()
threading.Timer(2, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
"""


@pytest.mark.slow
def test_a_signal_ends_the_wait_for_a_thread_that_a_plugin_left_behind():
    imports, call = LATE.format(root=str(ROOT), code=4), "whygrok.main()"
    program = f"import threading, time\n{imports.partition('atexit.register')[0]}{WAITING}{call}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (4, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device is always full here")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["lst"], 2),
        (["list"], 5),
        pytest.param(["run", "--config=quickstart", "--config.steps=4"], 0, marks=pytest.mark.slow),
    ],
)
def test_where_nothing_can_be_said_the_exit_code_says_it(words, code, tmp_path):
    with open("/dev/full", "wb") as full:
        where = {"stdout": full if words == ["list"] else subprocess.DEVNULL, "stderr": full, "cwd": tmp_path}
        assert subprocess.run([sys.executable, WHYGROK, *words], env=cached(tmp_path / "cache"), **where).returncode == code


@pytest.mark.slow
def test_a_log_that_cannot_be_written_ends_no_member(tmp_path, capfd, monkeypatch):
    made = members(tiny(), [{"seed": 0}, {"seed": 1}])
    (tmp_path / "logs").mkdir()
    for member in made:
        (tmp_path / "logs" / f"{member.name}.log").symlink_to("/dev/full")
    assert [standing.state for standing in run_sweep(made, tmp_path, engine="batch:size=2")] == ["finished"] * 2
    assert "Traceback" not in capfd.readouterr().err


def test_a_full_disk_at_the_save_and_again_at_the_note_of_it_is_one_sentence(tmp_path, monkeypatch, capfd):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(to_dict(tiny())))

    def full(*arguments, **keywords):
        raise StorageError("writing here: the disk is full (0 bytes free)")

    monkeypatch.setattr(Checkpoints, "save", full)
    monkeypatch.setattr(Sessions, "end", full)
    assert run_command(["run", f"--config={config}", f"--workdir={tmp_path / 'run'}"]) == 5
    said = capfd.readouterr().err.splitlines()
    assert said[-1].startswith("whygrok: writing here: the disk is full (0 bytes free). Continue with: whygrok run ")
    assert "Traceback" not in "".join(said) and not (tmp_path / "run" / "LOCK").exists()


@pytest.mark.parametrize("stopped_at", [1, 2])
def test_a_run_that_ends_while_its_curves_are_written_draws_them_when_it_is_given_again(stopped_at, tmp_path, monkeypatch):
    drawn = tiny(recording=QUIET | {"plot": True})
    whole = sorted((file.name, file.read_bytes()) for file in (train(drawn, tmp_path / "whole" / "run").path / "figures").iterdir())
    assert [name for name, _ in whole] == ["curves.csv", "curves.png"]
    write, calls = curves.write_atomically, []

    def stopped(file, content):
        calls.append(file)
        if len(calls) == stopped_at:
            raise KeyboardInterrupt
        write(file, content)

    monkeypatch.setattr(curves, "write_atomically", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(drawn, tmp_path / "run")
    monkeypatch.undo()
    train(drawn, tmp_path / "run")
    again = sorted((file.name, file.read_bytes()) for file in (tmp_path / "run" / "figures").iterdir())
    assert [name for name, _ in again] == ["curves.csv", "curves.png"] and again[0] == whole[0]
