"""The engine `slurm` without a Slurm: its fields, what it submits, and what it makes of the answers of a queue."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from framework import register, registry, run_sweep
from framework.cli import run_command
from framework.errors import Interrupted, UserError
from framework.storage import Lock
from framework.sweep import WHYGROK, Share, train_share
from framework.testing import findings
from plugins.cluster import submission, watch
from plugins.engines import slurm
from plugins.engines.slurm import Slurm
from tests.dying_members import NAMES, states, swept, table
from tests.helpers import Here, assert_same_run

pytestmark = pytest.mark.usefixtures("clean_registry")

COMMANDS = {
    "sbatch": 'cp "$1" "$CLUSTER/script"; echo submitted >>"$CLUSTER/submitted"; [ -z "$REFUSED" ] || { echo "$REFUSED" >&2; exit 1; }; '
    'echo "Submitted batch job 17"',
    "squeue": 'for last; do :; done; cat "$CLUSTER/queue" | sed "s/NAME/${last#--name=}/"',
    "srun": "",
}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A folder with the commands of a cluster: `queue` is what squeue says, where NAME is what it was asked for."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    for name, script in COMMANDS.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    (folder / "queue").write_text("")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CLUSTER", str(folder))
    monkeypatch.setattr(submission, "JUST_SUBMITTED", 0.0)
    monkeypatch.setattr(watch, "NOTES_SECONDS", 0.05)
    monkeypatch.setattr(watch, "FIRST_LOOK", 0.05)
    monkeypatch.setattr(watch, "GONE_SECONDS", 0.0)
    register("here")(Here)
    return folder


def submitted(cluster):
    """How often sbatch was called."""
    file = cluster / "submitted"
    return len(file.read_text().splitlines()) if file.exists() else 0


def shares(runs):
    """The files of the shares that lie in the folder of a sweep, newest submission last."""
    files = sorted((runs / "slurm").glob("*/[0-9]*.json"), key=lambda file: file.stat().st_mtime_ns)
    return files


def queued(runs, engine, **more):
    """The states when the jobs are queued."""
    return run_sweep(swept(), runs, engine=engine, **more)


NO_WAIT = Slurm(inside="here", tasks=2, wait=False, patience=0, time="30", mem="2G", partition="main")
WAIT = Slurm(inside="here", tasks=2, patience=0)
BOTH = "NAME|17_0|RUNNING|None\nNAME|17_1|PENDING|Resources\n"


@pytest.mark.parametrize(("missing", "said"), [("submitit", "pip install 'whygrok[slurm]'"), ("sbatch", "there is no sbatch in PATH here")])
def test_what_is_missing_is_said_in_a_sentence_and_no_promise_is_asked(missing, said, monkeypatch, tmp_path, cluster):
    if missing == "submitit":
        monkeypatch.setattr(slurm, "find_spec", lambda name: None)
    else:
        monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="--engine=slurm") as refusal:
        run_sweep(swept(), tmp_path / "runs", engine="slurm")
    assert said in str(refusal.value) and "\n" not in str(refusal.value)
    found = findings(registry.build("engine", "slurm"))
    assert [finding.not_asked for finding in found[-2:]] == [str(refusal.value)] * 2
    assert all(finding.broken is None for finding in found)


@pytest.mark.parametrize(
    ("engine", "said"), [(["--engine=processes"], "--engine=processes trains the members itself"), ([], "no engine is")]
)
def test_an_engine_that_cannot_leave_its_members_refuses_not_to_wait(engine, said, command, capfd):
    assert run_command([*command, "--wait=false", *engine]) == 2
    error = capfd.readouterr().err
    assert error.startswith("whygrok: --wait=false is for engines that leave jobs behind them, such as --engine=slurm; ") and said in error


def test_what_is_queued_is_said_and_not_submitted_again(cluster, command, tmp_path, capfd):
    runs, engine = tmp_path / "runs", "--engine=slurm:tasks=2,mem=2G,time=30,partition=main,cpus_per_task=2,array_parallelism=7"
    assert run_command([*command, engine, "--wait=false"]) == 0
    said = capfd.readouterr()
    assert "whygrok: submitted job 17: 3 members in 2 tasks" in said.err
    assert [line.split()[1] for line in said.out.splitlines()[1:4]] == ["queued"] * 3
    assert [(row["state"], row["said"]) for row in table(runs)] == [("queued", "job 17_0"), ("queued", "job 17_1"), ("queued", "job 17_0")]
    script = (cluster / "script").read_text()
    for option in ("mem=2G", "time=30", "partition=main", "cpus-per-task=2", "array=0-1%2", "requeue", "signal=USR2@90"):
        assert f"#SBATCH --{option}\n" in script
    (cluster / "queue").write_text(BOTH)
    assert run_command([*command, engine, "--wait=false"]) == 0
    assert [row["state"] for row in table(runs)] == ["queued"] * 3
    assert submitted(cluster) == 1


def test_what_was_done_while_nobody_watched_is_collected(cluster, tmp_path, finished):
    runs = tmp_path / "runs"
    assert states(queued(runs, NO_WAIT)) == ["queued"] * 3
    for file in shares(runs):
        train_share(file)  # and the queue has forgotten the jobs before anybody looked
    assert states(queued(runs, WAIT)) == ["finished"] * 3
    assert submitted(cluster) == 1 and [file.name for file in runs.glob("slurm/*/collected")] == ["collected"]
    for name in NAMES:
        assert_same_run(runs / name, finished / name)
    assert not list(runs.glob("slurm/*/*.csv")) and table(runs)[2]["state"] == "finished"


def test_a_failure_is_told_once_and_tried_again_by_the_next_command(cluster, tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    queued(runs, NO_WAIT)
    monkeypatch.setenv("DEATH", "1 raise")
    for file in shares(runs):
        train_share(file)
    found = queued(runs, NO_WAIT)
    assert states(found) == ["finished", "failed", "finished"] and submitted(cluster) == 1
    assert found[1].said.startswith("probe death failed at step 4: RuntimeError: the fourth step was too much") and found[1].exit_code == 2
    assert states(queued(runs, NO_WAIT)) == ["finished", "queued", "finished"] and submitted(cluster) == 2


@pytest.mark.parametrize(
    ("left", "state", "said"),
    [
        ({}, "queued", "job 17"),  # submitted again: the queue lost it before it began
        ({"17_0_0_log.err": "slurmstepd: error: Detected 1 oom_kill event\n"}, "failed", "Detected 1 oom_kill event"),
        ({"17_0_0_log.err": "Traceback (most recent call last):\n  File\nOSError: no such python\n"}, "failed", "OSError: no such python"),
        ({"0.jsonl": '{"begun": true}\n{"ended": "SIGTERM"}\n'}, "queued", "job 17"),
        ({"0.jsonl": '{"begun": true}\n{"ended": ""}\n', "17_0_0_log.err": "what\n"}, "failed", "what"),
    ],
)
def test_what_became_of_a_job_that_vanished_is_read_from_its_folder(left, state, said, cluster, tmp_path):
    runs = tmp_path / "runs"
    queued(runs, NO_WAIT)
    for name, text in left.items():
        (shares(runs)[0].parent / name).write_text(text)
    (cluster / "queue").write_text("NAME|17_1|RUNNING|None\n")
    found = queued(runs, NO_WAIT)
    assert found[0].state == state and said in found[0].said and found[1].state == "queued"
    assert submitted(cluster) == 1 + (state == "queued")


@pytest.mark.parametrize(
    ("state", "shown"), [("REQUEUED", "queued"), ("REQUEUE_HOLD", "queued"), ("TIMEOUT", "again"), ("CANCELLED", "again")]
)
def test_a_job_is_over_only_when_slurm_says_so(state, shown, cluster, tmp_path):
    """The states are those of squeue's manual. A member that saved at SIGTERM waits where its job is being queued again."""
    runs = tmp_path / "runs"
    queued(runs, NO_WAIT)
    shares(runs)[0].with_suffix(".jsonl").write_text('{"begun": true}\n{"ended": "SIGTERM"}\n')
    (cluster / "queue").write_text(f"NAME|17_0|{state}|None\nNAME|17_1|RUNNING|None\n")
    assert states(queued(runs, NO_WAIT)) == ["queued"] * 3
    assert submitted(cluster) == 1 + (shown == "again")


