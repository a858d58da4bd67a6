"""All runs below folders in one table: what it says, what its index may and may not do, and what is left out."""

import csv
import json
import os
import sys

import pytest

from framework import collect, load_run, train
from framework.cli import run_command
from framework.errors import UserError
from framework.reading import milestones
from framework.records import gathering, index
from framework.records.names import names_by_difference, short_fields
from framework.storage import Lock
from tests.runs_by_hand import rows_of, settle, write_run
from tests.test_startup import imported

INDEX = ".whygrok-collected.json"


@pytest.fixture
def runs(tmp_path):
    """A sweep of three, one run of another optimizer deeper below, and folders that are none."""
    root = tmp_path / "runs"
    for rate, test in ((0.1, [0.1, 0.5, 0.995, 1.0]), (0.01, [0.1, 0.2]), (0.001, [0.1])):
        write_run(
            root / "rates" / f"optimizer.learning_rate={rate}", {"optimizer.learning_rate": rate}, rows_of(test, **{"norms/linf": rate})
        )
    changes = {"optimizer.name": "gd", "optimizer.weight_decay": None, "seed": 3, "task.p": 13}
    write_run(root / "a" / "b" / "other", changes, rows_of([0.25]), "diverged at step 7: loss = nan")
    (root / "rates" / "configs").mkdir()
    (root / "rates" / "configs" / "x.json").write_text("{}")
    (root / "empty").mkdir()
    return root


def test_a_row_says_what_a_run_ran_with_and_what_it_reached(runs):
    table = collect(runs, columns=["norms/linf", "model.width"])
    assert [row["member"] for row in table] == ["other", *(f"optimizer.learning_rate={rate}" for rate in (0.001, 0.01, 0.1))]
    assert table.fields == ["task.p", "optimizer.learning_rate"]  # weight_decay has one value where there is one
    best = table[3]
    assert best == {
        "path": str(runs / "rates" / "optimizer.learning_rate=0.1"),
        "member": "optimizer.learning_rate=0.1",
        **{"seed": 0, "task": "modular_addition", "model": "quadratic", "optimizer": "adamw", "penalty": "none", "probes": "norms"},
        **{"optimizer.learning_rate": 0.1, "task.p": 11},
        **{"state": "finished", "step": 30, "steps": 100, "headline": "accuracy", "train": 1.0, "test": 1.0, "fitted": 10, "grokked": 20},
        **{"examples": None, "said": "", "norms/linf": 0.1, "model.width": "44"},
    }
    assert [table[0][name] for name in ("optimizer", "seed", "task.p", "optimizer.learning_rate")] == ["gd", 3, 13, 0.01]
    assert [table[0][name] for name in ("state", "said", "test", "norms/linf")] == ["failed", "diverged at step 7: loss = nan", 0.25, None]


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("complete", "finished"),
        ("stop_when: test/accuracy >= 0.99 (step 20)", "finished"),
        ("stopped by SIGTERM at step 20, after saving", "stopped"),
        ("killed, or still running", "stopped"),
        ("failed", "failed"),
    ],
)
def test_how_a_run_stands_is_what_its_last_session_says(tmp_path, reason, state):
    write_run(tmp_path / "run", {}, rows_of([0.1, 0.2, 0.3]), reason)
    assert (collect(tmp_path)[0]["state"], collect(tmp_path)[0]["step"]) == (state, 20)


