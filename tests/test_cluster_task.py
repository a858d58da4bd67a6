"""What runs outside of this process: a task of a job array, which passes signals on, and the script that starts a Slurm of one node."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

# Notes that it got a signal, and takes a moment to end, as whygrok does.
CHILD = "trap 'echo asked; sleep 0.3; echo saved; exit 3' TERM; echo begun; while :; do sleep 0.05; done"
ASKED = """
import signal, sys, threading, os
from plugins.cluster.task import Task
task = Task(["sh", "-c", {child!r}])
ask = {ask}
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR2 if ask else signal.SIGTERM)).start()
def queue_again(number, frame):
    again = task.checkpoint()
    print("again", again.function.command == task.command, flush=True)
    sys.exit(9)
signal.signal(signal.SIGUSR2, queue_again)
print("ended", task(), flush=True)
"""


@pytest.mark.parametrize(("ask", "end", "code"), [(True, ["again True"], 9), (False, ["ended 3"], 0)])
def test_a_task_passes_a_signal_on_and_waits_until_all_is_saved(ask, end, code):
    """The handler of the signal waits for the child while __call__ waits for it as well."""
    done = subprocess.run(
        [sys.executable, "-c", ASKED.format(child=CHILD, ask=ask)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["begun", "asked", "saved", *end], done.stderr
    assert done.returncode == code


def test_a_slurm_of_one_node_says_which_packages_are_missing(tmp_path):
    script = Path(__file__).parents[1] / "tools" / "one-node-slurm"
    done = subprocess.run([sys.executable, script, "true"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert re.fullmatch(r"tools/one-node-slurm: no \w+ here: apt-get install --no-install-recommends slurm-wlm munge\n", done.stderr)