def test_members_whose_files_are_slow_to_show_are_waited_for(cluster, tmp_path, finished):
    runs = tmp_path / "runs"
    queued(runs, NO_WAIT)
    for file in shares(runs):
        train_share(file)
    (runs / NAMES[1]).rename(tmp_path / "hidden")
    threading.Timer(1.0, lambda: (tmp_path / "hidden").rename(runs / NAMES[1])).start()
    assert states(queued(runs, Slurm(inside="here", patience=30))) == ["finished"] * 3
    assert submitted(cluster) == 1


def test_files_that_never_show_are_a_failure(cluster, tmp_path):
    runs = tmp_path / "runs"
    queued(runs, NO_WAIT)
    file = shares(runs)[1]
    file.with_suffix(".jsonl").write_text(
        '{"begun": true}\n' + json.dumps({"member": NAMES[1], "state": "finished", "said": "", "exit_code": 0}) + '\n{"ended": ""}\n'
    )
    (cluster / "queue").write_text("NAME|17_0|RUNNING|None\n")
    found = queued(runs, NO_WAIT)
    assert (found[1].state, found[1].said.partition(" has")[2]) == ("failed", " finished it, and its files do not show here")


def test_a_slurm_that_does_not_answer_is_told_before_anything_is_submitted(cluster, tmp_path):
    (cluster / "squeue").write_text("#!/bin/sh\necho 'squeue: error: Unable to contact slurm controller' >&2\nexit 1\n")
    with pytest.raises(UserError, match="^--engine=slurm needs a Slurm that answers: squeue fails here"):
        queued(tmp_path / "runs", NO_WAIT)
    assert submitted(cluster) == 0


