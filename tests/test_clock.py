"""Where the seconds of a session go: accounts that do not overlap, written beside the run and never into its rows."""

import json
import time

import jax
import pytest

from framework import load_run, train
from framework.cli import run_command
from framework.config import to_dict
from framework.run import RunDirectory, Sessions
from framework.training import clock as module
from framework.training.clock import COMPILING, REST, Clock, Compiler, in_words, shared
from tests.helpers import QUIET, rows, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture
def now(monkeypatch):
    """A list with one number: what the time is."""
    moment = [100.0]
    monkeypatch.setattr(module, "perf_counter", lambda: moment[0])
    return moment


def test_accounts_add_up_to_the_time_since_the_clock_was_made(now):
    clock = Clock()
    for seconds, account in ((2.0, "training"), (0.5, "recording"), (3.0, "training")):
        now[0] += 0.25
        with clock.spending(account):
            now[0] += seconds
    assert clock.accounts == {"training": 5.0, "recording": 0.5, COMPILING: 0.0, REST: 0.75}
    assert clock.times["training"] == 2


def test_what_is_spent_before_an_error_is_spent(now):
    clock = Clock()
    with pytest.raises(KeyError), clock.spending("training"):
        now[0] += 4
        raise KeyError
    assert clock.seconds["training"] == 4


def test_work_for_several_is_shared_in_equal_parts(now):
    clocks = [Clock(), Clock()]
    with shared(clocks, "training"):
        now[0] += 3
    with shared([], "training"):
        now[0] += 3
    assert [clock.seconds["training"] for clock in clocks] == [1.5, 1.5]


def test_a_program_that_is_made_while_another_is_made_is_not_counted_twice(now):
    heard = Compiler()
    steps = [(1.0, 1.0), (0.5, 0.5), (0.5, 3.0), (2.0, 2.0)]  # (later by, seconds): the third contains the two before it
    for later, seconds in steps:
        now[0] += later
        heard.hear("/jax/core/compile/backend_compile_duration", seconds)
        heard.hear("/jax/checkpoint/write/durations_sec", 1000.0)
    assert heard.seconds == 5.0


def test_compiling_is_an_account_of_its_own_and_happens_once():
    @jax.jit
    def program(x):
        for _ in range(200):
            x = jax.numpy.sin(x) * 1.5
        return x

    clock, begin = Clock(), time.perf_counter()
    with clock.spending("first"):
        program(1.0).block_until_ready()
    whole, compiled = time.perf_counter() - begin, clock.seconds[COMPILING]
    assert compiled > 0 and clock.seconds["first"] + compiled <= whole
    with clock.spending("second"):
        program(2.0).block_until_ready()
    assert clock.seconds[COMPILING] == compiled


@pytest.mark.parametrize(
    "seconds, words",
    [(0, "0 s"), (0.3456, "0.35 s"), (20.4, "20 s"), (99.7, "100 s"), (119, "119 s"), (1740, "29 minutes"), (12600, "3.5 hours")],
)
def test_durations_are_said_in_words(seconds, words):
    assert in_words(seconds) == words


def test_a_session_records_where_its_time_went_and_its_rows_know_nothing_of_it(tmp_path):
    begin = time.perf_counter()
    train(tiny(), tmp_path / "run")
    whole = time.perf_counter() - begin
    (session,) = json.loads((tmp_path / "run" / "environment.json").read_text())["sessions"]
    expected = {"training", "metrics", "probes.norms", "probes.count", "recording", "checkpoints", COMPILING, REST}
    assert session["seconds"].keys() == expected and min(session["seconds"].values()) >= 0
    assert 0 < sum(session["seconds"].values()) <= whole + 0.01
    names = {name for row in load_run(tmp_path / "run").rows for name in row}
    assert not names & expected and not any("compiling" in line for line in rows(tmp_path / "run"))


def test_what_is_drawn_after_the_end_is_added_to_the_last_session(tmp_path, monkeypatch):
    monkeypatch.setattr("framework.reading.draw_curves", lambda runs, path: [path])
    train(tiny(recording=QUIET | {"plot": True}), tmp_path / "run")
    assert Sessions(RunDirectory.at(tmp_path / "run").environment).seconds["drawing"] >= 0
    assert not (tmp_path / "run" / "LOCK").exists()


def test_the_command_says_at_the_end_where_the_time_went(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(to_dict(tiny())))
    assert run_command(["run", f"--config={tmp_path / 'config.json'}", f"--workdir={tmp_path / 'run'}"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("took     ")]
    assert "checkpoints" in line and "%)" in line  # compiling takes nothing where another test has compiled the same
    content = json.loads((tmp_path / "run" / "environment.json").read_text())
    content["sessions"][-1]["seconds"] = {"training": 30.0, "probes.norms": 10.0, "recording": 0.01}
    (tmp_path / "run" / "environment.json").write_text(json.dumps(content))
    assert run_command(["run", f"--workdir={tmp_path / 'run'}"]) == 0
    assert "took     40 s: training 30 s (75 %), norms 10 s (25 %)\n" in capsys.readouterr().out
    del content["sessions"][-1]["seconds"]  # a run of an earlier version
    (tmp_path / "run" / "environment.json").write_text(json.dumps(content))
    assert run_command(["run", f"--workdir={tmp_path / 'run'}"]) == 0
    assert "took" not in capsys.readouterr().out
