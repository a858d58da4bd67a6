"""The engine `slurm` on a real Slurm of one node: tools/one-node-slurm pytest tests/test_slurm.py.

What happens to a member while it is trained, it ends in the bits of a run of its own, and nothing is done twice.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from framework import run_sweep, train
from framework.config import members, select, to_dict
from framework.errors import Interrupted
from plugins.engines.slurm import Slurm
from tests.dying_members import states, table
from tests.helpers import PLUGINS, assert_same_run, tiny

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("SLURM_CONF" not in os.environ, reason="no Slurm here: tools/one-node-slurm pytest tests/test_slurm.py"),
    pytest.mark.usefixtures("clean_registry"),
]

SLOW = str(Path(__file__).parent / "data" / "slow_measure.py")
STEPS = 40


def config():
    """Twenty events, each of which takes as long as is said in the file that SLOW names."""
    probes = {"count": select("counting", schedule="every 2"), "slow": select("slow_measure", schedule="every 2")}
    return tiny(STEPS, probes=probes, plugins=(PLUGINS, SLOW))


def swept(seeds):
    return members(config(), [{"seed": seed} for seed in range(seeds)])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Eight runs of their own."""
    path = tmp_path_factory.mktemp("alone")
    for member in swept(8):
        train(member.config, path / member.name)
    return path


def assert_all_as_alone(runs, alone, count):
    for seed in range(count):
        assert_same_run(runs / f"seed={seed}", alone / f"seed={seed}")


def sessions(run):
    """How each session of a run ended."""
    return [session["reason"] for session in json.loads((run / "environment.json").read_text())["sessions"]]


def scontrol(*words):
    return subprocess.run(["scontrol", *words], check=True, capture_output=True, text=True).stdout


def jobs():
    """Job → its state, for all that are in the queue."""
    said = subprocess.run(["squeue", "--noheader", "--array", "--format=%i %T"], check=True, capture_output=True, text=True).stdout
    return dict(line.split() for line in said.splitlines())


def sinfo(what):
    return subprocess.run(["sinfo", "--noheader", "--Node", f"--format={what}"], capture_output=True, text=True).stdout.strip()


def is_on_node(job):
    """Whether something of a job still runs on this node: Slurm would drain a node on which the job starts a second time."""
    return subprocess.run(["pgrep", "-f", rf"^slurmstepd: \[{job}\."], capture_output=True).returncode == 0


def wait_until(holds, seconds=60):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, (jobs(), sinfo("%T"))
        time.sleep(0.1)


def at_step(run, step):
    """Whether a run has recorded a step."""
    rows = (run / "metrics.jsonl").read_text().splitlines() if (run / "metrics.jsonl").exists() else []
    return bool(rows) and json.loads(rows[-1])["step"] >= step


def start_again_now(job):
    """A job that is queued again waits two minutes, in which a failed node may come back.

    It is asked until it has begun: Slurm lets it wait anew where it hears late of how the job ended.
    """
    wait_until(lambda: jobs().get(job) == "PENDING")

    def begun():
        if jobs().get(job) != "PENDING":
            return True
        subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], capture_output=True)  # it may begin in this moment
        time.sleep(1)
        return False

    wait_until(begun, 90)


def job_of(runs, seed):
    """The job whose share has a member, once it is known."""

    def said():
        rows = table(runs) if (runs / "sweep.csv").exists() else []
        return next((row["said"] for row in rows if row["member"] == f"seed={seed}" and row["said"].startswith("job ")), "")

    wait_until(said)
    return said().removeprefix("job ")


SWEEP = """
import json
from framework.config import from_dict, product

def get_config(arg=""):
    return from_dict(json.loads('''{config}'''))

def get_sweep(config):
    return product({{"seed": range(8)}})
"""


@pytest.fixture
def seconds(tmp_path, monkeypatch):
    """The file that says how long each event takes."""
    monkeypatch.setenv("SLOW", str(tmp_path / "seconds"))
    (tmp_path / "seconds").write_text("0.4")
    return tmp_path / "seconds"


@pytest.fixture
def watched(seconds):
    """A function that has an engine train so many members, slowly, in a thread."""
    with ThreadPoolExecutor() as pool:

        def start(count, runs, **fields):
            return pool.submit(run_sweep, swept(count), runs, engine=Slurm(**{"mem": "500M", "time": "10"} | fields))

        try:
            yield start
        finally:
            if left := jobs():
                subprocess.run(["scancel", *left], check=True)  # after a failure nobody waits for what is left