def test_a_run_that_is_being_written_is_running_and_its_torn_last_line_waits(tmp_path):
    folder = write_run(tmp_path / "run", {}, rows_of([0.1, 0.2]), "killed, or still running")
    with open(folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 20, "test/acc')
    with Lock(folder / "LOCK"):
        assert (collect(tmp_path)[0]["state"], collect(tmp_path)[0]["test"]) == ("running", 0.2)
    assert collect(tmp_path)[0]["state"] == "stopped"


def test_a_warm_call_reads_only_what_has_changed(runs, monkeypatch):
    first, read = list(collect(runs)), []
    monkeypatch.setattr(gathering, "read_record", lambda folder: read.append(folder) or pytest.fail(folder))
    assert list(collect(runs)) == first and read == []
    monkeypatch.undo()
    one = runs / "rates" / "optimizer.learning_rate=0.01"
    write_run(one, {"optimizer.learning_rate": 0.01}, rows_of([0.1, 0.2, 0.75]))
    reading = gathering.read_record
    monkeypatch.setattr(gathering, "read_record", lambda folder: read.append(folder) or reading(folder))
    assert collect(runs)[2]["test"] == 0.75 and read == [str(one)]
    (one / "config.json").rename(runs / "gone")
    assert len(collect(runs)) == 3 and len(json.loads((runs / INDEX).read_bytes().partition(b"\n")[2])["runs"]) == 3


def test_what_has_just_changed_is_read_again(runs):
    collect(runs)
    one = runs / "rates" / "optimizer.learning_rate=0.01" / "metrics.jsonl"
    for value in ("0.3", "0.4"):  # the same size within one tick of a coarse clock
        one.write_text(f'{{"step": 0, "test/accuracy": {value}}}\n')
        status = one.stat()
        assert collect(runs)[2]["test"] == float(value)
        os.utime(one, ns=(status.st_mtime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other version", "not ours", "a folder"])
def test_an_index_that_cannot_be_used_counts_as_none(runs, damage, monkeypatch):
    first, file = list(collect(runs)), runs / INDEX
    stored = file.read_bytes()
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    elif damage == "other version":
        monkeypatch.setattr(index, "FORMAT", index.FORMAT + 1)
    else:
        ruined = stored.replace(b"0.995", b"0.994") if b"0.995" in stored else stored.replace(b"finished", b"finishes")
        file.write_bytes({"empty": b"", "cut": stored[: len(stored) // 2], "flipped": ruined, "not ours": b"[]\n{}"}[damage])
    assert list(collect(runs)) == first
    assert list(collect(runs)) == first


def test_a_root_that_may_not_be_written_is_collected_and_left_as_it_is(runs, monkeypatch):
    def refuse(path, *arguments, **keywords):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("framework.storage.files.open", refuse, raising=False)
    assert len(collect(runs)) == 4
    assert not (runs / INDEX).exists()


def test_a_damaged_folder_is_named_and_the_others_are_collected(runs, capfd):
    for name in ("config", "row", "line", "sessions", "nothing"):
        write_run(runs / f"bad-{name}", {"seed": 9}, rows_of([0.1, 0.2]))
    (runs / "bad-config" / "config.json").write_text('{"task": 1}')
    (runs / "bad-row" / "metrics.jsonl").write_text('{"step": 0}\n[]\n')
    (runs / "bad-line" / "metrics.jsonl").write_text('{"step": 0}\n{"step"\n{"step": 2}\n')
    (runs / "bad-sessions" / "environment.json").write_text('{"sessions": 3}')
    (runs / "bad-nothing" / "config.json").unlink()
    write_run(runs / "first.old-2", {}, rows_of([0.1]))
    table = collect(runs)
    assert len(table) == 4
    assert {os.path.basename(folder): why for folder, why in table.left_out.items()} == {
        "bad-config": "config.json holds no config: it has no task",
        "bad-row": "metrics.jsonl, line 2 is no row: b'[]'",
        "bad-line": "metrics.jsonl, line 2 is not JSON: b'{\"step\"'",
        "bad-sessions": "environment.json cannot be read: it holds no sessions",
        "bad-nothing": "has no config.json",
        "first.old-2": "set aside by --fresh",
    }
    assert run_command(["collect", str(runs)]) == 0
    out, err = capfd.readouterr()
    assert "4 runs" in out and f"left out: {runs}/bad-sessions: environment.json cannot be read: it holds no sessions" in err


def test_members_of_a_sweep_that_have_no_run_are_named_up_to_a_screenful(runs, capfd):
    lines = [
        "member,seed,state,said",
        "optimizer.learning_rate=0.1,0,finished,",
        'seed=1,1,failed,"mesh.examples = 3: no, really"',
        *(f"seed={i},{i},queued," for i in range(2, 40)),
    ]
    (runs / "rates" / "sweep.csv").write_text("\n".join(lines))
    left_out = collect(runs).left_out
    assert len(left_out) == 39 and left_out[f"{runs}/rates/seed=1"] == "has no run: failed: mesh.examples = 3: no, really"
    assert left_out[f"{runs}/rates/seed=2"] == "has no run: queued"
    assert run_command(["collect", str(runs)]) == 0
    err = capfd.readouterr().err
    assert err.count("left out: ") == 21 and "left out: 19 more" in err


def test_a_run_below_two_roots_or_a_link_counts_once(runs):
    (runs / "again").symlink_to(runs / "rates")
    (runs / "a" / "loop").symlink_to(runs)
    assert len(collect(runs, runs / "rates")) == 4
    assert len(collect(runs / "a" / "b" / "other")) == 1 and not (runs / "a" / "b" / "other" / INDEX).exists()


def test_runs_are_called_by_what_they_differ_in():
    assert short_fields(["optimizer.learning_rate", "task.p", "optimizer.name", "seed"]) == {
        "optimizer.learning_rate": "learning_rate",
        "task.p": "p",
        "optimizer.name": "optimizer",
        "seed": "seed",
    }
    assert short_fields(["optimizer.inner.rho", "optimizer.rho"]) == {"optimizer.inner.rho": "inner.rho", "optimizer.rho": "optimizer.rho"}
    settings = [{"task.p": 7, "seed": 0, "recording.plot": True}, {"task.p": 11, "seed": 0, "recording.plot": False}]
    assert names_by_difference(settings, ["task.p", "recording.plot"]) == ["p=7", "p=11"]
    assert names_by_difference(settings, ["recording.plot"]) is None


def test_the_table_fits_80_columns_on_a_terminal(runs, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    write_run(runs / "long", {"model.width": "9" * 60}, rows_of([0.5], **{"norms/linf": 0.123456}))
    assert run_command(["collect", str(runs), "--columns", "norms/linf"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "optimizer=adamw,lear" not in out and "0.1235" in out and "all columns: --output=FILE.csv" in out
    assert run_command(["collect", str(runs / "rates")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["run", "step", "train", "test", "fitted", "grokked"]
    assert lines[3].split() == ["learning_rate=0.1", "30", "1", "1", "10", "20"]
    assert lines[4] == "3 runs, all with state finished"


def test_tables_are_written_as_csv_and_json(runs, tmp_path, capfd):
    for kind in ("csv", "json"):
        assert run_command(["collect", str(runs), f"--output={tmp_path}/all.{kind}", "--columns", "norms/linf"]) == 0
    with open(tmp_path / "all.csv", newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["norms/linf"] for row in written] == ["", "0.001", "0.01", "0.1"]
    assert json.loads((tmp_path / "all.json").read_text()) == list(collect(runs, columns=["norms/linf"]))
    assert run_command(["collect", str(runs), f"--output={tmp_path}/all.xlsx"]) == 2
    assert "a table is written as .csv, .json, .parquet" in capfd.readouterr().err


def test_without_pandas_or_pyarrow_a_sentence_says_how_to_install_them(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="pip install pandas"):
        collect(runs).to_pandas()
    with pytest.raises(UserError, match="pip install pyarrow"):
        collect(runs).write(tmp_path / "all.parquet")


def test_parquet_and_a_data_frame_hold_the_same_numbers(runs, tmp_path):
    pandas, parquet = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
    table = collect(runs, columns=["plugins", "norms/linf"])
    table.write(tmp_path / "all.parquet")
    assert parquet.read_table(tmp_path / "all.parquet").column("norms/linf").to_pylist() == [None, 0.001, 0.01, 0.1]
    assert isinstance(table.to_pandas(), pandas.DataFrame) and list(table.to_pandas()["task.p"]) == [13, 11, 11, 11]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{runs}", "--columns", "norms/lnf"], "'norms/lnf' is no field and no column of these runs. Did you mean 'norms/linf'?"),
        (
            ["{runs}", "--columns", "lerning_rate"],
            "Did you mean 'optimizer.learning_rate'? They differ in: task.p, optimizer.learning_rate.",
        ),
        (["{runs}/empty"], "no run is in or below {runs}/empty: no folder there has a config.json."),
        (["{runs}/rates/configs/x.json"], "{runs}/rates/configs/x.json is a file, not a folder"),
        (["{runs}/rate"], "there is no folder {runs}/rate. Did you mean 'rates'?"),
    ],
)
def test_mistakes_are_a_sentence_with_the_nearest_name(runs, words, message, capfd):
    assert run_command(["collect", *(word.format(runs=runs) for word in words)]) == 2
    err = capfd.readouterr().err
    assert message.format(runs=runs) in err and "Traceback" not in err and err.count("\n") == 1


def test_a_link_that_leads_to_itself_hides_no_run(runs):
    before = collect(runs)
    (runs / "rates" / "loop").symlink_to("loop")
    (runs / "rates" / "nowhere").symlink_to("gone")
    after = collect(runs)
    assert list(after) == list(before) and after.left_out == before.left_out
    with pytest.raises(UserError, match=r"there is no folder .*rate\. Did you mean 'rates'"):
        collect(runs / "rate")


def test_collecting_imports_no_jax(runs):
    code, modules, said = imported(runs, "collect", ".")
    assert code == 0 and "4 runs" in said
    assert modules & {"jax", "flax", "optax", "orbax", "matplotlib", "scipy"} == set()


@pytest.mark.slow
def test_a_run_says_the_same_as_when_it_is_loaded(tmp_path, small_config):
    with small_config.unlocked():
        small_config.recording.plot = False
    train(small_config, tmp_path / "run")
    (row,), run = collect(tmp_path, columns=["norms/linf"]), load_run(tmp_path / "run")
    assert row["examples"] == len(run.experiment.splits.train) == 24  # 49 pairs, half of them
    assert (row["state"], row["step"], row["steps"], row["headline"]) == ("finished", 10, 10, "accuracy")
    assert {"fitted": row["fitted"], "grokked": row["grokked"]} == milestones(run)
    assert row["norms/linf"] == run.metrics()["norms/linf"][-1]
    settle(tmp_path / "run")
    assert list(collect(tmp_path)) == list(collect(tmp_path))


def test_names_that_are_too_long_for_a_terminal_have_their_fields_by_initials(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    for seed in (0, 1):
        changes = {"optimizer.learning_rate": 0.0125 + seed, "optimizer.weight_decay": 1.25 + seed, "seed": seed}
        write_run(tmp_path / str(seed), changes, rows_of([0.1, 0.2 + seed][: 1 + seed]), ["complete", "failed"][seed])
    assert run_command(["collect", str(tmp_path)]) == 0
    header, first, second, legend, *_ = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["lr=0.0125,wd=1.25,seed=0", "finished"] and second.split()[0] == "lr=1.0125,wd=2.25,seed=1"
    assert legend == "lr: learning_rate, wd: weight_decay"
