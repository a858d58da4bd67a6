"""A run and a sweep that other processes write, looked at again and again: what their files say at that moment, and no more."""

import json
import os
import time

import pytest

from framework.records.live import LiveRun, LiveSweep
from framework.records.live import run as live_run
from framework.storage import Lock
from tests.helpers import content
from tests.runs_by_hand import looked, rows_of, write_run

KILLED = "killed, or still running"


def append(folder, *rows, end="\n"):
    with open(folder / "metrics.jsonl", "a") as file:
        file.write("".join(json.dumps(row) + end for row in rows))


def sessions(*those, **facts):
    """environment.json of sessions: (from_step, at_step, reason)."""
    start = {"start": "2026-01-01T00:00:00.000+00:00", "end": "2026-01-01T00:01:00.000+00:00"}
    made = [start | {"from_step": begun, "at_step": at, "reason": reason} for begun, at, reason in those]
    return json.dumps({"sessions": made, "headline": "accuracy"} | facts)


def test_a_run_goes_from_missing_to_finished_as_its_files_do(tmp_path):
    folder = tmp_path / "run"
    run = LiveRun(folder)
    assert looked(run).state == "missing"
    write_run(folder, reason=KILLED)
    assert looked(run).state == "killed", "nobody holds its lock"
    with Lock(folder / "LOCK"):
        assert (looked(run).state, run.who.split()[1], run.steps) == ("starting", str(os.getpid()), 100)
        append(folder, *rows_of([0.1, 0.995]))
        assert (looked(run).state, run.step, run.outcome.grokked) == ("running", 10, 10)
        assert run.curves["test/accuracy"] == ([0, 10], [0.1, 0.995])
        append(folder, {"step": 20, "seconds": 1.0, "train/accuracy": 1.0, "test/accuracy": 0.5})
        assert (looked(run).step, run.outcome.grokked) == (20, None)
    (folder / "environment.json").write_text(sessions((0, 20, "stopped by SIGINT at step 20")))
    assert (looked(run).state, run.said) == ("stopped", "stopped by SIGINT at step 20")
    (folder / "environment.json").write_text(sessions((0, 20, "stopped by SIGINT at step 20"), (20, 100, "complete")))
    assert (looked(run).state, run.step) == ("finished", 100)
    said = [(one.step, one.said) for one in run.happened]
    assert said == [
        *[(0, "begun"), (10, "fitted the training set"), (20, "stopped by SIGINT at step 20"), (20, "resumed"), (100, "finished")]
    ]


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("complete", "finished"),
        ("stop_when: test/accuracy >= 0.9 (step 10)", "finished"),
        ("training diverged: the objective is not finite", "failed"),
        ("stopped by SIGTERM at step 10", "stopped"),
        (KILLED, "killed"),
    ],
)
def test_how_a_run_stands_is_what_its_last_session_said(tmp_path, reason, state):
    assert looked(LiveRun(write_run(tmp_path / "run", rows=rows_of([0.1, 0.2]), reason=reason))).state == state


def test_a_torn_row_waits_and_a_row_that_is_damaged_is_said(tmp_path):
    folder = write_run(tmp_path / "run", rows=rows_of([0.1, 0.2]), reason=KILLED)
    append(folder, {"step": 20, "test/accuracy": 0.75}, end="")
    run = looked(LiveRun(folder))
    assert (run.step, run.damage) == (10, [])
    append(folder, end="")
    with open(folder / "metrics.jsonl", "a") as file:
        file.write("\nnonsense\n")
    assert (looked(run).step, run.outcome.test, run.damage) == (20, 0.75, []), "a resume cuts the last line"
    append(folder, {"step": 30, "test/accuracy": 0.75})
    looked(run)
    assert run.damage == ["metrics.jsonl cannot be read: the line after step 20 holds no row"]
    write_run(folder, rows=rows_of([0.5]), reason=KILLED)  # repaired: the rows begin anew
    assert (looked(run).step, run.damage, run.curves["test/accuracy"]) == (0, [], ([0], [0.5]))


def test_a_run_that_ends_during_a_look_was_not_killed(tmp_path, monkeypatch):
    """Its files are read after it was asked who writes them: the other way round, it may have said its last word in between."""
    folder, read = write_run(tmp_path / "run", rows=rows_of([0.1]), reason=KILLED), live_run.read_environment

    def ended_meanwhile(path):
        content = read(path)
        os.unlink(folder / "LOCK")
        return content

    monkeypatch.setattr(live_run, "read_environment", ended_meanwhile)
    with Lock(folder / "LOCK"):
        assert looked(LiveRun(folder)).state == "running"


