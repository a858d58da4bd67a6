"""Writers: which there are, what they are told, and what a failure costs."""

import logging
import os
import signal
import threading
from dataclasses import dataclass

import pytest

from framework import Pen, Writer, load_run, register, train
from framework.cli import run_command
from framework.config import from_dict, override, select, to_dict
from framework.errors import Interrupted, UserError
from framework.interfaces import Recorded
from framework.run import RunRecorder
from framework.run.writers import apart
from framework.run.writers.telling import Told
from tests.helpers import assert_same_run, rows, tiny
from tests.test_deaths import Killed, killing
from tests.written import assert_same_numbers, scalars, tag_of, told

pytestmark = pytest.mark.usefixtures("clean_registry")
CALLS = ("begin", "row", "pictures", "end")


def failing_writer():
    """Registers a writer that raises where its field says; gives the list in which it notes what it is told."""
    notes = []

    def note(writer, call, *what):
        notes.append((call, *what))
        if call == writer.at:
            raise ConnectionError("no route to the server\nand more of that")

    @register("failing")
    @dataclass(frozen=True, kw_only=True)
    class Failing(Writer):
        """Raises (2026)."""

        at: str = "none"

        def begin(self, about, rows):
            note(self, "begin", about.step, [row.step for row in rows])
            return Noting(self)

    class Noting(Pen):
        def __init__(self, writer):
            self.writer = writer

        def row(self, row):
            note(self.writer, "row", row.step, sorted(row.numbers))

        def pictures(self, step, pictures):
            note(self.writer, "pictures", step, sorted(pictures))

        def end(self, how):
            note(self.writer, "end", how)

        def drop(self):
            notes.append(("drop",))
            raise RuntimeError("it cannot even let go")

    return notes


class Wordless(Exception):
    def __str__(self):
        raise SystemExit("it cannot even say why")


class Unusual(BaseException):
    pass


def odd_writer(act):
    """Registers a writer that acts in the call that its field names; gives the threads in which it was called."""
    threads = set()

    def at(writer, call):
        threads.add(threading.current_thread())
        if call == writer.at:
            act()

    @register("odd")
    @dataclass(frozen=True, kw_only=True)
    class Odd(Writer):
        """Acts (2026)."""

        at: str = "none"

        def begin(self, about, rows):
            at(self, "begin")
            return Acting(self)

    class Acting(Pen):
        def __init__(self, writer):
            self.writer = writer

        def row(self, row):
            at(self.writer, "row")

        def pictures(self, step, pictures):
            at(self.writer, "pictures")

        def end(self, how):
            at(self.writer, "end")

    return threads


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (Unusual("odd"), "Unusual: odd"),
        (GeneratorExit(), "GeneratorExit: no reason given"),
        (Interrupted("stop"), "Interrupted: stop"),
        (Wordless(), "Wordless: no reason given"),
        (RuntimeError("x" * 100_000), f"RuntimeError: {'x' * 300}… (100,000 characters)"),
    ],
)
@pytest.mark.parametrize("call", ["begin", "row", "end"])
def test_whatever_a_writer_raises_the_run_goes_on(call, error, said, tmp_path, uninterrupted, caplog):
    def act():
        raise error

    odd_writer(act)
    train(told(bad=select("odd", at=call)), tmp_path)
    assert warnings_of(caplog) == [f"the writer bad is told no more: {said}; the run goes on, and metrics.jsonl has every row"]
    assert_same_run(tmp_path, uninterrupted)


@pytest.mark.parametrize("call", CALLS)
def test_a_writer_that_hangs_is_named_once_and_left_behind(call, tmp_path, uninterrupted, caplog, monkeypatch):
    monkeypatch.setattr(apart, "PATIENCE", 1.0)
    free = threading.Event()
    threads, notes = odd_writer(free.wait), failing_writer()
    train(told(draws=True, bad=select("odd", at=call), good=select("failing")), tmp_path)
    said = "the writer bad is told no more: it has not answered for 1 s; the run goes on, and metrics.jsonl has every row"
    assert warnings_of(caplog) == [said]
    assert_same_run(tmp_path, uninterrupted)
    assert [note[:2] for note in notes if note[0] == "row"] == [("row", step) for step in (0, 2, 3, 4, 6)]  # another is told all the same
    [thread] = threads
    assert thread.is_alive() and thread.daemon  # it keeps no process from ending
    free.set()
    thread.join(60)
    assert not thread.is_alive()


def test_a_signal_while_a_writer_hangs_is_obeyed_once_it_is_left_behind(tmp_path, uninterrupted, monkeypatch):
    monkeypatch.setattr(apart, "PATIENCE", 1.0)
    free = threading.Event()

    def act():
        os.kill(os.getpid(), signal.SIGTERM)
        free.wait()

    odd_writer(act)
    with pytest.raises(Interrupted, match="stopped by SIGTERM at step 0, after saving"):
        train(told(bad=select("odd", at="row")), tmp_path)
    free.set()
    train(told(bad=select("odd")), tmp_path)
    assert_same_run(tmp_path, uninterrupted)


def test_the_threads_of_writers_end_with_their_session(tmp_path):
    threads = odd_writer(lambda: None)
    train(told(good=select("odd")), tmp_path)
    [thread] = threads
    thread.join(60)
    assert not thread.is_alive() and thread is not threading.main_thread()


