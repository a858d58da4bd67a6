"""whygrok watch at a terminal: keys, signals, sizes, and folders that come, go and take long to search."""

import json
import os
import pty
import re
import select
import shutil
import signal
import sys
import termios
import time
from pathlib import Path

import pytest

from framework.cli import run_command
from framework.cli.looking.live import of_sweep
from framework.cli.looking.live.source import Source
from framework.records.live import LiveSweep
from framework.storage import Lock
from tests.runs_by_hand import grokking, looked, plain
from tests.terminals import started_at

KILLED = "killed, or still running"
ROOT = Path(__file__).parents[1]
WATCH = [sys.executable, str(ROOT / "whygrok.py"), "watch"]
ESCAPE = "\x1b"


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

    def __init__(self, *words, columns=80, rows=24, program=None, **environment):
        self.outer, inner = pty.openpty()
        self._resize(columns, rows)
        self.before = termios.tcgetattr(inner)
        self._inner, self.said = inner, ""
        variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR")}
        variables |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"} | environment
        self.process = started_at(inner, [*([sys.executable, *program] if program else WATCH), *words], variables)

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


def test_a_sweep_that_vanishes_is_said_to_be_gone_and_is_followed_when_it_is_there_again(tmp_path):
    folder = tmp_path / "sweep"
    source = Source(folder)
    for number in range(2):  # the second time it comes and goes as the first
        grokking(folder / "seed=0", KILLED)
        assert "1 member:  1 killed" in plain(looked(source).screen(80, 24, True)), number
        shutil.rmtree(folder)
        assert f"{folder.name} does not exist any more" in plain(looked(source).screen(200, 24, True)), number
        assert not source.is_over
    grokking(folder)
    assert looked(source).is_run and source.is_over


def test_a_search_that_takes_long_is_put_aside_and_gone_on_with(tmp_path):
    for number in range(3):
        grokking(tmp_path / f"group={number}" / "seed=0")
    sweep, counts = LiveSweep(tmp_path), []
    while not counts or sweep.is_partial:
        sweep.look(0.0)  # a single folder at each look
        counts.append(len(sweep.members))
        assert not (sweep.is_partial and sweep.is_over), "there may be more that runs"
        assert ("still reading" in plain(of_sweep.screen(sweep, 80, 24))) == sweep.is_partial
    assert counts == sorted(counts) and {0, 1, 2, 3} == set(counts) and sweep.is_over


def test_of_very_many_members_a_look_reads_some_and_the_next_one_more(tmp_path):
    for number in range(3):
        grokking(tmp_path / f"seed={number}")
    sweep = looked(LiveSweep(tmp_path))
    assert len(sweep.members) == 3 and sweep.is_over, "a look without a limit comes to all of them"
    sweep, counts = LiveSweep(tmp_path), []
    while not counts or sweep.is_partial:
        sweep.look(0.0)
        counts.append((len(sweep.members), sweep.is_over))
    assert counts[-1] == (3, True) and (1, False) in counts and (2, False) in counts


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_a_watch_of_a_folder_that_takes_for_ever_to_search(tmp_path, presses):
    """Folders without end in place of a large disk; the first Ctrl-C ends the watch at the end of a look, the second at once."""
    endless = f"""
import itertools, os, signal, sys, time
from framework.cli import run_command
from framework.records.live import sweep
def folders(root, left_out):
    for number in itertools.count():
        if {presses} == 2 and number == 3:
            print("hanging", flush=True)
            while True:
                time.sleep(0.01)
        time.sleep(0.01)
        yield None
sweep.searched_below = folders
sys.exit(run_command(["watch", {str(tmp_path)!r}]))
"""
    terminal = Terminal(program=["-c", endless])
    terminal.until("q or Ctrl-C ends" if presses == 1 else "hanging")
    for _ in range(presses):
        terminal.type(b"\x03")
        time.sleep(0.3)
    assert terminal.end() == 0
    assert "The watch has ended" in terminal.said and "Traceback" not in terminal.said


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
