"""A signal asks: the run saves, says how to go on, and does go on to the same bits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from framework import load_run, train
from framework.cli import run_command
from framework.config import to_dict
from framework.errors import Interrupted
from framework.run import RunRecorder, checkpoints, complete_steps
from framework.sessions import StopRequest
from framework.sessions.signals import NAMES
from framework.storage import read_npz
from tests.helpers import assert_same_run, cached, leaves, slow_but, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")
COMMAND = [str(Path(sys.executable).with_name("whygrok")), "run"]


def signalling(patch, name, step):
    """The process gets a signal when the row of a step is recorded."""
    row = RunRecorder.row

    def recorded(self, number, values):
        if number == step:
            os.kill(os.getpid(), getattr(signal, name))
        return row(self, number, values)

    patch.setattr(RunRecorder, "row", recorded)


@pytest.mark.parametrize("name", slow_but(lambda name: name in ("SIGINT", "SIGTERM"), NAMES))
def test_a_signal_ends_the_run_with_code_3_and_the_line_that_continues_it(name, tmp_path, uninterrupted, capfd, request):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(to_dict(tiny())))
    before = signal.signal(getattr(signal, name), signal.SIG_DFL)  # under nohup, SIGHUP would rightly be left alone
    request.addfinalizer(lambda: signal.signal(getattr(signal, name), before))
    handler = signal.getsignal(getattr(signal, name))
    with pytest.MonkeyPatch.context() as patch:
        signalling(patch, name, step=4)
        assert run_command(["run", f"--config={config}", f"--workdir={tmp_path / 'run'}"]) == 3
    assert signal.getsignal(getattr(signal, name)) == handler
    error = capfd.readouterr().err
    continues = f"whygrok run --workdir={tmp_path / 'run'}"
    assert error.splitlines()[-1] == f"whygrok: stopped by {name} at step 4, after saving. Continue with: {continues}"
    assert leaves(tmp_path / "run", 4) and "Traceback" not in error
    assert run_command(continues.split()[1:]) == 0
    assert_same_run(tmp_path / "run", uninterrupted)


def test_a_signal_at_the_last_step_lets_the_run_end(tmp_path, uninterrupted, monkeypatch):
    signalling(monkeypatch, "SIGTERM", step=6)
    train(tiny(), tmp_path / "run")
    assert_same_run(tmp_path / "run", uninterrupted)


def test_a_signal_between_two_events_is_answered_after_the_chunk(tmp_path, monkeypatch):
    quiet = {"events": {"metrics": "at 0"}, "probes": {}, "checkpoint": {"every_steps": 0, "every_seconds": 0.0, "keep": 2}}
    progress = RunRecorder.progress

    def moved(self, step):
        if step >= 20:
            os.kill(os.getpid(), signal.SIGTERM)
        progress(self, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunRecorder, "progress", moved)
        with pytest.raises(Interrupted, match="stopped by SIGTERM at step ") as stop:
            train(tiny(2_000_000, **quiet), tmp_path / "cut")
    step = int(str(stop.value).split("at step ")[1].split(", after")[0].replace(",", ""))
    assert 20 <= step < 2_000_000
    train(tiny(step, **quiet), tmp_path / "at_once")
    assert leaves(tmp_path / "cut", step) == leaves(tmp_path / "at_once", step)


def test_under_nohup_a_hangup_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
        assert stop.received is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_in_another_thread_leaves_signals_alone():
    before, handlers = [signal.getsignal(getattr(signal, name)) for name in NAMES], []

    def enter():
        with StopRequest():
            handlers.extend(signal.getsignal(getattr(signal, name)) for name in NAMES)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == before


@pytest.mark.slow
def test_interrupted_half_a_second_after_the_start_ends_without_a_traceback(tmp_path):
    process = subprocess.Popen([*COMMAND, "--config=quickstart", f"--workdir={tmp_path / 'run'}"], stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 3 and "Traceback" not in error and error.count("\n") == 1


@pytest.mark.slow
def test_a_process_that_is_terminated_continues_to_the_same_bits(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(to_dict(tiny(10_000_000, events={"metrics": "log"}))))
    process = subprocess.Popen(
        [*COMMAND, f"--config={tmp_path / 'config.json'}", f"--workdir={tmp_path / 'run'}", "--config.checkpoint.every_steps=0"],
        stderr=subprocess.PIPE,
        text=True,
        env=cached(tmp_path / "cache"),
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "metrics.jsonl").is_file() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 3 and "Traceback" not in error
    step = int(error.splitlines()[-1].split("stopped by SIGTERM at step ")[1].split(", after")[0].replace(",", ""))
    train(tiny(step, events={"metrics": "log"}), tmp_path / "run")
    train(tiny(step, events={"metrics": "log"}), tmp_path / "at_once")
    assert leaves(tmp_path / "run", step) == leaves(tmp_path / "at_once", step)


class CellTimeout(Exception):
    """What a notebook's user raises to end a cell."""


class Timer:
    """A handler that is an object."""

    def __call__(self, number, frame):
        raise CellTimeout("it has taken too long")


def as_the_systems(number, frame):
    raise TimeoutError("it has taken too long")


@pytest.mark.parametrize("handler", [Timer(), as_the_systems], ids=["object", "function"])
@pytest.mark.parametrize("call", ["write_arrays", "move", "read_arrays", "difference"])
def test_what_a_users_own_handler_raises_around_a_state_reaches_the_user(call, handler, tmp_path, uninterrupted, monkeypatch):
    shutil.copytree(uninterrupted, tmp_path / "run")
    usual, steps = getattr(checkpoints, call), complete_steps(tmp_path / "run" / "checkpoints")

    def interrupted(*given, **named):
        os.kill(os.getpid(), signal.SIGALRM)
        return usual(*given, **named)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with monkeypatch.context() as patch, pytest.raises((CellTimeout, TimeoutError), match="it has taken too long"):
            patch.setattr(checkpoints, call, interrupted)
            train(tiny(9), tmp_path / "run")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert complete_steps(tmp_path / "run" / "checkpoints")[-len(steps) :] == steps
    assert not list(tmp_path.rglob("*.damaged*"))
    assert train(tiny(9), tmp_path / "run").steps[-1] == 9 and load_run(tmp_path / "run").rows


def test_an_archive_that_is_read_while_a_users_own_handler_raises_is_whole(uninterrupted, monkeypatch):
    monkeypatch.setattr(np, "load", lambda *given, **named: os.kill(os.getpid(), signal.SIGALRM))
    before = signal.signal(signal.SIGALRM, Timer())
    try:
        with pytest.raises(CellTimeout):
            read_npz(next(uninterrupted.glob("arrays/*.npz")))
    finally:
        signal.signal(signal.SIGALRM, before)