def test_a_signal_ends_the_watching_and_leaves_the_jobs(cluster, tmp_path):
    queued(tmp_path / "runs", NO_WAIT)

    def show(standings):
        if standings.counts["queued"] == 3 and not standings.counts["waiting"]:
            os.kill(os.getpid(), signal.SIGINT)

    (cluster / "queue").write_text(BOTH)
    with pytest.raises(Interrupted) as end:
        queued(tmp_path / "runs", WAIT, show=show)
    assert str(end.value) == "stopped watching by SIGINT: 0 of 3 members are finished, and scancel 17 would stop what goes on"
    assert [row["state"] for row in table(tmp_path / "runs")] == ["queued"] * 3 and submitted(cluster) == 1


def test_a_job_that_is_held_is_said_once(cluster, tmp_path, warnings_said):
    queued(tmp_path / "runs", NO_WAIT)
    (cluster / "queue").write_text("NAME|17_0|PENDING|launch failed requeued held\n" + BOTH.splitlines()[1] + "\n")

    def show(standings):
        if warnings_said:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        queued(tmp_path / "runs", WAIT, show=show)
    said = "job 17_0: pending (launch failed requeued held): `scontrol release 17_0` lets it go on, once what holds it is mended"
    assert warnings_said == [said]


def test_a_cluster_that_refuses_is_quoted(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("REFUSED", "sbatch: error: invalid partition specified: main")
    with pytest.raises(UserError, match="^Slurm refused the jobs: invalid partition specified: main$"):
        queued(tmp_path / "runs", NO_WAIT)
    monkeypatch.delenv("REFUSED")
    assert states(queued(tmp_path / "runs", NO_WAIT)) == ["queued"] * 3


def test_two_commands_do_not_submit_at_once(cluster, tmp_path, monkeypatch):
    said = []

    def info(*words):
        said.append(words[-1])
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(submission, "log", SimpleNamespace(info=info))
    folder = tmp_path / "runs" / "slurm"
    folder.mkdir(parents=True)
    with Lock(folder / "LOCK"), pytest.raises(Interrupted):
        queued(tmp_path / "runs", WAIT)
    assert submitted(cluster) == 0 and f"{folder} is being written: process {os.getpid()}" in said[0]


def test_what_another_process_writes_is_not_submitted(cluster, tmp_path):
    (tmp_path / "runs" / NAMES[1]).mkdir(parents=True)
    with Lock(tmp_path / "runs" / NAMES[1] / "LOCK"):
        found = queued(tmp_path / "runs", NO_WAIT)
    assert states(found) == ["queued", "elsewhere", "queued"]
    assert [sorted(Share(file).members) for file in shares(tmp_path / "runs")] == [[NAMES[0]], [NAMES[2]]]


def test_a_job_imports_no_heavy_library_and_nothing_from_the_users_folder(cluster, tmp_path):
    """As the script says that was submitted: its Python reads the task from a pickle."""
    queued(tmp_path / "runs", NO_WAIT)
    (command,) = [line for line in (cluster / "script").read_text().splitlines() if line.startswith("srun")]
    words = shlex.split(command)
    python = words[words.index(sys.executable) : words.index("-u")]
    (tmp_path / "plugins.py").write_text("raise SystemExit('the plugins of somebody else')")
    (pickled, _) = sorted((tmp_path / "runs").glob("slurm/*/17_*_submitted.pkl"))
    program = "import sys, cloudpickle; print(cloudpickle.load(open(sys.argv[1], 'rb')).function.command); print(*sys.modules)"
    done = subprocess.run([*python, "-c", program, pickled], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[0] == str([*WHYGROK, "share", str(pickled.parent / "0.json")]), done.stderr
    assert {"jax", "framework"} & set(done.stdout.splitlines()[1].split()) == set()