def test_an_array_survives_its_command_and_has_the_bits_of_single_runs(alone, tmp_path):
    (tmp_path / "sweep.py").write_text(SWEEP.format(config=json.dumps(to_dict(config()))))
    whygrok, runs = str(Path(sys.executable).with_name("whygrok")), tmp_path / "runs"
    words = [whygrok, "sweep", f"--config={tmp_path / 'sweep.py'}", f"--workdir={runs}", "--engine=slurm:mem=500M,time=10", "--jobs=2"]

    done = subprocess.run([*words, "--wait=false"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [row["state"] for row in table(runs)] == ["queued"] * 8
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as watching:
        wait_until(lambda: any(row["state"] in ("running", "finished") for row in table(runs)))
        watching.kill()
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [row["state"] for row in table(runs)] == ["finished"] * 8
    assert len(list(runs.glob("slurm/whygrok-*"))) == 1 and "submitted job" not in done.stderr
    assert all(sessions(runs / f"seed={seed}") == ["complete"] for seed in range(8)), "nothing was trained twice"
    assert_all_as_alone(runs, alone, 8)


def test_one_job_is_queued_again_and_another_cancelled(alone, tmp_path, watched, seconds):
    runs = tmp_path / "runs"
    watching = watched(4, runs, tasks=2)
    again, cancelled = job_of(runs, 0), job_of(runs, 1)
    wait_until(lambda: at_step(runs / "seed=0", 4) and at_step(runs / "seed=1", 4))
    subprocess.run(["scancel", cancelled], check=True)
    scontrol("requeue", again)
    wait_until(lambda: jobs().get(again) == "PENDING")
    seconds.write_text("0")
    start_again_now(again)
    with pytest.raises(Interrupted, match="2 of 4 members are finished, 2 stopped on the way"):
        watching.result(120)
    stopped = ("stopped", f"job {cancelled} was ended by SIGTERM")
    assert [(row["state"], row["said"]) for row in table(runs)] == [("finished", ""), stopped, ("finished", ""), stopped]
    assert not (runs / "seed=3").exists()
    for seed in range(2):
        assert sessions(runs / f"seed={seed}")[0].startswith("stopped by SIGTERM at step ")
    assert states(watched(4, runs).result(120)) == ["finished"] * 4
    assert [sessions(runs / f"seed={seed}")[1:] for seed in range(4)] == [["complete"], ["complete"], [], []]
    assert_all_as_alone(runs, alone, 4)


def test_a_node_that_fails_and_a_time_limit(alone, tmp_path, watched, seconds):
    """Limits are whole minutes and looked at twice a minute: the signal comes up to half a minute early."""
    runs = tmp_path / "runs"
    watching = watched(1, runs, signal=15)
    job, node = job_of(runs, 0), sinfo("%N")
    wait_until(lambda: at_step(runs / "seed=0", 4))
    scontrol("update", f"NodeName={node}", "State=DOWN", "Reason=test")
    wait_until(lambda: jobs().get(job) == "PENDING")
    wait_until(lambda: table(runs)[0]["state"] == "queued")
    subprocess.run(["scontrol", "update", f"NodeName={node}", "State=RESUME"], capture_output=True)  # it may have come back by itself
    wait_until(lambda: "idle" in sinfo("%T") and not is_on_node(job))
    time.sleep(6)  # slurmd forgets the job only then, and would have the node drained where it begins again before
    seconds.write_text("3")
    scontrol("update", f"JobId={job}", "TimeLimit=1")
    start_again_now(job)
    wait_until(lambda: sum(end.startswith("stopped") for end in sessions(runs / "seed=0")) == 2, 90)
    seconds.write_text("0")
    wait_until(lambda: jobs().get(job) == "PENDING")
    scontrol("update", f"JobId={job}", "TimeLimit=10")
    start_again_now(job)
    assert states(watching.result(120)) == ["finished"]
    first, limit, last = sessions(runs / "seed=0")
    assert limit.startswith(("stopped by SIGUSR2", "stopped by SIGTERM")) and last == "complete"
    assert_all_as_alone(runs, alone, 1)