@pytest.mark.parametrize("values", [[0.5] * 2, [0.5] * 3, [0.25] * 6, [0.123456] * 6], ids=["shorter", "equal", "longer", "longer rows"])
def test_rows_that_are_written_over_in_place_are_read_anew(tmp_path, values):
    """As cp and rsync --inplace write: the file keeps its inode."""
    folder = write_run(tmp_path / "run", rows=rows_of([0.1, 0.2, 0.3]), reason=KILLED)
    run, inode = looked(LiveRun(folder)), os.stat(folder / "metrics.jsonl").st_ino
    other = write_run(tmp_path / "other", rows=rows_of(values), reason=KILLED)
    with open(folder / "metrics.jsonl", "r+b") as file:
        file.truncate(0)
        file.write((other / "metrics.jsonl").read_bytes())
    assert os.stat(folder / "metrics.jsonl").st_ino == inode
    assert (looked(run).damage, run.curves["test/accuracy"][1]) == ([], values)


@pytest.mark.parametrize("file", ["config.json", "environment.json", "metrics.jsonl"])
def test_a_file_that_claims_to_be_huge_is_said_to_be_damaged_and_not_read(tmp_path, file):
    folder = write_run(tmp_path / "run", rows=rows_of([0.1, 0.2]))
    with open(folder / file, "r+b") as sparse:
        sparse.truncate(60 * 10**9)
    (said,) = looked(LiveRun(folder)).damage
    assert said.startswith(f"{file} cannot be read: ")
    assert "60,000,000,000 bytes, and at most 100,000,000 are read" in said or file == "metrics.jsonl"


def test_a_link_to_what_never_ends_is_not_read(tmp_path):
    folder = write_run(tmp_path / "run", rows=rows_of([0.1, 0.2]))
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("/dev/zero")
    assert looked(LiveRun(folder)).damage == ["config.json cannot be read: it is no file"]


@pytest.mark.parametrize("file", ["config.json", "environment.json", "metrics.jsonl"])
@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"steps": "many", "sessions": 3}\n', b"\xff\xfe", None])
def test_no_damage_ends_a_look_and_what_is_repaired_is_read_again(tmp_path, file, damage):
    folder = write_run(tmp_path / "run", rows=rows_of([0.1, 0.2, 0.3]))
    whole = (folder / file).read_bytes()
    (folder / file).unlink()
    (folder / file).mkdir() if damage is None else (folder / file).write_bytes(damage)
    run = looked(LiveRun(folder))
    assert bool(run.damage) == (file != "metrics.jsonl"), "a last line of rows is only torn"
    (folder / file).rmdir() if damage is None else (folder / file).unlink()
    (folder / file).write_bytes(whole)
    assert (looked(run).state, run.step, run.outcome.test, run.damage) == ("finished", 20, 0.3, [])


def test_the_rate_is_that_of_the_last_ten_seconds_and_the_time_left_counts_what_has_passed(tmp_path):
    rows = [{"step": step, "seconds": seconds} for step, seconds in [(0, 0.0), (10, 30.0), (20, 31.0), (60, 41.0)]]
    folder = write_run(tmp_path / "run", rows=rows, reason=KILLED)
    with Lock(folder / "LOCK"):
        os.utime(folder / "metrics.jsonl", (time.time() - 4, time.time() - 4))
        run = looked(LiveRun(folder))
        assert run.rate == pytest.approx(40 / 10)  # from step 20 on: compiling, before step 10, has no part in it
        assert run.left == pytest.approx((100 - 60) / 4 - 4, abs=0.5) and run.took == 41.0
    assert (looked(run).rate, run.left) == (None, None), "nobody trains it"