@pytest.mark.parametrize("call", CALLS)
def test_a_writer_that_raises_is_named_once_and_the_run_ends_with_the_same_bits(call, tmp_path, uninterrupted, caplog):
    notes = failing_writer()
    train(told(draws=True, bad=select("failing", at=call), tensorboard=select("tensorboard")), tmp_path)
    assert warnings_of(caplog) == [
        "the writer bad is told no more: no route to the server; the run goes on, and metrics.jsonl has every row"
    ]
    assert_same_run(tmp_path, uninterrupted)
    assert_same_numbers(scalars(tmp_path), tmp_path, tag_of)  # another writer is told all the same
    assert notes[-1] == (("begin", 0, []) if call == "begin" else ("drop",))


def test_a_writer_is_told_each_row_once_the_pictures_and_how_it_ended(tmp_path):
    notes = failing_writer()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        killing(patch, RunRecorder, "row", 3, after=False)
        train(told(note=select("failing")), tmp_path)
    assert [note[:2] for note in notes] == [("begin", 0), ("row", 0), ("row", 2), ("row", 3), ("end", "failed")]
    notes.clear()
    train(told(draws=True, note=select("failing")), tmp_path)
    assert notes[0] == ("begin", 3, [0, 2, 3])
    assert [note[:2] for note in notes[1:]] == [("row", 4), ("row", 6), ("pictures", 6), ("end", "finished")]
    assert notes[-2] == ("pictures", 6, ["count", "norms"])


def test_rows_for_a_writer_are_made_one_by_one():
    asked = []
    rows_told = Told([{"step": step} for step in range(1000)], lambda row: asked.append(row["step"]) or Recorded(row["step"], 0.0, {}))
    assert len(rows_told) == 1000 and not asked
    assert (rows_told[-1].step, [row.step for row in rows_told[2:9:3]], len(rows_told[:0])) == (999, [2, 5, 8], 0)
    assert asked == [999, 2, 5, 8] and [row.step for row in rows_told] == list(range(1000))


def test_pictures_are_for_those_that_want_them_and_none_are_drawn_where_the_run_draws_none(tmp_path):
    notes = failing_writer()
    train(told(draws=True, note=select("failing", pictures=False)), tmp_path / "unwanted")
    train(told(draws=False, note=select("failing")), tmp_path / "undrawn")
    assert not [note for note in notes if note[0] == "pictures"]


def test_writers_may_change_at_every_resume_and_change_no_bit(tmp_path, uninterrupted):
    train(told(3), tmp_path)
    train(told(4, late=select("tensorboard")), tmp_path)
    train(told(6, late=select("tensorboard", pictures=False), tensorboard=select("tensorboard")), tmp_path)
    assert_same_numbers(scalars(tmp_path), tmp_path, tag_of)
    assert rows(tmp_path) == rows(uninterrupted)


@pytest.mark.parametrize("given, left", [(False, []), (True, ["tensorboard"]), ("no", []), ("1", ["tensorboard"])])
def test_what_recording_said_of_tensorboard_before_is_still_read(given, left):
    assert list(tiny(recording={"tensorboard": given}).writers) == left
    assert list(override(tiny(recording={}), {"recording.tensorboard": given}).writers) == left
    old = to_dict(tiny(recording={}))
    del old["writers"]
    old["recording"]["tensorboard"] = given
    assert list(from_dict(old).writers) == left


def test_writers_are_named_after_the_colon_and_taken_away():
    assert sorted(tiny(arg="writers=wandb+mlflow", recording={}).writers) == ["mlflow", "tensorboard", "wandb"]
    assert list(tiny(arg="writers=none+mlflow", recording={}).writers) == ["mlflow"]
    assert list(override(tiny(recording={}), {"writers.tensorboard.name": "none"}).writers) == []
    assert override(tiny(), {"writers.mine.name": "wandb", "writers.mine.project": "x"}).writers.mine.project == "x"


@pytest.mark.parametrize(
    "writers, message",
    [
        ({"wnadb": select("wnadb")}, "there is no writer called 'wnadb'. Did you mean 'wandb'?"),
        ({"w": select("wandb", mode="onlin")}, "writers.w.mode = 'onlin': must be one of offline, online"),
        ({"m": select("mlflow", histograms=True)}, "writers.m.histograms = True: MLflow shows no histograms"),
        ({"Checkpoints": select("tensorboard")}, "writers.Checkpoints: a writer cannot be called 'Checkpoints'"),
    ],
)
def test_a_mistake_is_said_before_the_run_begins(writers, message, tmp_path):
    with pytest.raises(UserError) as refused:
        train(told(**writers), tmp_path / "run")
    assert message in str(refused.value) and not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_package_that_is_missing_is_one_sentence_that_names_the_extra(name, tmp_path, monkeypatch):
    monkeypatch.setattr(f"plugins.writers.{name}.find_spec", lambda package: None)
    with pytest.raises(
        UserError,
        match=rf"writers.w.name.*is not installed: pip install 'whygrok\[{name}\]', or set this field to none to go without this writer$",
    ):
        train(told(w=select(name)), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    train(told(2), tmp_path / "other")
    assert load_run(tmp_path / "other").rows


def test_a_second_run_that_only_verifies_the_first_is_told_to_nobody(tmp_path):
    notes = failing_writer()
    train(told(log=select("failing")), tmp_path / "run")
    notes.clear()
    assert run_command(["rerun", str(tmp_path / "run"), "--verify"]) == 0 and notes == []
    assert run_command(["rerun", str(tmp_path / "run"), f"--workdir={tmp_path / 'kept'}"]) == 0 and notes


def test_a_folder_of_a_writer_that_leads_elsewhere_is_refused(tmp_path):
    train(told(2), tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "tensorboard").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="symbolic link"):
        train(told(tensorboard=select("tensorboard")), tmp_path / "run")
    assert not list((tmp_path / "elsewhere").iterdir())
