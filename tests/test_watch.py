"""whygrok watch: screens of any width and in any encoding, and the terminal that shows them."""

import json
import math
import os
import pty
import re
import select
import signal
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.cli import run_command
from framework.cli.looking.live import of_run, of_sweep
from framework.cli.looking.live.canvas import Canvas
from framework.cli.looking.live.panel import MARGIN, Line, Panel
from framework.cli.looking.live.quantiles import COLUMNS, quantiles
from framework.cli.looking.live.words import duration
from framework.records.live import LiveRun, LiveSweep
from framework.records.live import run as live_run
from framework.storage import Lock, open_file
from tests.runs_by_hand import rows_of, write_run
from tests.terminals import started_at

KILLED = "killed, or still running"
ROOT = Path(__file__).parents[1]
WATCH = [sys.executable, str(ROOT / "whygrok.py"), "watch"]
ESCAPE = "\x1b"
SIZES = [(width, height) for width in (40, 80, 200) for height in (12, 24, 60)]


def grokking(folder, reason="complete", name="accuracy", steps=100):
    """A run that fits at step 10 and generalizes at step 60."""
    rows = []
    for step in (0, 1, 2, 5, 10, 20, 50, 60, steps):
        test = 1.0 if step >= 60 else 0.1
        rows.append({"step": step, "seconds": 0.25 * step, f"train/{name}": 1.0 if step >= 10 else 0.5, f"test/{name}": test})
        rows[-1] |= {"train/loss": 10.0 ** -(step / 25), "test/loss": 2.0 - test}
    return write_run(folder, {"steps": steps}, rows, reason, headline=name)


def looked(thing):
    thing.look()
    return thing


