"""How far a run is: what a terminal, a notebook and a log file get to see."""

import re
import sys

import pytest

from framework import load_run
from framework.run import progress
from framework.run.progress import Progress
from framework.sweep import Standing, Standings, SweepProgress


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_log_file_gets_whole_lines_at_growing_intervals(clock, capsys):
    shown = Progress(6000)
    shown.start(0, [])
    shown.row({"step": 0, "train/accuracy": 0.5, "test/accuracy": 0.125})
    moments = []
    for second in range(1, 601):  # ten minutes, ten steps a second
        clock.now = float(second)
        shown.step(10 * second)
        if said := capsys.readouterr().err:
            moments.append(second)
            assert re.fullmatch(r"step [0-9,]+ of 6,000 \(\d+%\), 10 steps/s(, \d\d:\d\d left)?; train 0.500, test 0.125\n", said)
    shown.close()
    assert moments[:4] == [10, 25, 48, 82] and len(moments) == 8
    assert all(later - former >= 1.4 * (former - before) for before, former, later in zip(moments, moments[1:], moments[2:], strict=False))
    assert capsys.readouterr().err == "step 6,000 of 6,000 (100%), 10 steps/s; train 0.500, test 0.125\n"


def test_the_end_is_said_once_and_a_restored_run_counts_its_own_steps(clock, capsys):
    shown = Progress(100)
    shown.start(40, [{"step": 40, "train/pair_accuracy": 1.0}])
    clock.now = 20.0
    shown.step(100)
    assert capsys.readouterr().err == "step 100 of 100 (100%), 3 steps/s; train 1.000\n"
    shown.close()
    assert capsys.readouterr().err == ""


class Stream:
    """Standard error, as a program may have set it. how: what it does when it is written to."""

    def __init__(self, how, is_terminal):
        self._how, self._is_terminal = how, is_terminal

    def write(self, text):
        if self._how == "full":
            raise OSError(28, "No space left on device")
        if self._how == "closed":
            raise ValueError("I/O operation on closed file")
        if self._how == "bytes":
            raise TypeError("a bytes-like object is required, not 'str'")

    def isatty(self):
        if self._how == "closed":
            raise ValueError("I/O operation on closed file")
        return self._is_terminal


class Halves:
    """Something that can be written to, and nothing else."""

    def write(self, text):
        return len(text)


ODD = {f"{how}, {kind}": Stream(how, kind == "a terminal") for how in ("full", "closed", "bytes") for kind in ("a terminal", "a file")}


@pytest.mark.parametrize("stream", [None, Halves(), *ODD.values()], ids=["none", "writes only", *ODD])
@pytest.mark.parametrize("steps", [0, 1_000])
def test_a_stream_that_cannot_be_written_ends_neither_a_run_nor_a_sweep_nor_a_look(steps, stream, clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("framework.sweep.progress.time", clock)
    shown, of_sweep = Progress(steps), SweepProgress()
    shown.start(0, [{"step": 0, "train/accuracy": 0.5}])
    standings = Standings([Standing("a", {}, 100), Standing("b", {}, 100)])
    for step in range(steps):
        clock.now += 1.0
        shown.step(step)
        shown.row({"step": step, "test/accuracy": 0.5})
        standings.put(Standing("a", {}, 100, "running", step))
        of_sweep(standings)
    shown.close()
    of_sweep.close()


def test_a_look_at_all_of_training_needs_no_standard_error(uninterrupted, monkeypatch):
    run = load_run(uninterrupted)
    monkeypatch.setattr(sys, "stderr", None)
    steps, _ = run.over_time(lambda model: 1.0)
    assert steps.tolist() == run.steps


@pytest.mark.parametrize("where", ["terminal", "notebook"])
def test_where_a_line_can_be_written_over_there_is_a_bar(where, monkeypatch, capsys):
    stream = type("OutStream", (), {"__module__": "ipykernel.iostream" if where == "notebook" else "io"})
    written = []
    monkeypatch.setattr(sys, "stderr", stream())
    for name, value in {"write": written.append, "flush": lambda: None, "isatty": lambda: where == "terminal", "encoding": "utf-8"}.items():
        monkeypatch.setattr(stream, name, staticmethod(value) if callable(value) else value, raising=False)
    shown = Progress(10)
    shown.start(0, [])
    shown.step(10)
    shown.close()
    assert "\r" in "".join(written) and "10/10" in "".join(written)
