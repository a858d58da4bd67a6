"""whygrok sweep: members in processes; what dies stops no other, and the same command goes on to the same bits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from framework.cli import run_command
from framework.config import members, select
from framework.errors import Interrupted, StorageError, UserError
from framework.storage import Lock
from framework.sweep import choose_engine, run_sweep
from plugins.engines import processes
from tests.dying_members import NAMES, config, states, swept, table
from tests.helpers import assert_same_run, content

pytestmark = pytest.mark.usefixtures("clean_registry")

# Stands for training where that is not the point: $1 is --config=…, $2 is --workdir=…
COPY = 'to="${2#--workdir=}"; cp -r "$FINISHED/$(basename "$to")/." "$to"'
# Stands for `whygrok work`: takes the arguments of each member from its line, and answers with the exit code of a script.
WORK = """
exec 3>&1
value() { value=${line#*"$1"}; value=${value%%\\"*}; }
while read -r line; do
    value --config=; config=$value; value --workdir=; workdir=$value; value '"log": "'; log=$value
    set -- "--config=$config" "--workdir=$workdir"
    { SCRIPT; } >>"$log" 2>&1; echo $? >&3
done
"""


@pytest.fixture
def instead(monkeypatch, finished):
    """Has a shell script run in place of training."""
    monkeypatch.setenv("FINISHED", str(finished))

    def runs(script):
        monkeypatch.setattr(processes, "COMMAND", ["sh", "-c", WORK.replace("SCRIPT", script), "sh"])

    return runs


@pytest.mark.slow
def test_a_sweep_that_is_stopped_and_whose_members_die_ends_in_the_same_bits(command, tmp_path, finished, monkeypatch, instead, capfd):
    runs = tmp_path / "runs"

    monkeypatch.setenv("DEATH", "0 stop")
    assert run_command(command) == 3
    out, err = capfd.readouterr()
    assert [row["state"] for row in table(runs)] == ["stopped", "waiting", "waiting"]
    assert "seed=0,member=0  stopped " in out and "Traceback" not in out + err
    said, continues = err.splitlines()[-1].split(". Continue with: whygrok ")
    assert said == "whygrok: stopped by SIGTERM: 0 of 3 members are finished, 1 stopped on the way" and continues.split() == command
    sessions = json.loads((runs / NAMES[0] / "environment.json").read_text())["sessions"]
    assert sessions[-1]["reason"].startswith("stopped by SIGTERM at step 4")

    monkeypatch.setenv("DEATH", "1 kill 2 raise")
    assert run_command([*command, "--jobs=2"]) == 1
    out, err = capfd.readouterr()
    assert [row["state"] for row in table(runs)] == ["finished", "failed", "failed"]
    assert (
        f"{NAMES[1]} failed: killed by SIGKILL" in out
        and f"{NAMES[2]} failed: probe death failed at step 4: RuntimeError: the fourth" in out
    )
    assert f"({runs / 'logs' / NAMES[2]}.log)" in out and "Traceback" not in out + err
    assert "was too much" in (runs / "logs" / f"{NAMES[2]}.log").read_text()
    first = content(runs / NAMES[0])

    monkeypatch.delenv("DEATH")
    assert run_command(command) == 0
    assert content(runs / NAMES[0]) == first
    for name in NAMES:
        assert_same_run(runs / name, finished / name)
    before = content(runs)
    instead("exit 9")
    assert run_command(command) == 0, "a finished sweep starts nothing"
    assert {name: kept for name, (_, kept) in content(runs).items()} == {name: kept for name, (_, kept) in before.items()}


def test_the_table_says_of_every_member_what_its_run_says(tmp_path, finished, instead):
    instead(COPY)
    standings = run_sweep(swept(), tmp_path / "runs")
    assert states(standings) == ["finished"] * 3
    for row, name, seed in zip(table(tmp_path / "runs"), NAMES, range(3), strict=True):
        last = json.loads((finished / name / "metrics.jsonl").read_text().splitlines()[-1])
        assert [row["member"], row["seed"], row["probes.death.member"]] == [name, str(seed), str(seed)]
        assert [float(row["train"]), float(row["test"])] == [last["train/accuracy"], last["test/accuracy"]]
        assert [row["step"], row["headline"], row["log"]] == ["6", "accuracy", f"logs/{name}.log"]
        assert (tmp_path / "runs" / row["log"]).is_file()
        assert json.loads((tmp_path / "runs" / "configs" / f"{name}.json").read_text())["seed"] == seed


def test_at_most_so_many_members_run_at_once(tmp_path, instead):
    instead(f"sleep 0.3; {COPY}")
    seen = []
    run_sweep(swept(), tmp_path / "runs", jobs=2, show=lambda standings: seen.append(states(standings).count("running")))
    assert max(seen) == 2


@pytest.mark.parametrize(("limit", "processes_used"), [(0, 1), (1, 3), (2, 2)])
def test_a_process_trains_so_many_members_before_another_takes_its_place(limit, processes_used, tmp_path, instead):
    instead(f"echo $$ >>{tmp_path}/processes; {COPY}")
    assert states(run_sweep(swept(), tmp_path / "runs", engine=f"processes:members={limit}")) == ["finished"] * 3
    assert len(set((tmp_path / "processes").read_text().split())) == processes_used


def test_the_engine_that_is_chosen_is_said_in_a_line(tmp_path, instead, caplog, monkeypatch):
    caplog.set_level("INFO", "whygrok")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    instead(COPY)
    run_sweep(swept(), tmp_path / "runs")
    said = "engine processes: 1 job on 2 cores; each process trains one member after another (--jobs=2 would use both cores)"
    assert [line for line in caplog.messages if line.startswith("engine")] == [said]
    caplog.clear()
    run_sweep(swept(), tmp_path / "runs", jobs=2)
    run_sweep(swept(), tmp_path / "again", jobs=2, engine="processes")
    assert not any(line.startswith("engine") for line in caplog.messages), "nothing is left to train, or somebody has named it"
    assert choose_engine(swept(), 2).why == "2 jobs on 2 cores; each process trains one member after another"


def test_the_table_is_written_at_the_start_and_the_end_and_now_and_then(tmp_path, instead, monkeypatch):
    instead(COPY)
    written = []
    monkeypatch.setattr("framework.sweep.folder.write_atomically", lambda path, text: written.append(text))
    begun = time.monotonic()
    run_sweep(swept(range(3)), tmp_path / "runs")
    assert 2 <= len(written) <= 3 + (time.monotonic() - begun), "not at each of the six changes"
    assert written[0].count("waiting") == 3 and written[-1].count("finished") == 3


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -9 $$", "killed by SIGKILL"),
        ("echo 'whygrok: training diverged'; echo 'whygrok: warning: slow'; exit 4", "training diverged"),
        ("echo 'whygrok: new run of 6 steps'; exit 7", "ended with exit code 7, without a word"),
        ("exit 2", "ended with exit code 2, without a word"),
        ("kill -41 $$", "killed by signal 41"),
        ("exit 0", "ended with exit code 0, without a word"),
        (f"cat {Path(__file__).parent / 'data' / 'traceback.txt'}; exit 1", "ValueError: too many"),
    ],
)
def test_a_failure_is_told_in_the_sentence_with_which_it_ended(script, said, tmp_path, instead):
    (tmp_path / "runs" / "logs").mkdir(parents=True)
    (tmp_path / "runs" / "logs" / f"{NAMES[1]}.log").write_text("whygrok: the last time it was something else\n")
    instead(f'case "$2" in *{NAMES[1]}) {script};; esac; {COPY}')
    standings = run_sweep(swept(), tmp_path / "runs")
    assert states(standings) == ["finished", "failed", "finished"]
    assert standings[1].said == said
    assert "something else" in (tmp_path / "runs" / standings[1].log).read_text(), "the log of an earlier attempt stays"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer.lerning_rate": 0.1}, r"member 2 \(.*\): optimizer.lerning_rate.*learning_rate"),
        ({"optimizer.learning_rate": -1.0}, r"member 2 \(.*\): optimizer.learning_rate = -1.0"),
        ({"events.metrics": "hourly"}, r"member seed=2,.*: events.metrics = 'hourly'"),
        ({"probes.train.name": "norms"}, r"member seed=2,.*: probes.train: a probe cannot be called 'train'"),
    ],
)
def test_a_mistake_in_the_third_member_is_found_before_the_first_starts(changes, message, tmp_path):
    wrong = [{"seed": seed, "probes.death.member": seed, **(changes if seed == 2 else {})} for seed in range(3)]
    with pytest.raises(UserError, match=message):
        run_sweep(members(config(), wrong), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_sweep_needs_a_config_and_a_folder_of_its_own(finished, command, capfd):
    assert run_command(["sweep", "--workdir=runs"]) == 2
    assert "no --config: give a file that defines get_sweep" in capfd.readouterr().err
    assert run_command([*command, f"--workdir={finished / NAMES[0]}"]) == 2
    assert "holds a run: a sweep needs a folder of its own" in capfd.readouterr().err


def test_a_member_whose_folder_holds_another_run_is_named(tmp_path, finished, instead):
    shutil.copytree(finished, tmp_path / "runs")
    before = content(tmp_path / "runs")
    instead("exit 9")
    with pytest.raises(UserError) as refusal:
        run_sweep(swept(optimizer=select("adamw", learning_rate=0.5)), tmp_path / "runs")
    said = str(refusal.value)
    assert f"member {NAMES[0]}: {tmp_path / 'runs' / NAMES[0]} holds another run" in said
    assert "optimizer.learning_rate: the run has 0.01, you gave 0.5" in said
    assert "Use a new --workdir for this sweep" in said and "Also refused: 2 of the other 2 members" in said and "--fresh" not in said
    with pytest.raises(UserError, match="at step 6; steps=4 is less"):
        run_sweep(swept([1], steps=4), tmp_path / "runs")
    assert content(tmp_path / "runs") == before


def test_members_may_come_and_go(tmp_path, finished, instead, caplog):
    caplog.set_level("INFO", "whygrok")
    shutil.copytree(finished / NAMES[0], tmp_path / "runs" / NAMES[0])
    before = content(tmp_path / "runs" / NAMES[0])
    instead(COPY)
    assert states(run_sweep(swept([1, 2]), tmp_path / "runs")) == ["finished"] * 2
    assert f"not in this sweep, and left as they are: {NAMES[0]}" in caplog.text
    assert content(tmp_path / "runs" / NAMES[0]) == before


def test_a_member_that_is_written_elsewhere_is_passed_over_and_looked_at_again(tmp_path, instead):
    (tmp_path / "runs" / NAMES[0]).mkdir(parents=True)
    instead(COPY)
    held = Lock(tmp_path / "runs" / NAMES[0] / "LOCK").__enter__()
    standings = run_sweep(swept(), tmp_path / "runs")
    assert states(standings) == ["elsewhere", "finished", "finished"]
    assert standings[0].said.startswith(f"process {os.getpid()} on ")

    def release(standings):
        if states(standings)[2] == "running":
            held.__exit__(None, None, None)

    shutil.rmtree(tmp_path / "runs" / NAMES[2])
    assert states(run_sweep(swept(), tmp_path / "runs", show=release)) == ["finished"] * 3


@pytest.mark.slow
def test_a_sweep_may_wait_for_members_that_are_written_elsewhere_and_be_stopped_while_it_does(tmp_path, instead, caplog):
    caplog.set_level("INFO", "whygrok")
    (tmp_path / "runs" / NAMES[0]).mkdir(parents=True)
    instead(COPY)
    with Lock(tmp_path / "runs" / NAMES[0] / "LOCK"):
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(Interrupted, match="2 of 3 members are finished, 0 stopped"):
            run_sweep(swept([0, 1, 2]), tmp_path / "runs", wait=True)
    assert f"waiting for {NAMES[0]}: process {os.getpid()} on " in caplog.text
    held = Lock(tmp_path / "runs" / NAMES[0] / "LOCK").__enter__()
    threading.Timer(1, held.__exit__, (None, None, None)).start()
    assert states(run_sweep(swept([0, 1, 2]), tmp_path / "runs", wait=True)) == ["finished"] * 3


def test_a_process_that_is_refused_since_another_was_faster_has_not_failed(tmp_path, instead):
    folder = tmp_path / "runs" / NAMES[0]
    holding = f"import fcntl, time; f = open('{folder}/LOCK', 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    folder.mkdir(parents=True)
    instead(f"while ! [ -f {tmp_path}/held ]; do sleep 0.05; done; exit 2")
    other = None

    def hold(standings):
        nonlocal other
        if other is None and states(standings) == ["running"]:
            other = subprocess.Popen([sys.executable, "-c", holding], stdout=subprocess.PIPE)
            assert other.stdout and other.stdout.readline()
            (tmp_path / "held").touch()

    try:
        assert states(run_sweep(swept([0]), tmp_path / "runs", show=hold)) == ["elsewhere"]
    finally:
        other.kill()
        other.communicate()


def test_a_process_that_cannot_listen_yet_is_stopped_as_well(tmp_path, instead):
    instead("exec sleep 60")
    seen = []

    def interrupt(standings):
        seen[:] = states(standings)
        if seen == ["running", "running", "waiting"]:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="stopped by SIGINT: 0 of 3 members are finished, 2 stopped"):
        run_sweep(swept(), tmp_path / "runs", jobs=2, show=interrupt)
    assert seen == ["stopped", "stopped", "waiting"]


@pytest.mark.parametrize("file, text", [("metrics.jsonl", "{\n{}\n"), ("environment.json", "[]"), ("environment.json", "{}")])
def test_a_damaged_member_is_left_to_its_own_run_to_explain(file, text, tmp_path, finished, instead):
    shutil.copytree(finished, tmp_path / "runs")
    (tmp_path / "runs" / NAMES[1] / file).write_text(text)
    instead("echo 'whygrok: it is damaged'; exit 5")
    standings = run_sweep(swept(), tmp_path / "runs")
    assert states(standings) == ["finished", "failed", "finished"] and standings[1].said == "it is damaged"


def test_a_table_that_cannot_be_written_stops_the_members_and_is_code_5(tmp_path, instead, monkeypatch):
    instead("exec sleep 60")
    started = []

    def full(path, text):
        if started:
            raise StorageError(f"writing {path}: the disk is full")

    def note(standings):
        started.extend(name for name in states(standings) if name == "running")

    monkeypatch.setattr("framework.sweep.folder.write_atomically", full)
    begun = time.monotonic()
    with pytest.raises(StorageError, match="sweep.csv: the disk is full"):
        run_sweep(swept(), tmp_path / "runs", jobs=2, show=note)
    assert time.monotonic() - begun < 30, "it has waited for members that nobody asked to stop"