def plain(lines):
    return "\n".join(line.plain for line in lines)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_screen_of_a_run_keeps_to_its_size_and_says_what_counts(tmp_path, width, height, ascii_only, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = grokking(Path("run"), KILLED)
    with Lock(folder / "LOCK"):
        lines = of_run.screen(looked(LiveRun(folder)), width, height, ascii_only)
    assert len(lines) <= height and max(line.cell_len for line in lines) <= width
    said = plain(lines)
    assert "running" in said and "step 100 of 100 (100%)" in said and "4 steps/s" in said and "train 1.000" in said
    assert ("fitted 10" in said and "grokked 60" in said) or height < 24
    assert said.isascii() == ascii_only


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("count", [1, 5, 40])
def test_a_screen_of_a_sweep_keeps_to_its_size_and_counts_all_members(tmp_path, width, height, count, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(count):
        grokking(
            Path(f"s/learning_rate={number},seed={number}"), KILLED if number % 3 == 0 else "complete" if number % 3 == 1 else "it diverged"
        )
    with Lock(Path("s/learning_rate=0,seed=0/LOCK")):
        lines = of_sweep.screen(looked(LiveSweep(Path("s"))), width, height, True)
    assert len(lines) <= height and max(line.cell_len for line in lines) <= width
    said = plain(lines)
    each = [len([n for n in range(count) if n % 3 == kind]) for kind in range(3)]
    assert f"{count} member" in said and "1 running" in said
    if count > 3:
        assert all(words in said for words in (f"{each[0] - 1} killed", f"{each[1]} finished", f"{each[2]} failed"))
    assert "it diverged" in said or count == 1
    assert "test accuracy" in said or height < 24


def test_failures_that_are_alike_are_said_once(tmp_path):
    for number in range(3):
        write_run(tmp_path / f"seed={number}", rows=rows_of([0.1]), reason="out of memory" if number else "it diverged")
    lines = plain(of_sweep.screen(looked(LiveSweep(tmp_path)), 80, 24)).splitlines()
    assert lines[-3:] == ["2 failed: out of memory", "seed=1, seed=2", "seed=0 failed: it diverged"]


def test_what_a_stranger_wrote_moves_no_cursor(tmp_path):
    folder = tmp_path / "a\x1b[2Jb"
    run = looked(LiveRun(write_run(folder, rows=[{"step": 0, "failed": {"\x1b]0;x\x07": "no\r\nno"}}], reason="it \x1b[31mdiverged")))
    for lines in (of_run.screen(run, 80, 24), of_sweep.screen(looked(LiveSweep(tmp_path)), 80, 24)):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(line.plain for line in lines))
        assert "\\x1b[31mdiverged" in plain(lines)


def test_a_dot_of_braille_is_where_unicode_says():
    dots = {(0, 3): 0x2801, (0, 2): 0x2802, (0, 1): 0x2804, (1, 3): 0x2808, (1, 2): 0x2810, (1, 1): 0x2820, (0, 0): 0x2840, (1, 0): 0x2880}
    for (x, y), code in dots.items():
        canvas = Canvas(1, 1, ascii_only=False)
        canvas.dot(x, y, "o", "")
        canvas.dot(7, 7, "o", "")  # outside
        assert [line.plain for line in canvas.lines()] == [chr(code)]


def test_a_curve_is_drawn_where_its_axes_say():
    steps = [0, 9, 99]  # at 0, a half and the end of the axis: log(1 + step)
    panel = Panel("accuracy", [Line("test", steps, [0.0, 0.5, 1.0], "", "o")], 99, {"fitted": 9})
    width, rows = MARGIN + 21, 11
    title, marks, *drawn, axis = (line.plain for line in panel.drawn(width, rows, ascii_only=True))
    assert title == " " * MARGIN + "accuracy  o test" and marks.strip() == "fitted 9"
    assert marks.index("fitted 9") + 4 == MARGIN + 10
    places = {row: [place - MARGIN for place, letter in enumerate(line) if letter == "o"] for row, line in enumerate(drawn)}
    assert places[0][-1] == 20 and 10 in places[5] and places[10][0] == 0
    assert [line[:MARGIN].strip() for line in drawn] == ["1", *[""] * 4, "0.5", *[""] * 4, "0"]
    assert axis.index("0") == MARGIN and axis[MARGIN + round(20 * math.log(2) / math.log(100))] == "1"


def test_a_loss_is_drawn_between_powers_of_ten_and_zero_is_left_out():
    panel = Panel("loss", [Line("train", [0, 1, 2], [50.0, 0.02, 0.0], "", ".")], 2, {}, log_y=True)
    _, _, *drawn, _ = (line.plain for line in panel.drawn(MARGIN + 10, 5, ascii_only=True))
    assert [line[:MARGIN].strip() for line in drawn] == ["1e+2", "", "1e+0", "", "1e-2"]
    assert drawn[0][MARGIN] == "." and drawn[4].rstrip().endswith(".") and len(drawn[4].rstrip()) < MARGIN + 10


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=5, max_size=30))
def test_quantiles_are_those_of_the_values_at_each_step(values):
    steps = [0, 3, 50]
    slow, middle, fast = quantiles([(steps, one) for one in values], 50)
    assert len(middle.steps) <= COLUMNS and (middle.steps[0], middle.steps[-1]) == (0, 50)
    for place, step in ((0, 0), (1, 3), (1, 40), (2, 50)):
        column = [one[place] for one in values]
        for line, share in ((slow, 0.1), (middle, 0.5), (fast, 0.9)):
            at = line.steps.index(max(there for there in line.steps if there <= step))
            assert line.values[at] == np.quantile(column, share, method="nearest")


@pytest.mark.parametrize(("seconds", "said"), [(5, "00:05"), (3725, "1:02:05"), (90000, "1 day 1:00:00"), (180000, "2 days 2:00:00")])
def test_durations_read_as_in_bars_of_progress(seconds, said):
    assert duration(seconds) == said


# The command