def test_without_times_in_the_rows_the_rate_is_that_at_which_they_come(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("framework.records.live.pace.time.monotonic", lambda: now[0])
    folder = write_run(tmp_path / "run", rows=[{"step": 0}, {"step": 5}], reason=KILLED)
    with Lock(folder / "LOCK"):
        run = looked(LiveRun(folder))
        assert run.rate is None, "both were there at the first look"
        now[0] = 2.0
        append(folder, {"step": 25})
        assert looked(run).rate == pytest.approx(20 / 2)


def test_what_happened_names_probes_that_failed_once_and_interventions(tmp_path):
    rows = [{"step": step, "failed": {"norms": "ValueError: no"}, **({"prune/distance": 0.5} if step == 7 else {})} for step in (3, 7)]
    folder = write_run(tmp_path / "run", {"interventions": {"prune": {"name": "prune"}}}, rows)
    said = [(one.step, one.said) for one in looked(LiveRun(folder)).happened]
    assert said == [(0, "begun"), (3, "probe norms failed: ValueError: no"), (7, "intervention prune"), (7, "finished")]


def test_another_headline_is_read_off_the_environment_and_off_the_rows_of_older_runs(tmp_path):
    rows = [
        {"step": step, "train/accuracy": 0.0, "test/accuracy": 0.0, "train/pair_accuracy": 1.0, "test/pair_accuracy": 0.9}
        for step in (0, 1)
    ]
    for name, facts in (("new", {"headline": "pair_accuracy"}), ("old", {"headline": None})):
        run = looked(LiveRun(write_run(tmp_path / name, rows=rows, **facts)))
        assert (run.headline, run.outcome.test, run.curves["test/pair_accuracy"]) == ("pair_accuracy", 0.9, ([0, 1], [0.9, 0.9]))


TABLE = "member,seed,state,step,steps,headline,train,test,fitted,grokked,said,log\n"


def table(folder, *rows):
    (folder / "sweep.csv").write_text(TABLE + "".join(f"{name},0,{state},,100,accuracy,,,,,{said},\n" for name, state, said in rows))


def states(sweep):
    sweep.look()
    return {member.name: member.state for member in sweep.members}


def test_a_sweep_stands_as_the_runs_say_and_where_they_cannot_as_its_table_does(tmp_path):
    write_run(tmp_path / "done", rows=rows_of([0.1, 1.0]))
    write_run(tmp_path / "going", rows=rows_of([0.1] * 5), reason=KILLED)
    write_run(tmp_path / "dead", rows=rows_of([0.1]), reason=KILLED)
    write_run(tmp_path / "diverged", rows=rows_of([0.1]), reason="training diverged")
    told = [(name, "running", "") for name in ("done", "going", "dead", "diverged")]
    table(
        tmp_path,
        *told,
        ("lost", "failed", "killed by SIGKILL"),
        ("later", "waiting", ""),
        ("soon", "running", ""),
        ("../done", "failed", ""),
    )
    sweep = LiveSweep(tmp_path)
    with Lock(tmp_path / "going" / "LOCK"):
        found = {"done": "finished", "going": "running", "dead": "starting", "diverged": "failed", "lost": "failed", "later": "waiting"}
        assert states(sweep) == found | {"soon": "starting"}, "the table is fresh: what it calls running is on its way"
        os.utime(tmp_path / "sweep.csv", (1.6e9, 1.6e9))
        assert states(sweep) == found | {"dead": "killed", "soon": "waiting"}
        assert (sweep.steps, sweep.steps_done) == (700, 100 + 40)
        # at 20 steps per second; the two that failed make none
        assert sweep.rate == pytest.approx(20) and sweep.left == pytest.approx((60 + 100 + 100 + 100) / 20)
    assert {member.name: member.said for member in sweep.in_state("failed")} == {
        "diverged": "training diverged",
        "lost": "killed by SIGKILL",
    }
    assert not sweep.is_over


def test_a_folder_of_runs_needs_no_table_and_is_over_when_all_are(tmp_path):
    write_run(tmp_path / "a" / "seed=10", rows=rows_of([0.1]))
    write_run(tmp_path / "a" / "seed=9", rows=rows_of([0.1]), reason="training diverged")
    write_run(tmp_path / "b.old", rows=rows_of([0.1]))
    sweep = LiveSweep(tmp_path)
    assert list(states(sweep).items()) == [("a/seed=9", "failed"), ("a/seed=10", "finished")]
    assert sweep.is_over
    assert not states(LiveSweep(tmp_path / "nowhere"))


def test_looking_writes_nothing(tmp_path):
    write_run(tmp_path / "one", rows=rows_of([0.1]))
    table(tmp_path, ("one", "finished", ""), ("two", "waiting", ""))
    before = content(tmp_path)
    states(LiveSweep(tmp_path))
    assert content(tmp_path) == before


@pytest.mark.parametrize("text", [b"", b"nonsense", b'member\n"' + b"a" * 200_000, b"member,state\n\xff,failed\n"])
def test_a_table_that_is_none_hides_no_run(tmp_path, text):
    write_run(tmp_path / "one", rows=rows_of([0.1]))
    (tmp_path / "sweep.csv").write_bytes(text)
    assert states(LiveSweep(tmp_path))["one"] == "finished"
