"""whygrok bench sweep: the command and the script are timed as they are."""

import importlib.util
import json
import subprocess
import sys

import pytest

from framework.cli import run_command
from framework.errors import UserError
from framework.testing import timing
from plugins.benchmarks import sweep
from plugins.benchmarks.sweep import Sweep


def test_every_row_is_the_time_per_run_and_says_its_setting(monkeypatch, capsys):
    monkeypatch.setattr(sweep, "WHYGROK", ["sleep", "0.2", "&&"])
    commands = []
    monkeypatch.setattr(sweep, "timed_command", lambda command: commands.append(command) or (8.0, 2.0))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert run_command(["bench", "sweep", "members=4", "p=5", "steps=3", "--repeats=2", "--json"]) == 0
    wall, processor = json.loads(capsys.readouterr().out)
    assert len(commands) == 3, "the first fills the cache"
    assert [wall["milliseconds"], processor["milliseconds"]] == [2000, 500]
    assert wall["setting"] == {"members": 4, "p": 5, "width": 64, "steps": 3, "jobs": 2, "time per run": "from start to finish"}
    assert [wall["reference"], wall["reference_milliseconds"], wall["ratio"]] == ["torch", None, None]
    assert run_command(["bench", "sweep", "members=4", "--repeats=1"]) == 0
    assert "2000.000" in capsys.readouterr().out


def test_processor_time_is_that_of_the_command_and_of_what_it_starts():
    work = f"import subprocess, sys; subprocess.run([{sys.executable!r}, '-c', 'sum(range(20_000_000))'])"
    seconds, processor = timing.timed_command([sys.executable, "-c", work])
    idle, nothing = timing.timed_command(["sleep", "0.3"])
    assert 0.05 < processor <= 2 * seconds and idle >= 0.3 and nothing < 0.1
    with pytest.raises(UserError, match="code 3: it is broken"):
        timing.timed_command(["sh", "-c", "echo 'it is broken' >&2; exit 3"])


TORCH = """
import atexit, sys
from unittest.mock import MagicMock

torch = sys.modules["torch"] = MagicMock()
sys.modules["torch.nn.functional"] = torch.nn.functional
atexit.register(lambda: print(torch.optim.AdamW.return_value.step.call_count, torch.no_grad.call_count))
"""


def test_the_script_stands_alone_and_measures_at_the_steps_of_the_schedule(tmp_path):
    """A stand-in for torch notes what is asked of it: as many updates as steps, and a measurement at each logged step."""
    script = Sweep(p=3, steps=30)._script(2, tmp_path)
    (tmp_path / "torch.py").write_text(TORCH)
    done = subprocess.run(script, capture_output=True, text=True)
    # Logged: 0, 1 … 9, then 10 · 10^(i/20): 11, 13, 14, 16, 18, 20, 22, 25, 28, and the last, 30.
    assert done.stdout.split() == ["60", "42"], done.stderr


@pytest.mark.slow
def test_the_command_that_is_timed_trains_its_members(tmp_path):
    command = Sweep(p=5, width=8, steps=3)._sweep(3, tmp_path)
    timing.timed_command(command)
    rows = (tmp_path / "runs" / "sweep.csv").read_text().splitlines()
    assert len(rows) == 4 and all("finished" in row for row in rows[1:])