def test_where_no_terminal_is_one_screen_is_printed_without_a_control_character(tmp_path, capfd):
    assert run_command(["watch", str(grokking(tmp_path / "run"))]) == 0
    out, err = capfd.readouterr()
    assert "finished" in out and "step  60  grokked: test at least 0.99" in out and err == ""
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["frst", "--once"], "frst does not exist yet. Did you mean 'first'?"),
        (["empty", "--once"], "no run is in or below empty yet"),
        (["file", "--once"], "file is a file, not a folder with a run or a sweep"),
        (["first", "--every=0"], "--every=0: between 0.1 and 3600 seconds are allowed"),
        (["first", "--every=soon"], "invalid float value: 'soon'"),
        (["first", "--evry=1"], "unknown argument '--evry=1'. Did you mean --every?"),
    ],
)
def test_mistakes_are_sentences(tmp_path, monkeypatch, capfd, words, message):
    monkeypatch.chdir(tmp_path)
    grokking(Path("first"))
    Path("empty").mkdir()
    Path("file").write_text("")
    assert run_command(["watch", *words]) == 2
    assert message in capfd.readouterr().err


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, *words, columns=80, rows=24, **environment):
        self.outer, inner = pty.openpty()
        self._resize(columns, rows)
        self.before = termios.tcgetattr(inner)
        self._inner, self.said = inner, ""
        variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR")}
        variables |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"} | environment
        self.process = started_at(inner, [*WATCH, *words], variables)

    def _resize(self, columns, rows):
        termios.tcsetwinsize(self.outer, (rows, columns))

    resize = _resize

    def until(self, words):
        """Reads until something is there, since the last time."""
        found, latest = "", time.monotonic() + 60
        while not re.search(words, found):
            assert time.monotonic() < latest and select.select([self.outer], [], [], 60)[0], found
            found += os.read(self.outer, 65536).decode(errors="replace")
        self.said += found
        return found

    def type(self, keys):
        os.write(self.outer, keys)

    def end(self):
        """The exit code, when all that was said is read."""
        latest = time.monotonic() + 60
        while self.process.poll() is None or select.select([self.outer], [], [], 0)[0]:
            assert time.monotonic() < latest, self.said
            if select.select([self.outer], [], [], 0.05)[0]:
                self.said += os.read(self.outer, 65536).decode(errors="replace")
        after = termios.tcgetattr(self._inner)
        assert after[:4] == self.before[:4], "the terminal is as it was"
        os.close(self._inner)
        os.close(self.outer)
        return self.process.returncode


@pytest.fixture
def running(tmp_path):
    folder = grokking(tmp_path / "run", KILLED)
    with Lock(folder / "LOCK"):
        yield folder


@pytest.mark.parametrize(("key", "code"), [(b"q", 0), (b"\x03", 0), (b"\x1c", 3), (signal.SIGTERM, 3), (signal.SIGHUP, 3)])
def test_a_watch_that_somebody_ends_leaves_the_terminal_as_it_was(running, key, code):
    terminal = Terminal(str(running))
    terminal.until("q or Ctrl-C ends")
    terminal.type(key) if isinstance(key, bytes) else terminal.process.send_signal(key)
    assert terminal.end() == code
    assert terminal.said.count("\x1b[?1049h") == terminal.said.count("\x1b[?1049l") == 1, "its own screen is left"
    assert ("The watch has ended; what trains goes on." in terminal.said) == (code == 0) and "Traceback" not in terminal.said
    assert (running / "LOCK").exists()


def test_a_watch_whose_terminal_is_closed_ends(running, tmp_path):
    terminal = Terminal(str(running), PYTHONFAULTHANDLER="1")
    terminal.until("q or Ctrl-C ends")
    os.close(terminal._inner)
    os.close(terminal.outer)
    assert terminal.process.wait(60) == 3


HUGE = 10**400
OUTRAGEOUS = {
    "steps of a config": {"changes": {"steps": HUGE}},
    "the step of an end": {"sessions": [{"at_step": HUGE, "from_step": -HUGE, "reason": "stopped by SIGINT"}]},
    "a date before all dates": {"sessions": [{"start": "0001-01-01T00:00:00+14:00", "reason": "complete"}]},
    "a date after all dates": {"sessions": [{"end": "9999-12-31T23:59:59-12:00", "reason": "complete"}]},
}


@pytest.mark.parametrize("what", OUTRAGEOUS)
def test_numbers_and_dates_that_no_run_has_are_shown_as_well_as_can_be(what, tmp_path):
    given = OUTRAGEOUS[what]
    folder = write_run(tmp_path / "run", given.get("changes", {}), rows_of([0.1, 0.2]))
    if "sessions" in given:
        (folder / "environment.json").write_text(json.dumps({"sessions": given["sessions"]}))
    lines = of_run.screen(looked(LiveRun(folder)), 80, 24)
    assert len(lines) <= 24 and "step" in plain(lines)
    assert of_sweep.screen(looked(LiveSweep(tmp_path)), 80, 24)


