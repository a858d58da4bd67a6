"""One run on several hosts, which are processes here: killed and told to stop, it goes on; what cannot meet says so in words."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest

from framework import train
from framework.cli.training.hosts import Membership, membership, why_lost
from framework.config import load_config
from framework.errors import UserError
from framework.run import complete_steps
from tests.batches_of_members import assert_close
from tests.helpers import assert_same_run, content

ROOT = Path(__file__).parents[1]
SMALL = [
    *("--config=quickstart", "--config.task.p=5", "--config.model.width=8", "--config.model.init_scale=2"),
    *("--config.recording.tensorboard=false", "--config.recording.progress=false", "--config.recording.plot=false"),
    "--config.checkpoint.every_seconds=0",
]


def every(steps: int) -> list[str]:
    """Rows and checkpoints at multiples of a number."""
    fields = {"events.metrics": f"every {steps}", "probes.norms.schedule": f"every {steps}", "checkpoint.every_steps": steps}
    return [f"--config.{name}={value}" for name, value in fields.items()]


def free_port() -> int:
    with socket.socket() as there:
        there.bind(("localhost", 0))
        return there.getsockname()[1]


class Hosts:
    """The command on each of several hosts; stopped by their ids, whatever a test does."""

    def __init__(self, folder: Path, count: int, *words: str, only: int | None = None, seconds: int = 60, last: str = ""):
        self.port, self.count = free_port(), count
        where = [f"--workdir={folder}", f"--hosts={count}", f"--coordinator=localhost:{self.port}", f"--host_seconds={seconds}"]
        command = [sys.executable, str(ROOT / "whygrok.py"), "run", *where, *words]
        numbers = range(count) if only is None else [only]
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        given = {number: [f"--host={number}", *([last] if last and number == count - 1 else [])] for number in numbers}
        self.parents = [subprocess.Popen([*command, *theirs], **pipe) for theirs in given.values()]

    def __enter__(self) -> "Hosts":
        return self

    def __exit__(self, *error: object) -> None:
        for parent in self.parents:
            parent.kill()  # its training process stops when it is gone
            parent.communicate()

    def ended(self) -> list[tuple[int, str, str]]:
        """(exit code, output, standard error) of each."""
        said = [parent.communicate(timeout=120) for parent in self.parents]
        return [(parent.returncode, *words) for parent, words in zip(self.parents, said, strict=True)]

    def trainer(self, number: int) -> int:
        """The id of the training process of a host."""
        children = Path(f"/proc/{self.parents[number].pid}/task/{self.parents[number].pid}/children").read_text()
        return int(children.split()[0])


def finished(folder: Path, count: int, *words: str) -> list[str]:
    """What each host said of a run that went well."""
    with Hosts(folder, count, *words) as hosts:
        ended = hosts.ended()
    assert [code for code, _, _ in ended] == [0] * count, ended
    return [error for _, _, error in ended]


def wait_for(folder: Path, step: int, hosts: Hosts) -> None:
    """Until a checkpoint at that step or a later one is there."""
    patience = time.monotonic() + 60
    while not any(saved >= step for saved in complete_steps(folder / "checkpoints")):
        assert time.monotonic() < patience and all(parent.poll() is None for parent in hosts.parents), hosts.ended()
        time.sleep(0.02)


@pytest.mark.slow
def test_two_hosts_that_are_stopped_and_killed_go_on_to_the_rows_of_two_that_were_not(tmp_path):
    words = [*SMALL, *every(50), "--config.mesh.examples=2", "--config.steps=300"]
    said = finished(tmp_path / "whole", 2, *words)
    for number, error in enumerate(said):
        assert f"host {number} of 2: 1 of 2 devices are here" in error
    cut = tmp_path / "cut"
    with Hosts(cut, 2, *words) as hosts:
        wait_for(cut, 50, hosts)
        hosts.parents[1].send_signal(signal.SIGTERM)
        for code, _, error in hosts.ended():
            assert code == 3 and "stopped by SIGTERM on host 1 at step" in error and "give the same command on every host" in error
    stopped = complete_steps(cut / "checkpoints")[-1]
    with Hosts(cut, 2, *words) as hosts:
        wait_for(cut, stopped + 50, hosts)
        os.kill(hosts.trainer(1), signal.SIGKILL)
        (code_0, _, error_0), (code_1, _, error_1) = hosts.ended()
    assert (code_0, code_1) == (1, 1)
    assert re.search("host 0 of 2: (another host|host 1) has ended or gone silent; its own words say why. What was saved is kept", error_0)
    assert "host 1 of 2: its training process was killed (SIGKILL). What was saved is kept" in error_1
    assert not any("Traceback" in error or "Check failure" in error or "Fatal" in error for error in (error_0, error_1))
    finished(cut, 2, *words)
    assert_same_run(cut, tmp_path / "whole")
    steps = [json.loads(line)["step"] for line in (cut / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(0, 301, 50))
    sessions = json.loads((cut / "environment.json").read_text())["sessions"]
    assert [session["reason"].partition(" ")[0] for session in sessions] == ["stopped", sessions[1]["reason"].partition(" ")[0], "complete"]
    assert sessions[1]["reason"] != "complete" and "--hosts=2" in sessions[0]["command"]
    before = content(cut)
    finished(cut, 2, *words)
    assert content(cut) == before


@pytest.mark.slow
def test_four_hosts_save_what_one_continues_and_back(tmp_path):
    mesh = ["--config.mesh.examples=2", "--config.mesh.neurons=2"]
    changes = [argument.removeprefix("--config.").partition("=")[::2] for argument in [*SMALL[1:], *every(2)]]

    def alone(steps):
        return load_config("quickstart", dict(changes) | {"steps": str(steps)})

    run = tmp_path / "run"
    finished(run, 4, *SMALL, *every(2), *mesh, "--config.steps=2")
    train(alone(4), run)
    said = finished(run, 4, *SMALL, *every(2), *mesh, "--config.steps=6")
    assert "resuming at step 4 of 6" in said[0] and "mesh: 1 × 1 → 2 × 2" in said[0]
    train(alone(6), tmp_path / "alone")
    assert_close(run, tmp_path / "alone")


@pytest.mark.slow
def test_hosts_with_different_configs_are_told_so_and_write_nothing(tmp_path):
    words = [*SMALL, "--config.mesh.examples=2", "--config.steps=100"]
    with Hosts(tmp_path / "run", 2, *words, last="--config.seed=1") as hosts:
        ended = hosts.ended()
    assert [code for code, _, _ in ended] == [2, 2]
    assert "host 1 differs, which says in what" in ended[0][2]
    assert "host 1 differs:\n  seed: 0 on host 0, 1 on host 1" in ended[1][2]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_host_that_never_comes_is_waited_for_and_then_named_missing(tmp_path):
    with Hosts(tmp_path / "run", 2, *SMALL, "--config.mesh.examples=2", only=0, seconds=2) as hosts:
        [(code, _, error)] = hosts.ended()
    assert code == 1
    assert error == "whygrok: host 0 of 2: not all 2 hosts have come within 2 s. Start all of them, then this one again.\n"


def command(*words: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, str(ROOT / "whygrok.py"), "run", *words], capture_output=True, text=True)
    return done.returncode, done.stderr


def test_a_first_host_that_is_not_there_and_a_port_that_is_taken_are_found_before_anything_starts(tmp_path):
    words = [*SMALL, f"--workdir={tmp_path / 'run'}", "--hosts=2", "--host_seconds=1"]
    port = free_port()
    code, said = command(*words, "--host=1", f"--coordinator=localhost:{port}")
    assert code == 1 and said.startswith(f"whygrok: host 1 of 2: host 0 does not listen at localhost:{port} after 1 s")
    with contextlib.closing(socket.create_server(("", port))):
        code, said = command(*words, "--host=0", f"--coordinator=localhost:{port}")
    assert code == 2 and said.startswith(f"whygrok: --coordinator: host 0 cannot listen at port {port} (Address already in use)")
    assert not (tmp_path / "run").exists()


GIVEN = {"workdir": "runs/x", "hosts": "4", "host": 1, "coordinator": "node17:8476", "host_seconds": None}


def test_hosts_are_taken_from_the_arguments():
    assert membership(Namespace(**GIVEN)) == Membership(1, 4, "node17", 8476, 120)
    assert membership(Namespace(**GIVEN | {"coordinator": "[::1]:80", "host_seconds": 5})) == Membership(1, 4, "::1", 80, 5)
    nothing = dict.fromkeys(GIVEN)
    assert membership(Namespace(**nothing), {"SLURM_NTASKS": "4", "SLURM_PROCID": "1"}) is None, "Slurm's variables alone start nothing"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hosts": None}, "--host needs --hosts=N"),
        ({"hosts": "1"}, "--hosts=1: must be a number from 2 on, or slurm"),
        ({"hosts": "many"}, "--hosts=many: must be a number from 2 on"),
        ({"host": None}, "--host is missing: it says which host this is, from 0 to 3 with --hosts=4"),
        ({"host": 4}, "--host is 4: it says which host this is, from 0 to 3"),
        ({"coordinator": None}, "--coordinator=ADDRESS:PORT is missing"),
        ({"coordinator": "node17"}, "--coordinator=node17: must be ADDRESS:PORT"),
        ({"coordinator": "node17:70000"}, "must be ADDRESS:PORT"),
        ({"workdir": None}, "--hosts needs --workdir=FOLDER, the same folder"),
        ({"host_seconds": 0}, "--host_seconds=0: must be at least 1"),
        ({"hosts": "slurm"}, "--host is Slurm's SLURM_PROCID with --hosts=slurm"),
    ],
)
def test_what_is_missing_or_cannot_be_is_named(change, said):
    with pytest.raises(UserError, match=re.escape(said)):
        membership(Namespace(**GIVEN | change), {})


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("node7", "node7"), ("node[003-010,12]", "node003"), ("a-1,b-2", "a-1"), ("gpu-b[4,7]", "gpu-b4")],
)
def test_under_slurm_the_hosts_are_the_tasks_of_the_step(nodes, first):
    options = Namespace(**GIVEN | {"hosts": "slurm", "host": None, "coordinator": None})
    variables = {"SLURM_NTASKS": "4", "SLURM_PROCID": "2", "SLURM_JOB_ID": "4097", "SLURM_STEP_NODELIST": nodes}
    assert membership(options, variables) == Membership(2, 4, first, 61441, 120)
    del variables["SLURM_PROCID"]
    with pytest.raises(UserError, match="--hosts=slurm: SLURM_PROCID is not set; start the command with srun"):
        membership(options, variables)


@pytest.mark.slow
def test_a_training_process_whose_command_was_killed_saves_and_ends_and_so_do_the_others(tmp_path):
    run = tmp_path / "run"
    with Hosts(run, 2, *SMALL, *every(50), "--config.mesh.examples=2", "--config.steps=100000") as hosts:
        wait_for(run, 50, hosts)
        orphan = hosts.trainer(0)
        hosts.parents[0].kill()
        code, _, error = hosts.ended()[1]
        assert code == 3 and "stopped by SIGTERM on host 0 at step" in error
        patience = time.monotonic() + 30
        while Path(f"/proc/{orphan}").exists() and time.monotonic() < patience:
            time.sleep(0.1)
    assert not Path(f"/proc/{orphan}").exists() and not (run / "LOCK").exists()
    assert json.loads((run / "environment.json").read_text())["sessions"][-1]["reason"].startswith("stopped by SIGTERM on host 0")


# What JAX 0.10.2 printed on host 0 when host 1 was stopped by SIGSTOP.
HEARTBEATS = """\
E1128 19:02:03.428444 coordination_service.cc:1549] Use error polling to propagate the following error to all tasks: UNAVAILABLE: The \
following tasks are unhealthy (stopped sending heartbeats):
1
The tasks have crashed. Check the task logs for an earlier error, or scheduler events (e.g. preemption, eviction) to debug further.
"""


def test_a_host_that_has_gone_silent_is_named_where_jax_names_it():
    member = Membership(0, 4, "node17", 8476, 120)
    assert why_lost(member, signal.SIGABRT, True, HEARTBEATS).startswith("host 0 of 4: host 1 has ended or gone silent;")
    assert why_lost(member, signal.SIGABRT, True, HEARTBEATS.replace("\n1\n", "\n1, 3\n")).startswith(
        "host 0 of 4: host 1 and host 3 have ended"
    )
    assert why_lost(member, signal.SIGSEGV, True, "").startswith("host 0 of 4: another host has ended or gone silent;")
    assert why_lost(member, signal.SIGABRT, False, "").startswith("host 0 of 4: not all 4 hosts have come within 120 s.")
