"""whygrok watch: screens of any width and in any encoding."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.cli.looking.live import of_run, of_sweep
from framework.cli.looking.live.canvas import Canvas
from framework.cli.looking.live.panel import MARGIN, Line, Panel
from framework.cli.looking.live.quantiles import COLUMNS, quantiles
from framework.cli.looking.live.words import broken, duration, printable
from framework.records.live import LiveRun, LiveSweep
from framework.storage import Lock, open_file
from tests.runs_by_hand import grokking, looked, plain, rows_of, write_run

KILLED = "killed, or still running"
SIZES = [(width, height) for width in (40, 80, 200) for height in (12, 24, 60)]


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


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\u202e", "\\u202e"),  # text from here on reads from right to left
        ("\u2066", "\\u2066"),
        ("\u2028", "\\u2028"),  # a line separator
        ("\ue000", "\\ue000"),  # of private use
        ("\udc80", "\\udc80"),  # half a character, as names that are no UTF-8 have it
        ("\U000e0001", "\\U000e0001"),
        ("\x1b", "\\x1b"),
        ("\n", " "),
        ("é", "é"),
        ("漢", "漢"),
    ],
)
def test_what_would_turn_or_break_a_line_is_shown_as_its_code(character, shown):
    assert printable(f"a{character}b") == f"a{shown}b"


@pytest.mark.parametrize("text", ["漢字" * 40, "a name 漢字漢字 " * 12, "x" * 300, "word " * 60])
def test_a_sentence_is_broken_by_the_cells_that_its_characters_take(text):
    lines = broken(text, 21, most=3)
    assert len(lines) == 3 and max(line.cell_len for line in lines) <= 21
    assert lines[-1].plain.endswith(" ...")
    whole = broken(text, 21, most=100)
    assert "".join(line.plain for line in whole).replace(" ", "") == text.replace(" ", ""), "nothing is lost"
    assert max(line.cell_len for line in whole) <= 21


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