def test_a_run_that_will_never_end_is_said_to_take_that_long(tmp_path):
    rows = [{"step": 0, "seconds": 0.0, "train/accuracy": 0.1}, {"step": 1, "seconds": 1e300, "train/accuracy": 0.1}]
    folder = write_run(tmp_path / "run", {"steps": 2**62}, rows, KILLED)
    with Lock(folder / "LOCK"):
        assert "centuries left" in plain(of_run.screen(looked(LiveRun(folder)), 120, 24))


def test_a_run_that_ends_during_a_look_was_not_killed(running, monkeypatch):
    """Its files are read after it was asked who writes them: the other way round, it may have said its last word in between."""
    read = live_run.read_environment

    def ended_meanwhile(path):
        content = read(path)
        os.unlink(running / "LOCK")
        return content

    monkeypatch.setattr(live_run, "read_environment", ended_meanwhile)
    assert looked(LiveRun(running)).state == "running"


def test_a_watch_waits_for_a_run_follows_it_and_ends_with_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    terminal = Terminal("run", "--every=0.1")
    terminal.until("does not exist yet")
    folder = grokking(tmp_path / "run", KILLED, steps=1000)
    with Lock(folder / "LOCK"):
        terminal.until("running")
        with open(folder / "metrics.jsonl", "a") as file:
            file.write(json.dumps({"step": 1234, "seconds": 300.0}) + "\n")
        terminal.until("step 1,234")
    grokking(tmp_path / "run", "complete")
    assert terminal.end() == 0
    assert "finished" in terminal.said.rpartition("\x1b[?1049l")[2], "the last screen stays"


def test_a_watch_follows_a_change_of_size_before_its_next_look(running):
    terminal = Terminal(str(running), "--every=600")
    assert "╌╌" in terminal.until("q or Ctrl-C ends")
    terminal.resize(30, 10)
    seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.until("q or Ctrl-C ends watching"))
    assert max(len(line.strip("\r")) for line in seen.split("\n")) <= 30
    terminal.type(b"q")
    assert terminal.end() == 0


def test_a_watch_can_be_put_aside_and_taken_up_again(running):
    terminal = Terminal(str(running))
    terminal.until("q or Ctrl-C ends")
    terminal.type(b"\x1a")
    terminal.until(r"\x1b\[\?1049l")
    while "T" not in Path(f"/proc/{terminal.process.pid}/stat").read_text().rpartition(")")[2].split()[0]:
        time.sleep(0.01)
    assert termios.tcgetattr(terminal.outer)[3] & termios.ICANON, "the shell has its lines back"
    terminal.process.send_signal(signal.SIGCONT)
    terminal.until("q or Ctrl-C ends")
    terminal.type(b"q")
    assert terminal.end() == 0


@pytest.mark.parametrize(
    ("environment", "allowed"),
    [({"NO_COLOR": "1"}, r"\x1b\[(\?\d+[hl]|H|2J|0m|[12](;[12])*m)"), ({"TERM": "dumb"}, r"(?!)")],
    ids=["no colour", "dumb"],
)
def test_what_a_terminal_cannot_or_may_not_show_is_not_sent(tmp_path, environment, allowed):
    terminal = Terminal(str(grokking(tmp_path / "run")), **environment)
    assert terminal.end() == 0
    assert "finished" in terminal.said and ESCAPE not in re.sub(allowed, "", terminal.said)


def test_on_a_dumb_terminal_a_screen_stands_at_the_beginning_and_at_the_end(running):
    terminal = Terminal(str(running), "--every=0.1", TERM="dumb")
    terminal.until("grokked: test")
    grokking(running)
    os.unlink(running / "LOCK")
    assert terminal.end() == 0
    assert terminal.said.isascii() and terminal.said.count("grokked: test") == 2


def test_a_sweep_of_hundreds_is_read_once_and_then_only_where_it_grows(tmp_path, monkeypatch):
    for number in range(200):
        write_run(tmp_path / f"seed={number}", rows=rows_of([0.1] * 5))
    sweep, opened = looked(LiveSweep(tmp_path)), []
    monkeypatch.setattr("framework.records.live.growing.open_file", lambda path: opened.append(path) or open_file(path))
    sweep.look()
    assert opened == []
    with open(tmp_path / "seed=7" / "metrics.jsonl", "a") as file:
        file.write(json.dumps({"step": 90, "test/accuracy": 1.0}) + "\n")
    sweep.look()
    assert [path.parent.name for path in opened] == ["seed=7"] and sweep.steps_done == 200 * 100
